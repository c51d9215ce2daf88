"""Settle what a run gives against the caps that whole groups share: in one place, under the lock of the pools."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from core.expressions import fetch_rows, run_statement
from rewards.budgets import release_budget
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.guardrail import guarded_rules
from rewards.occasions import Occasion
from safety.pools import Pool, PoolRoom, active_pools, count_into_pool, lock_pools, pool_room

Given = dict[Pool, Decimal]
_MEMBERS = """rule_allocations a JOIN safety_pool_members m ON m.player_id = a.player_id AND m."on" = %s"""
# In priority order, and among the players of a rule by a stable hash, so that a simulation and the night agree.
_CUT_SQL = """
    WITH queue AS (
        SELECT a.player_id, a.rule_number, a.money_value, sum(a.money_value) OVER (
            ORDER BY r.priority DESC, r.number, hashtextextended(%s || a.player_id, 0), a.player_id) AS used
        FROM {members} JOIN reward_rules r ON r.number = a.rule_number
        WHERE a.run_id = %s AND a.amount_given > 0 AND a.money_value > 0 AND {member}
    ),
    beyond AS (SELECT player_id, rule_number, money_value FROM queue WHERE used > %s),
    cut AS (
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', reason = 'POOL_CAP', amount_given = 0, money_value = 0,
            reasons = jsonb_build_array(jsonb_build_object(
                'code', 'POOL_CAP', 'pool', %s::text, 'window', %s::text, 'limit', %s::numeric, 'room', %s::numeric))
        FROM beyond b
        WHERE a.run_id = %s AND a.player_id = b.player_id AND a.rule_number = b.rule_number
    )
    SELECT rule_number, sum(money_value), count(*) FROM beyond GROUP BY rule_number ORDER BY rule_number
"""


def settle_pools(rules: Sequence[RuleDefinition], *, occasion: Occasion) -> int:
    """Cut the run's rewards to what the pools leave and count the rest into them; return how many were cut.

    Must run inside a transaction, after allocation, budgets and guardrails; the pools stay locked until commit. A group
    of a segment or tier is settled before everybody, so that what it refuses leaves room for others.
    """
    lock_pools()
    pools = active_pools()
    if not pools:
        return 0
    _enter_members(occasion)
    cut = sum(_settle_pool(pool, rules, occasion=occasion) for pool in pools)
    for pool, value in _given_to(pools, occasion=occasion).items():
        count_into_pool(pool, on=occasion.on, value=value)
    return cut


def _enter_members(occasion: Occasion) -> None:
    """Fix the segment and tier that the players' grants of the date count under: those they were judged by."""
    run_statement(
        """
        INSERT INTO safety_pool_members (player_id, "on", segment, tier)
        SELECT DISTINCT f.player_id, %s, f.segment, f.tier
        FROM rule_allocations a JOIN player_facts f ON f.run_id = a.run_id AND f.player_id = a.player_id
        WHERE a.run_id = %s AND a.amount_given > 0 AND a.money_value > 0
        ON CONFLICT DO NOTHING
        """,
        [occasion.on, occasion.run_id],
    )


def _settle_pool(pool: Pool, rules: Sequence[RuleDefinition], *, occasion: Occasion) -> int:
    room = pool_room(pool, on=occasion.on)
    refused = _cut(room, occasion=occasion)
    if refused:
        _release_budgets(rules, refused=refused, occasion=occasion)
    return sum(count for _, _, count in refused)


def _cut(room: PoolRoom, *, occasion: Occasion) -> list[tuple[int, Decimal, int]]:
    """Refuse what does not fit; return by rule what its budget gets back: number, money value and rewards."""
    member, member_params = room.pool.condition("m")
    figures = [room.pool.name, room.window, room.limit, room.left]
    rows = fetch_rows(
        _CUT_SQL.format(members=_MEMBERS, member=member),
        [
            *(f"pool:{occasion.on}:", occasion.on, occasion.run_id, *member_params),
            *(room.left, *figures, occasion.run_id),
        ],
    )
    return [(number, value, count) for number, value, count in rows]


def _release_budgets(
    rules: Sequence[RuleDefinition], *, refused: list[tuple[int, Decimal, int]], occasion: Occasion
) -> None:
    guarded = guarded_rules([number for number, _, _ in refused])
    by_number = {rule.number: rule for rule in rules}
    for number, value, count in refused:
        rule = by_number[number]
        if rule.limits.has_budget or number in guarded:
            release_budget(rule_id=rule.rule_id, on=occasion.on, value=value, count=count)


def pools_given(*, occasion: Occasion, keys: Scope) -> Given:
    """Return by pool what the run gives the players of a range as it stands."""
    pools = active_pools()
    return _given_to(pools, occasion=occasion, keys=keys) if pools else {}


def _given_to(pools: Sequence[Pool], *, occasion: Occasion, keys: Scope | None = None) -> Given:
    in_range, params = keys.condition("a.player_id") if keys else ("true", [])
    found: Given = {}
    for pool in pools:
        member, member_params = pool.condition("m")
        rows = fetch_rows(
            f"""
            SELECT coalesce(sum(a.money_value), 0) FROM {_MEMBERS}
            WHERE a.run_id = %s AND a.amount_given > 0 AND {in_range} AND {member}
            """,
            [occasion.on, occasion.run_id, *params, *member_params],
        )
        found[pool] = rows[0][0]
    return found


def release_pools(*, reserved: Given, given: Given, occasion: Occasion) -> None:
    """Give back to the pools what was not given after all. To be asked before budgets are given back."""
    unused = {pool: value - given.get(pool, Decimal(0)) for pool, value in reserved.items()}
    if not any(unused.values()):
        return
    lock_pools()
    for pool, value in unused.items():
        if value:
            count_into_pool(pool, on=occasion.on, value=-value)
