"""Budgets: rules whose players compete for money are settled in one place, under the lock of the rule's row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import QuerySet, Sum

from core.expressions import fetch_rows, run_statement
from rewards.definitions import RuleDefinition
from rewards.models import RewardRule, RuleBudgetDay
from rewards.occasions import Occasion

# Who gets the last of a budget is drawn by a stable hash, so that a simulation and the night agree.
_SETTLE_SQL = """
    WITH queue AS (
        SELECT player_id, money_value, sum(money_value) OVER (
            ORDER BY hashtextextended(%s || player_id, 0), player_id) AS used
        FROM rule_allocations WHERE run_id = %s AND rule_number = %s AND amount_given > 0
    ),
    beyond AS (SELECT player_id, used FROM queue WHERE used > %s)
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', reason = 'BUDGET', amount_given = 0, money_value = 0,
        reasons = jsonb_build_array(jsonb_build_object('code', 'BUDGET', 'budget_left', %s::numeric, 'needed', b.used))
    FROM beyond b WHERE a.run_id = %s AND a.rule_number = %s AND a.player_id = b.player_id
"""
_RESERVE_SQL = """
    INSERT INTO rule_budget_days (rule_id, "on", given_value, given_count)
    SELECT %s, %s, coalesce(sum(money_value), 0), count(*)
    FROM rule_allocations WHERE run_id = %s AND rule_number = %s AND amount_given > 0
    ON CONFLICT (rule_id, "on") DO UPDATE
    SET given_value = rule_budget_days.given_value + excluded.given_value,
        given_count = rule_budget_days.given_count + excluded.given_count
    RETURNING given_value
"""


def settle_budget(rule: RuleDefinition, *, occasion: Occasion) -> int:
    """Cut the run's rewards of a rule to what its budgets have left and reserve that; return how many were cut.

    Must run inside a transaction, after the rule's allocation is complete; the rule's row stays locked until commit.
    """
    RewardRule.objects.select_for_update(no_key=True).get(number=rule.number)
    left = budget_left(rule, occasion=occasion)
    cut = 0
    if left is not None:
        # A whole reward fits or it does not: nobody gets a part of what others were given in full.
        salt = f"budget:{rule.number}:{occasion.on}:"
        params = [salt, occasion.run_id, rule.number, left, left, occasion.run_id, rule.number]
        cut = run_statement(_SETTLE_SQL, params)
    reserve_budget(rule, occasion=occasion)
    return cut


def reserve_budget(rule: RuleDefinition, *, occasion: Occasion) -> None:
    """Count what the run gives of a rule into its business date; the rule's row must be locked."""
    fetch_rows(_RESERVE_SQL, [rule.rule_id, occasion.on, occasion.run_id, rule.number])


def budget_left(rule: RuleDefinition, *, occasion: Occasion) -> Decimal | None:
    """Return the money value the rule may still give on the business date, or None where it has no budget."""
    days = RuleBudgetDay.objects.filter(rule_id=rule.rule_id)
    lefts = []
    if rule.limits.daily_budget is not None:
        lefts.append(rule.limits.daily_budget - _given(days.filter(on=occasion.on)))
    if rule.limits.total_budget is not None:
        lefts.append(rule.limits.total_budget - _given(days))
    return max(min(lefts), Decimal(0)) if lefts else None


def release_budget(*, rule_id: str, on: date, value: Decimal, count: int) -> None:
    """Give back what was reserved for rewards that were refused at posting."""
    run_statement(
        """
        UPDATE rule_budget_days
        SET given_value = greatest(given_value - %s, 0), given_count = greatest(given_count - %s, 0)
        WHERE rule_id = %s AND "on" = %s
        """,
        [value, count, rule_id, on],
    )


def _given(days: QuerySet[RuleBudgetDay]) -> Decimal:
    return days.aggregate(total=Sum("given_value"))["total"] or Decimal(0)


def recount_budgets(*, on: date) -> None:
    """Set what was given on a business date to what decisions say, where reservations were lost."""
    run_statement(
        """
        UPDATE rule_budget_days b
        SET given_value = coalesce(s.given_value, 0), given_count = coalesce(s.given_count, 0)
        FROM reward_rules r LEFT JOIN (
            SELECT rule_number, sum(money_value) AS given_value, count(*) AS given_count FROM reward_decisions
            WHERE first_on = %s AND amount_given > 0 GROUP BY rule_number
        ) s ON s.rule_number = r.number
        WHERE b.rule_id = r.rule_id AND b.on = %s
        """,
        [on, on],
    )
