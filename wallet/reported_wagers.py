"""Reported bets that count towards wagering requirements: those the platform took without asking the house.

A bet placed here counts when it is settled, and not again when it is reported under the same id; one that was reported
before it was placed counted then. Corrections change what was counted while the bonus is being wagered.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from core.expressions import fetch_rows
from core.money import ZERO, round_to_cent
from wallet.bonus_life import record_wagering, show_progress
from wallet.counted_wagers import Counted, Progress, correct_counted, keep_counted
from wallet.models import StakePart, WageringBasis
from wallet.policies import ACTIVITY_COUNTS_WAGERING

# The bonuses of the batch's players that are being wagered, the first to expire first, as bets are paid from them.
_OPEN_SQL = """
    SELECT l.player_id, l.id, l.wagering_basis, l.wagering_required - l.wagering_completed, l.eligible_games,
           greatest(l.created_at, l.available_at, l.expires_at - make_interval(hours => l.active_hours)), l.expires_at
    FROM wallet_lots l
    WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE') AND l.status = 'ACTIVE'
      AND (l.wagering_completed < l.wagering_required OR l.id = ANY (%(changed)s))
      AND coalesce(l.expires_at > %(at)s, true)
      AND l.player_id = ANY (ARRAY(SELECT n.player_id::varchar FROM activity_players n) || %(players)s::varchar[])
    ORDER BY l.player_id, l.expires_at NULLS LAST, l.id
"""
# A bet counts as the batch's own corrections say it was. One made while its player might not bet here counts nowhere:
# bonus money would become real by play that should not have been.
_WAGERS_SQL = """
    SELECT s.player_id, s.external_id, s.occurred_at, s.amount + coalesce(c.amount, 0),
           coalesce(s.bonus_amount, 0) + coalesce(c.bonus_amount, 0), s.game_category, g.contribution_weight
    FROM activity_stage s
    JOIN game_categories g ON g.code = CASE s.game_category WHEN '' THEN 'other' ELSE s.game_category END
    LEFT JOIN activity_corrections c
        ON c.corrects_external_id = s.external_id AND c.player_id = s.player_id AND c.reason IS NULL AND c.is_latest
    WHERE s.kind = 'WAGER' AND s.corrects_external_id = '' AND s.player_id = ANY (%s)
      AND s.amount + coalesce(c.amount, 0) > 0
      AND NOT EXISTS (SELECT FROM wallet_bets b WHERE b.bet_id = s.bet_id AND b.player_id = s.player_id)
      AND NOT EXISTS (
          SELECT FROM player_restrictions r JOIN restriction_effects e ON e.kind = r.kind
          WHERE r.player_id = s.player_id AND e.purpose = 'BET' AND e.effect = 'REFUSE'
            AND r.starts_at <= s.occurred_at AND coalesce(r.ends_at > s.occurred_at, true))
    ORDER BY s.player_id, s.occurred_at, s.external_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedWager:
    """A bet as the platform reports it: `bonus` is the part of `stake` that bonus money paid."""

    external_id: str
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


def count_reported_wagers(*, source: str, has_corrections: bool, at: datetime) -> int:
    """Count the staged bets towards requirements, and complete the bonuses that are met; return how many bonuses moved.

    Bets that are corrected change what they counted before. Must run in the transaction that recorded the batch, which
    holds its players.
    """
    corrected = correct_counted(source=source, at=at) if has_corrections else {}
    if not ACTIVITY_COUNTS_WAGERING.value() and not corrected:
        return 0
    open_now = _open_requirements(corrected, at=at)
    if ACTIVITY_COUNTS_WAGERING.value() and open_now:
        _count_staged(open_now, source=source, at=at)
    moved = {one.lot_id: one.counted for bonuses in open_now.values() for one in bonuses if one.counted}
    if moved:
        # Only where a requirement is met does a bonus end and the next one have its turn.
        met = {player_id for player_id, bonuses in open_now.items() if any(one.is_met for one in bonuses)}
        record_wagering(moved, player_ids=sorted(met), at=at)
        show_progress(sorted(open_now.keys() - met))
    return len(moved)


def _count_staged(open_now: dict[str, list[OpenRequirement]], *, source: str, at: datetime) -> None:
    wagers = fetch_rows(_WAGERS_SQL, [list(open_now)])
    counted = [
        one
        for player_id, rows in groupby(wagers, key=lambda row: row[0])
        for one in share_out((_wager(row) for row in rows), open_now[player_id])
    ]
    keep_counted(counted, source=source, at=at)


def share_out(
    wagers: Iterable[ReportedWager], bonuses: Sequence[OpenRequirement]
) -> Iterator[tuple[str, Decimal, Counted]]:
    """Count each bet once: what bonus money paid towards the first bonus that takes it, on either basis; what real
    money paid towards the first that counts whole stakes.

    Arithmetic alone: yields what each bet counts, with its event's id and weight. A bet counts whole towards the bonus
    it completes, as a bet that is placed here does.
    """
    for wager in wagers:
        taking = [one for one in bonuses if one.takes(wager)]
        for bonus, part, staked in _parts(wager, taking):
            contribution = round_to_cent(staked * wager.weight)
            bonus.counted += contribution
            yield (
                wager.external_id,
                wager.weight,
                Counted(lot_id=bonus.lot_id, part=part, staked=staked, contribution=contribution),
            )


def _parts(
    wager: ReportedWager, taking: Sequence[OpenRequirement]
) -> Iterator[tuple[OpenRequirement, StakePart, Decimal]]:
    """Yield which bonus takes which part of a stake, and how much it is."""
    whole = next((one for one in taking if one.counts_whole_stake), None)
    if taking and taking[0] is whole:
        yield whole, StakePart.WHOLE, wager.stake
        return
    if taking and wager.bonus:
        yield taking[0], StakePart.BONUS, wager.bonus
    if whole is not None and wager.stake > wager.bonus:
        yield whole, StakePart.REAL, wager.stake - wager.bonus


def _open_requirements(corrected: dict[str, Progress], *, at: datetime) -> dict[str, list[OpenRequirement]]:
    """Return the bonuses of the batch's players that are being wagered, and those whose progress corrections change."""
    found: dict[str, list[OpenRequirement]] = defaultdict(list)
    changed = [lot_id for progress in corrected.values() for lot_id in progress]
    asked = {"at": at, "changed": changed, "players": list(corrected)}
    for player_id, lot_id, basis, missing, games, since, until in fetch_rows(_OPEN_SQL, asked):
        found[player_id].append(
            OpenRequirement(
                lot_id=lot_id,
                counts_whole_stake=basis == WageringBasis.DEPOSIT_AND_BONUS,
                missing=missing,
                eligible_games=_games(games),
                since=since,
                until=until,
                counted=corrected.get(player_id, {}).get(lot_id, ZERO),
            )
        )
    return dict(found)


def _games(stored: object) -> tuple[str, ...] | None:
    games = json.loads(stored) if isinstance(stored, str) else stored
    return tuple(games) if isinstance(games, list) else None


def _wager(row: tuple[Any, ...]) -> ReportedWager:
    _, external_id, at, stake, bonus, category, weight = row
    return ReportedWager(
        external_id=external_id, at=at, stake=stake, bonus=bonus, category=category or "other", weight=weight
    )
