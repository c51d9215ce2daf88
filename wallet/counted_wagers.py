"""What reported bets counted towards requirements, kept by bet and bonus, so that it can be taken back.

A correction changes it by the difference while the bonus is being wagered; what a bonus that has ended came to stands.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.bulk import trusted_keys
from core.expressions import fetch_rows, run_statement
from core.money import ZERO
from wallet.models import StakePart

KEPT_DAYS = 90
"""Until so long after the bonus has ended a bet that is placed late is known to have counted."""
_BATCH_ROWS = 50_000
_MANY_ROWS = 100
_IS_WAGERED = "l.status = 'ACTIVE' AND coalesce(l.expires_at > %(at)s, true)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What one reported bet counts towards one bonus: `staked` is the part of its stake, before its weight."""

    lot_id: int
    part: StakePart
    staked: Decimal
    contribution: Decimal


Progress = dict[int, Decimal]
"""By bonus, what is to be added to its progress; below zero where it is taken back."""

_KEEP_SQL = """
    INSERT INTO wallet_counted_wagers (player_id, lot_id, source, external_id, bet_id, part, staked,
                                       contribution_weight, contribution, counted_at)
    SELECT s.player_id, n.lot_id, %s, n.external_id, s.bet_id, n.part, n.staked, n.weight, n.contribution, %s
    FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::numeric[], %s::numeric[], %s::numeric[])
         n (external_id, lot_id, part, staked, weight, contribution)
    JOIN activity_stage s ON s.external_id = n.external_id
"""
# The corrections of the batch say by how much a stake differs from what was counted of it so far.
_CORRECT_SQL = f"""
    UPDATE wallet_counted_wagers w
    SET staked = n.staked, contribution = round(n.staked * w.contribution_weight, 2)
    FROM (
        SELECT k.id, k.contribution AS counted, greatest(0, k.staked + CASE k.part
                   WHEN 'WHOLE' THEN c.amount WHEN 'BONUS' THEN c.bonus_amount ELSE c.amount - c.bonus_amount
               END) AS staked
        FROM activity_corrections c
        JOIN wallet_counted_wagers k ON k.source = %(source)s AND k.external_id = c.corrects_external_id
        JOIN wallet_lots l ON l.player_id = k.player_id AND l.id = k.lot_id
        WHERE c.reason IS NULL AND c.is_latest AND c.kind = 'WAGER' AND k.player_id = c.player_id AND {_IS_WAGERED}
    ) n
    WHERE w.id = n.id RETURNING w.player_id, w.lot_id, w.contribution - n.counted
"""
_VOID_SQL = f"""
    DELETE FROM wallet_counted_wagers w USING wallet_lots l
    WHERE w.bet_id = %(bet_id)s AND w.player_id = %(player_id)s AND l.player_id = w.player_id AND l.id = w.lot_id
      AND {_IS_WAGERED}
    RETURNING w.lot_id, -w.contribution
"""


def keep_counted(counted: Sequence[tuple[str, Decimal, Counted]], *, source: str, at: datetime) -> None:
    """Keep what staged bets count, each with the id of its event and the weight of its game."""
    if not counted:
        return
    columns = [
        [external_id for external_id, _, _ in counted],
        [one.lot_id for _, _, one in counted],
        [one.part.value for _, _, one in counted],
        [one.staked for _, _, one in counted],
        [weight for _, weight, _ in counted],
        [one.contribution for _, _, one in counted],
    ]
    # The batch holds the players, and their open bonuses were read under that lock.
    with trusted_keys(are_many=len(counted) > _MANY_ROWS):
        run_statement(_KEEP_SQL, [source, at, *columns])


def correct_counted(*, source: str, at: datetime) -> dict[str, Progress]:
    """Change what corrected bets counted towards bonuses that are still wagered; return the differences by player."""
    found: dict[str, Progress] = defaultdict(dict)
    for player_id, lot_id, difference in fetch_rows(_CORRECT_SQL, {"source": source, "at": at}):
        if difference:
            found[player_id][lot_id] = found[player_id].get(lot_id, ZERO) + difference
    return dict(found)


def take_back_void(*, bet_id: str, player_id: str, at: datetime) -> Progress:
    """Forget what reports of a bet counted that is void; return what its bonuses' progress loses."""
    return _summed(fetch_rows(_VOID_SQL, {"bet_id": bet_id, "player_id": player_id, "at": at}))


def has_counted(*, bet_id: str, player_id: str) -> bool:
    """Tell whether a bet has counted as a report already."""
    sql = """
        SELECT true FROM wallet_counted_wagers WHERE bet_id = %s AND player_id = %s AND contribution > 0 LIMIT 1
    """
    return bool(fetch_rows(sql, [bet_id, player_id]))


def _summed(rows: Iterable[tuple[int, Decimal]]) -> Progress:
    found: Progress = defaultdict(lambda: ZERO)
    for lot_id, amount in rows:
        found[lot_id] += amount
    return dict(found)


def forget_counted_wagers(*, at: datetime) -> int:
    """Delete what was counted towards bonuses that ended long ago, in batches; return how many rows."""
    deleted = 0
    while batch := run_statement(
        """
        DELETE FROM wallet_counted_wagers WHERE id IN (
            SELECT w.id FROM wallet_counted_wagers w JOIN wallet_lots l ON l.id = w.lot_id
            WHERE l.closed_at < %s ORDER BY w.id LIMIT %s)
        """,
        [at - timedelta(days=KEPT_DAYS), _BATCH_ROWS],
    ):
        deleted += batch
    return deleted
