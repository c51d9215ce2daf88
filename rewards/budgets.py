"""Budgets: rules whose players compete for money or places are settled in one place, under the rule's row lock."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_CEILING, Decimal

from django.db.models import QuerySet, Sum

from core.expressions import fetch_rows, run_statement
from core.money import CENT
from rewards.definitions import RuleDefinition
from rewards.models import BudgetPacing, RewardRule, RuleBudgetDay
from rewards.occasions import Occasion
from rewards.places import cut_to_places, reserve_places

# Who gets the last of a budget is drawn by a stable hash, so that a simulation and the night agree.
_SETTLE_SQL = """
    WITH queue AS (
        SELECT player_id, money_value, sum(money_value) OVER (
            ORDER BY hashtextextended(%s || player_id, 0), player_id) AS used
        FROM rule_allocations WHERE run_id = %s AND rule_number = %s AND amount_given > 0
    ),
    beyond AS (SELECT player_id, used FROM queue WHERE used > %s)
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', reason = %s, amount_given = 0, money_value = 0,
        reasons = jsonb_build_array(%s::jsonb || jsonb_build_object('budget_left', %s::numeric, 'needed', b.used))
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


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRoom:
    """The money value that a rule may still give on a date, what limits it (a reason code) and that limit's figures."""

    left: Decimal
    code: str
    figures: dict[str, Decimal | int] = field(default_factory=dict)

    def as_json(self) -> str:
        """Return code and figures as JSON text, the figures as exact numbers."""
        figures = "".join(f', "{name}": {value}' for name, value in self.figures.items())
        return f'{{"code": "{self.code}"{figures}}}'


def settle_budget(rule: RuleDefinition, *, occasion: Occasion) -> int:
    """Cut the run's rewards of a rule to what its places and budgets have left and reserve that; return how many were.

    Must run inside a transaction, after the rule's allocation is complete; the rule's row stays locked until commit.
    """
    RewardRule.objects.select_for_update(no_key=True).get(number=rule.number)
    salt = f"budget:{rule.number}:{occasion.on}:"
    max_players, cut = rule.limits.max_players, 0
    if max_players is not None:
        cut += cut_to_places(rule, max_players=max_players, salt=salt, occasion=occasion)
    room = budget_room(rule, occasion=occasion)
    if room is not None:
        # A whole reward fits or it does not: nobody gets a part of what others were given in full.
        queue = [salt, occasion.run_id, rule.number, room.left]
        why = [room.code, room.as_json(), room.left]
        cut += run_statement(_SETTLE_SQL, [*queue, *why, occasion.run_id, rule.number])
    if max_players is not None:
        reserve_places(rule, occasion=occasion)
    reserve_budget(rule, occasion=occasion)
    return cut


def reserve_budget(rule: RuleDefinition, *, occasion: Occasion) -> None:
    """Count what the run gives of a rule into its business date; the rule's row must be locked."""
    fetch_rows(_RESERVE_SQL, [rule.rule_id, occasion.on, occasion.run_id, rule.number])


def budget_room(rule: RuleDefinition, *, occasion: Occasion) -> BudgetRoom | None:
    """Return what the tightest of a rule's budgets leaves on the business date, or None where it has none."""
    limits = rule.limits
    days = RuleBudgetDay.objects.filter(rule_id=rule.rule_id)
    rooms = []
    if limits.daily_budget is not None:
        rooms.append(BudgetRoom(left=limits.daily_budget - _given(days.filter(on=occasion.on)), code="BUDGET"))
    if limits.total_budget is not None:
        rooms.append(BudgetRoom(left=limits.total_budget - _given(days), code="BUDGET"))
        if limits.budget_pacing is BudgetPacing.EVEN and limits.ends_on is not None:
            given_today = _given(days.filter(on=occasion.on))
            total_left = limits.total_budget - _given(days.exclude(on=occasion.on))
            rooms.append(
                _paced_room(total_left, given_today=given_today, days_left=(limits.ends_on - occasion.on).days + 1)
            )
    if not rooms:
        return None
    tightest = min(rooms, key=lambda room: room.left)
    return BudgetRoom(left=max(tightest.left, Decimal(0)), code=tightest.code, figures=tightest.figures)


def _paced_room(total_left: Decimal, *, given_today: Decimal, days_left: int) -> BudgetRoom:
    allowance = paced_allowance(total_left, days_left=days_left)
    return BudgetRoom(
        left=allowance - given_today,
        code="PACING",
        figures={"allowance": allowance, "total_left": total_left, "days_left": max(days_left, 1)},
    )


def paced_allowance(total_left: Decimal, *, days_left: int) -> Decimal:
    """Return what a date may give of a budget of which `total_left` was left before it, rounded up to the cent.

    `days_left` counts the date itself; the last day, and any after it, may give everything.
    """
    if total_left <= 0:
        return Decimal(0)
    return (total_left / max(days_left, 1)).quantize(CENT, rounding=ROUND_CEILING)


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
            WHERE last_on = %s AND amount_given > 0 GROUP BY rule_number
        ) s ON s.rule_number = r.number
        WHERE b.rule_id = r.rule_id AND b.on = %s
        """,
        [on, on],
    )
