"""Simulate a night: all players, now, through the night's own phases, and nothing kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.db.models import Sum
from django.utils import timezone

from core.expressions import fetch_rows
from core.models import Run, RunKind
from core.runs import ALL_KEYS
from rewards.definitions import RuleDefinition
from rewards.facts import fill_facts, needed_columns
from rewards.live import allocate_facts
from rewards.models import RuleBudgetDay
from rewards.occasions import occasion_of_night
from rewards.rechecking import recheck_allocations
from rewards.rules import active_rules
from rewards.simulation import outcomes
from rewards.simulation.morning import bring_up_to_date
from rewards.simulation.outcomes import Allocations, Beneficiary, Outcome, Refusal
from rewards.simulation.periods import check_simulated_date
from rewards.simulation.sandbox import (
    analyze,
    sandbox,
    shadow_budgets,
    shadow_decision_numbers,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetUse:
    """What a rule's budgets would have left after the night, in money value; None where there is no such budget."""

    rule_id: str
    given_before: Decimal
    given: Decimal
    daily_budget: Decimal | None
    daily_left: Decimal | None
    total_budget: Decimal | None
    total_left: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulation:
    """What the night of a business date would give, as things stand; of one rule among all or of all together."""

    on: date
    at: datetime
    rule_id: str | None
    rules_simulated: int
    players: int
    matches: int
    decided_before: int
    total: Outcome
    by_rule: list[Outcome]
    by_segment: list[Outcome]
    by_tier: list[Outcome]
    beneficiaries: list[Beneficiary]
    refusals: list[Refusal]
    budgets: list[BudgetUse]


def simulate(rules: Sequence[RuleDefinition], *, on: date, at: datetime, rule_id: str | None = None) -> Simulation:
    """Return what the night of a business date would give by these rules, in this order; write nothing that lasts.

    With `rule_id` the figures are of that rule among the others. Raises SimulationDateError.
    """
    with simulated_night(rules, on=on, at=at) as run:
        return _read(rules, run=run, at=at, rule_id=rule_id)


def rules_with(definition: RuleDefinition, *, on: date) -> list[RuleDefinition]:
    """Return the rules in force with this one in the place of its active version, in the order they are decided."""
    others = [rule for rule in active_rules(on=on) if rule.number != definition.number]
    return sorted([*others, definition], key=lambda rule: (-rule.priority, rule.number))


@contextmanager
def simulated_night(rules: Sequence[RuleDefinition], *, on: date, at: datetime) -> Iterator[Run]:
    """Yield a run whose allocations, in this session's working tables, are what the night would post."""
    check_simulated_date(on, today=timezone.localdate(at))
    with sandbox(kind=RunKind.SIMULATION, on=on) as run:
        shadow_decision_numbers()
        shadow_budgets(rules, is_empty=False)
        bring_up_to_date(run, at=at)
        fill_facts(run_id=run.pk, on=on, columns=needed_columns(rules))
        occasion = occasion_of_night(run_id=run.pk, on=on)
        allocate_facts(rules, occasion=occasion, on_filled=analyze)
        recheck_allocations(rules, occasion=occasion, keys=ALL_KEYS)
        yield run


def _read(rules: Sequence[RuleDefinition], *, run: Run, at: datetime, rule_id: str | None) -> Simulation:
    ids = {str(rule.number): rule.rule_id for rule in rules}
    number = next((rule.number for rule in rules if rule.rule_id == rule_id), None)
    of = Allocations(run_id=run.pk, rule_number=number)
    by_rule = [replace(outcome, name=ids[outcome.name]) for outcome in outcomes.outcomes(outcomes.RULE, of=of)]
    players, matches, decided = _counts(run_id=run.pk, rule_number=number)
    return Simulation(
        on=run.business_date,
        at=at,
        rule_id=rule_id,
        rules_simulated=len(rules),
        players=players,
        matches=matches,
        decided_before=matches - decided,
        total=next(iter(outcomes.outcomes(outcomes.ALL, of=of)), outcomes.nothing()),
        by_rule=by_rule,
        by_segment=outcomes.outcomes(outcomes.SEGMENT, of=of),
        by_tier=outcomes.outcomes(outcomes.TIER, of=of),
        beneficiaries=outcomes.beneficiaries(of=of),
        refusals=outcomes.refusals(of=of),
        budgets=[_budget_use(rule, on=run.business_date) for rule in rules if _is_budget_shown(rule, number)],
    )


def _counts(*, run_id: int, rule_number: int | None) -> tuple[int, int, int]:
    """Return how many players were looked at, how many matched, and how many of the matches were decided now."""
    of_rule = "run_id = %s AND (%s::integer IS NULL OR rule_number = %s)"
    params = [run_id, rule_number, rule_number]
    rows = fetch_rows(
        f"""
        SELECT (SELECT count(*) FROM player_facts WHERE run_id = %s),
               (SELECT count(*) FROM rule_matches WHERE {of_rule}),
               (SELECT count(*) FROM rule_allocations WHERE {of_rule})
        """,
        [run_id, *params, *params],
    )
    return rows[0][0], rows[0][1], rows[0][2]


def _is_budget_shown(rule: RuleDefinition, number: int | None) -> bool:
    return rule.limits.has_budget and number in (None, rule.number)


def _budget_use(rule: RuleDefinition, *, on: date) -> BudgetUse:
    """Read what is left of a rule's budgets in the sandbox."""
    days = RuleBudgetDay.objects.filter(rule_id=rule.rule_id)
    total = days.aggregate(total=Sum("given_value"))["total"] or Decimal(0)
    daily = days.filter(on=on).aggregate(total=Sum("given_value"))["total"] or Decimal(0)
    given = _given_now(rule.number)
    limits = rule.limits
    return BudgetUse(
        rule_id=rule.rule_id,
        given_before=total - given,
        given=given,
        daily_budget=limits.daily_budget,
        daily_left=None if limits.daily_budget is None else limits.daily_budget - daily,
        total_budget=limits.total_budget,
        total_left=None if limits.total_budget is None else limits.total_budget - total,
    )


def _given_now(rule_number: int) -> Decimal:
    sql = "SELECT coalesce(sum(money_value), 0) FROM rule_allocations WHERE rule_number = %s"
    return Decimal(fetch_rows(sql, [rule_number])[0][0])
