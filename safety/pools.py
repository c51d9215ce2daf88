"""Caps that a whole group shares: what may be granted to a segment, a tier or everybody per day, week and month.

Whoever grants takes the lock of the pools first, asks for their room, and counts what it grants in the same
transaction: neither chunks of a night nor calls of the API overspend together. The lock comes after that of the players
and before those of rules and budgets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from core.constants import constant
from core.expressions import fetch_rows, run_statement
from core.plans import fetch_planned
from safety.caps import window_ends, window_starts
from safety.granted import granted_sql
from safety.models import CapKind, RewardCap


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """A group with what may be granted to it, by window; of neither segment nor tier it is everybody."""

    segment: str
    tier: str
    limits: tuple[tuple[str, Decimal], ...]

    @property
    def name(self) -> str:
        """The group in words."""
        return f"segment {self.segment}" if self.segment else f"tier {self.tier}" if self.tier else "everybody"

    def condition(self, alias: str) -> tuple[str, list[str]]:
        """Return SQL and parameters that hold for the group's members among rows with a segment and a tier."""
        found = [(column, key) for column, key in (("segment", self.segment), ("tier", self.tier)) if key]
        return " AND ".join(["true", *(f"{alias}.{column} = %s" for column, _ in found)]), [key for _, key in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRoom:
    """What the tightest cap of a pool leaves on a business date, in money value."""

    pool: Pool
    window: str
    limit: Decimal
    left: Decimal


def active_pools() -> list[Pool]:
    """Return the groups that have a cap together, that of everybody last."""
    limits: dict[tuple[str, str], list[tuple[str, Decimal]]] = {}
    caps = RewardCap.objects.filter(kind=CapKind.POOL, is_active=True).order_by("-segment", "-tier", "window")
    for cap in caps:
        limits.setdefault((cap.segment, cap.tier), []).append((cap.window.lower(), cap.value))
    return [Pool(segment=segment, tier=tier, limits=tuple(found)) for (segment, tier), found in limits.items()]


@constant("safety_caps")
def pools_in_force() -> list[Pool]:
    """Return the same, but as of the beginning of an operation that reads constants once: for a look, not a grant."""
    return active_pools()


def lock_pools() -> bool:
    """Keep everybody else from asking the pools for room, until commit; return whether there are any."""
    rows = fetch_planned(
        "SELECT count(*) FROM (SELECT id FROM safety_caps WHERE kind = 'POOL' AND is_active ORDER BY id FOR UPDATE) c",
        [],
    )
    return bool(rows[0][0])


def pool_room(pool: Pool, *, on: date) -> PoolRoom:
    """Return what is left of a pool on a business date, at least 0; the pools must be locked.

    A window counts whole, later dates of it too, so that the order of two runs does not matter.
    """
    starts, ends = window_starts(on), window_ends(on)
    rooms = []
    for window, limit in pool.limits:
        params = [pool.segment, pool.tier, starts[window], ends[window]]
        used = fetch_planned(_USED_SQL, [*params, *params])[0][0]
        rooms.append(PoolRoom(pool=pool, window=window, limit=limit, left=max(limit - used, Decimal(0))))
    return min(rooms, key=lambda room: room.left)


_USED_SQL = """
    SELECT coalesce((SELECT sum(given_value) FROM safety_pool_days
                     WHERE segment = %s AND tier = %s AND "on" BETWEEN %s AND %s), 0)
         - coalesce((SELECT sum(value) FROM safety_pool_releases
                     WHERE segment = %s AND tier = %s AND "on" BETWEEN %s AND %s), 0)
"""


def count_into_pool(pool: Pool, *, on: date, value: Decimal) -> None:
    """Count a granted money value, or a negative one that was not granted after all; the pools must be locked."""
    run_statement(
        """
        INSERT INTO safety_pool_days (segment, tier, "on", given_value) VALUES (%s, %s, %s, %s)
        ON CONFLICT (segment, tier, "on") DO UPDATE
        SET given_value = greatest(safety_pool_days.given_value + excluded.given_value, 0)
        """,
        [pool.segment, pool.tier, on, value],
    )


def enter_member(*, player_id: str, on: date) -> tuple[str, str]:
    """Return the segment and tier under which a player's grants of the date count, those of now if none did yet."""
    run_statement(
        """
        INSERT INTO safety_pool_members (player_id, "on", segment, tier)
        SELECT player_id, %s, segment, tier FROM players WHERE player_id = %s ON CONFLICT DO NOTHING
        """,
        [on, player_id],
    )
    sql = 'SELECT segment, tier FROM safety_pool_members WHERE player_id = %s AND "on" = %s'
    segment, tier = fetch_rows(sql, [player_id, on])[0]
    return segment, tier


def pools_of_player(pools: Iterable[Pool], *, player_id: str, on: date) -> list[Pool]:
    """Return the pools that a player's grants of a date count towards."""
    segment, tier = enter_member(player_id=player_id, on=on)
    return [pool for pool in pools if pool.segment in ("", segment) and pool.tier in ("", tier)]


def locked_pools_of(*, player_id: str, on: date) -> list[Pool]:
    """Return the groups whose shared caps a grant to the player counts towards, locked; the player must be locked."""
    lock_pools()
    pools = active_pools()
    return pools_of_player(pools, player_id=player_id, on=on) if pools else []


def tightest_pool_room(*, player_id: str, on: date) -> PoolRoom | None:
    """Return what the pools leave of a player's grants on a date, without a lock; None where no pool holds for them."""
    pools = pools_in_force()
    if not pools:
        return None
    player = fetch_planned(
        """
        SELECT coalesce(m.segment, p.segment), coalesce(m.tier, p.tier) FROM players p
        LEFT JOIN safety_pool_members m ON m.player_id = p.player_id AND m."on" = %s WHERE p.player_id = %s
        """,
        [on, player_id],
    )
    rooms = [
        pool_room(pool, on=on)
        for pool in pools
        for segment, tier in player
        if pool.segment in ("", segment) and pool.tier in ("", tier)
    ]
    return min(rooms, key=lambda room: room.left, default=None)


def recount_pools(pools: Sequence[Pool], *, since: date) -> None:
    """Count anew, from what was really granted, what the pools gave on the business dates from `since` on.

    For a pool that begins, and where reservations were lost with the working tables of a run. Who was not counted
    before counts under the segment and tier of now.
    """
    granted = granted_sql(since=since)
    run_statement(
        f"""
        INSERT INTO safety_pool_members (player_id, "on", segment, tier)
        SELECT DISTINCT p.player_id, g.granted_on, p.segment, p.tier
        FROM {granted} g JOIN players p ON p.player_id = g.player_id
        WHERE g.granted_on >= %s AND g.promotional_value > 0 ON CONFLICT DO NOTHING
        """,
        [since],
    )
    for pool in pools:
        key = [pool.segment, pool.tier, since]
        for table in ("safety_pool_days", "safety_pool_releases"):
            run_statement(f'DELETE FROM {table} WHERE segment = %s AND tier = %s AND "on" >= %s', key)
        member, params = pool.condition("m")
        run_statement(
            f"""
            INSERT INTO safety_pool_days (segment, tier, "on", given_value)
            SELECT %s, %s, g.granted_on, sum(g.promotional_value) FROM {granted} g
            JOIN safety_pool_members m ON m.player_id = g.player_id AND m."on" = g.granted_on
            WHERE g.granted_on >= %s AND {member} GROUP BY g.granted_on
            """,
            [*key, *params],
        )
