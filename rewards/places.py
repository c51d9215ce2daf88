"""Places: how many different players a rule may ever pay, settled with its budget under the lock of the rule's row.

A run reserves a place for each player it is about to pay, and gives back what it does not use. Places are counted, not
summed, so a player who was paid before needs none.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.expressions import fetch_rows, run_statement
from core.models import Run, RunKind, RunStatus
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.models import RewardRule
from rewards.occasions import AWARDS_SQL, Occasion

_CUT_SQL = f"""
    WITH beyond AS (
        SELECT player_id, place FROM (
            SELECT a.player_id, row_number() OVER (
                ORDER BY hashtextextended(%s || a.player_id, 0), a.player_id) AS place
            FROM rule_allocations a
            WHERE a.run_id = %s AND a.rule_number = %s AND {AWARDS_SQL} AND NOT EXISTS (
                SELECT 1 FROM rule_places p WHERE p.rule_number = a.rule_number AND p.player_id = a.player_id)
        ) queue
        WHERE place > %s
    )
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', reason = 'MAX_PLAYERS', amount_given = 0, money_value = 0,
        reasons = jsonb_build_array(jsonb_build_object(
            'code', 'MAX_PLAYERS', 'max_players', %s::integer, 'places_left', %s::bigint, 'place', b.place))
    FROM beyond b WHERE a.run_id = %s AND a.rule_number = %s AND a.player_id = b.player_id
"""
_RESERVE_SQL = f"""
    INSERT INTO rule_places (rule_number, player_id, run_id)
    SELECT a.rule_number, a.player_id, a.run_id FROM rule_allocations a
    WHERE a.run_id = %s AND a.rule_number = %s AND {AWARDS_SQL} AND NOT EXISTS (
        SELECT 1 FROM rule_places p
        WHERE p.rule_number = a.rule_number AND p.player_id = a.player_id AND p.is_paid)
    ON CONFLICT DO NOTHING
"""


def cut_to_places(rule: RuleDefinition, *, max_players: int, salt: str, occasion: Occasion) -> int:
    """Reject the run's rewards to new players beyond the places left, in the order of the draw; return how many.

    Must run under the lock of the rule's row, in the transaction that then reserves.
    """
    _count_earlier_players(rule, occasion=occasion)
    left = max(max_players - places_used(rule_number=rule.number), 0)
    drawn = [salt, occasion.run_id, rule.number, left]
    return run_statement(_CUT_SQL, [*drawn, max_players, left, occasion.run_id, rule.number])


def reserve_places(rule: RuleDefinition, *, occasion: Occasion) -> None:
    """Keep a place for each player whom the run is about to pay for the first time."""
    run_statement(_RESERVE_SQL, [occasion.run_id, rule.number])


def places_used(*, rule_number: int) -> int:
    """Return how many different players a rule has paid or is about to pay."""
    sql = "SELECT count(*) FROM (SELECT DISTINCT player_id FROM rule_places WHERE rule_number = %s) used"
    return int(fetch_rows(sql, [rule_number])[0][0])


def places_left(rule: RuleDefinition, *, player_id: str, occasion: Occasion) -> int | None:
    """Return how many places the rule has for a player who is new to it; None where the player needs none.

    Must run in a transaction that is rolled back, or under the lock of the rule's row.
    """
    if rule.limits.max_players is None:
        return None
    _count_earlier_players(rule, occasion=occasion)
    sql = "SELECT 1 FROM rule_places WHERE rule_number = %s AND player_id = %s LIMIT 1"
    if fetch_rows(sql, [rule.number, player_id]):
        return None
    return max(rule.limits.max_players - places_used(rule_number=rule.number), 0)


def settle_places(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope) -> None:
    """Mark the places of the range whose players were paid, and give the others back."""
    numbers = [rule.number for rule in rules if rule.limits.max_players is not None]
    if not numbers:
        return
    in_range, params = keys.condition("p.player_id")
    run_statement(
        f"""
        UPDATE rule_places p SET is_paid = true FROM rule_allocations a
        WHERE p.run_id = %s AND p.rule_number = ANY (%s) AND {in_range}
          AND a.run_id = p.run_id AND a.rule_number = p.rule_number AND a.player_id = p.player_id AND {AWARDS_SQL}
        """,
        [occasion.run_id, numbers, *params],
    )
    run_statement(
        f"DELETE FROM rule_places p WHERE p.run_id = %s AND NOT p.is_paid AND p.rule_number = ANY (%s) AND {in_range}",
        [occasion.run_id, numbers, *params],
    )


def release_places(*, run_id: int) -> None:
    """Give back every place that a run has reserved and not paid."""
    run_statement("DELETE FROM rule_places WHERE run_id = %s AND NOT is_paid", [run_id])


def _count_earlier_players(rule: RuleDefinition, *, occasion: Occasion) -> None:
    """Count those whom the rule paid while it had no limit; again, until no night that began then is under way."""
    if RewardRule.objects.filter(number=rule.number, are_places_counted=True).exists():
        return
    run_statement(
        """
        INSERT INTO rule_places (rule_number, player_id, run_id, is_paid)
        SELECT DISTINCT d.rule_number, d.player_id, 0, true FROM reward_decisions d
        WHERE d.rule_number = %s AND (d.amount_given > 0 OR d.reason = 'NEEDS_APPROVAL')
        ON CONFLICT DO NOTHING
        """,
        [rule.number],
    )
    others = Run.objects.filter(kind=RunKind.NIGHT).exclude(pk=occasion.run_id)
    if not others.exclude(status=RunStatus.SUCCEEDED).exists():
        RewardRule.objects.filter(number=rule.number).update(are_places_counted=True)
