"""Reported bets that count towards wagering requirements: those the platform took without asking the house.

A bet placed here counts when it is settled, and not again when it is reported under the same id.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from core.expressions import fetch_rows
from core.money import ZERO, round_to_cent
from wallet.bonus_life import record_wagering
from wallet.models import WageringBasis
from wallet.policies import ACTIVITY_COUNTS_WAGERING

# The bonuses of the batch's players that are being wagered, the first to expire first, as bets are paid from them.
_OPEN_SQL = """
    SELECT l.player_id, l.id, l.wagering_basis, l.wagering_required - l.wagering_completed, l.eligible_games,
           greatest(l.created_at, l.available_at, l.expires_at - make_interval(hours => l.active_hours)), l.expires_at
    FROM wallet_lots l
    WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE') AND l.status = 'ACTIVE'
      AND l.wagering_completed < l.wagering_required AND coalesce(l.expires_at > %(at)s, true)
      AND l.player_id = ANY (ARRAY(SELECT n.player_id::varchar FROM activity_players n))
    ORDER BY l.player_id, l.expires_at NULLS LAST, l.id
"""
_WAGERS_SQL = """
    SELECT s.player_id, s.occurred_at, s.amount, coalesce(s.bonus_amount, 0), s.game_category, g.contribution_weight
    FROM activity_stage s
    JOIN game_categories g ON g.code = CASE s.game_category WHEN '' THEN 'other' ELSE s.game_category END
    WHERE s.kind = 'WAGER' AND s.corrects_external_id = '' AND s.player_id = ANY (%s)
      AND NOT EXISTS (SELECT FROM wallet_bets b WHERE b.bet_id = s.bet_id)
    ORDER BY s.player_id, s.occurred_at, s.external_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedWager:
    """A bet as the platform reports it: `bonus` is the part of `stake` that bonus money paid."""

    at: datetime
    stake: Decimal
    bonus: Decimal
    category: str
    weight: Decimal


@dataclass(slots=True, kw_only=True)
class OpenRequirement:
    """A bonus that is being wagered; `missing` shrinks as bets count towards it."""

    lot_id: int
    counts_whole_stake: bool
    missing: Decimal
    eligible_games: tuple[str, ...] | None
    since: datetime
    until: datetime | None
    counted: Decimal = field(default=ZERO)

    @property
    def is_met(self) -> bool:
        """Tell whether nothing is missing any more."""
        return self.counted >= self.missing

    def takes(self, wager: ReportedWager) -> bool:
        """Tell whether a bet may count: made while the bonus was active, in a game it may be played in."""
        return (
            not self.is_met
            and self.since <= wager.at
            and (self.until is None or wager.at < self.until)
            and (self.eligible_games is None or wager.category in self.eligible_games)
        )


def count_reported_wagers(*, at: datetime) -> int:
    """Count the staged bets towards requirements, and complete the bonuses that are met; return how many bonuses moved.

    Must run in the transaction that recorded the batch, which holds its players.
    """
    if not ACTIVITY_COUNTS_WAGERING.value():
        return 0
    open_now = _open_requirements(at=at)
    if not open_now:
        return 0
    wagers = fetch_rows(_WAGERS_SQL, [list(open_now)])
    for player_id, rows in groupby(wagers, key=lambda row: row[0]):
        share_out((_wager(row) for row in rows), open_now[player_id])
    moved = {one.lot_id: one.counted for bonuses in open_now.values() for one in bonuses if one.counted}
    if moved:
        # Only where a requirement is met does a bonus end and the next one have its turn.
        met = [player_id for player_id, bonuses in open_now.items() if any(one.is_met for one in bonuses)]
        record_wagering(moved, player_ids=met, at=at)
    return len(moved)


def share_out(wagers: Iterable[ReportedWager], bonuses: Sequence[OpenRequirement]) -> None:
    """Count each bet once: what bonus money paid towards the first bonus that takes it, on either basis; what real
    money paid towards the first that counts whole stakes.

    Arithmetic alone. A bet counts whole towards the bonus it completes, as a bet that is placed here does.
    """
    for wager in wagers:
        taking = [one for one in bonuses if one.takes(wager)]
        whole = next((one for one in taking if one.counts_whole_stake), None)
        real = wager.stake - wager.bonus
        parts = [(taking[0] if taking and wager.bonus else None, wager.bonus), (whole, real)]
        by_bonus: dict[int, Decimal] = defaultdict(lambda: ZERO)
        for bonus, part in parts:
            if bonus is not None:
                by_bonus[bonus.lot_id] += part
        for one in taking:
            if one.lot_id in by_bonus:
                one.counted += round_to_cent(by_bonus[one.lot_id] * wager.weight)


def _open_requirements(*, at: datetime) -> dict[str, list[OpenRequirement]]:
    found: dict[str, list[OpenRequirement]] = defaultdict(list)
    for player_id, lot_id, basis, missing, games, since, until in fetch_rows(_OPEN_SQL, {"at": at}):
        found[player_id].append(
            OpenRequirement(
                lot_id=lot_id,
                counts_whole_stake=basis == WageringBasis.DEPOSIT_AND_BONUS,
                missing=missing,
                eligible_games=_games(games),
                since=since,
                until=until,
            )
        )
    return dict(found)


def _games(stored: object) -> tuple[str, ...] | None:
    games = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(games) if isinstance(games, list) else None


def _wager(row: tuple[object, ...]) -> ReportedWager:
    _, at, stake, bonus, category, weight = row
    return ReportedWager(at=at, stake=stake, bonus=bonus, category=category or "other", weight=weight)  # type: ignore[arg-type]
