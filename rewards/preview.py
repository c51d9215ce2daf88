"""Try a rule on one player: the night's phases with a filter, and nothing kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from django.db import transaction

from core.expressions import compile_expression, fetch_rows
from core.models import Run, RunKind
from rewards.conditions import Comparison, comparisons
from rewards.definitions import RuleDefinition
from rewards.evaluation import match_rules
from rewards.expressions import condition_expression, field_expression
from rewards.facts import fill_facts, needed_columns
from rewards.live import allocate_now, check_player
from rewards.models import PlayerFacts, RewardRule, RuleAllocation, RuleMatch
from rewards.rules import active_rules, validate_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionResult:
    """One comparison: the player's value and whether it holds (None: unknown)."""

    path: str
    field: str
    operator: str
    wanted: Any
    actual: Any
    holds: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleTest:
    """What a rule would do for a player. Verdict and amounts are None where the conditions do not hold."""

    rule_id: str
    player_id: str
    on: date
    matches: bool
    conditions: list[ConditionResult]
    amount_computed: Decimal | None
    verdict: str | None
    amount_given: Decimal | None
    reasons: list[dict[str, Any]]


def test_rule(*, rule: RewardRule, player_id: str, on: date) -> RuleTest:
    """Evaluate a saved rule for one player as the night of that date would if it were the only one; write nothing.

    Raises RuleInvalidError, and NotFoundError for a player who does not exist or was removed.
    """
    definition = validate_rule(rule)
    check_player(player_id)
    with transaction.atomic():
        result = _evaluate(definition, player_id=player_id, on=on)
        transaction.set_rollback(True)
    return result


test_rule.__test__ = False  # type: ignore[attr-defined]


def evaluate_rule(*, rule: RewardRule, player_id: str, on: date) -> bool:
    """Tell whether a rule's conditions hold for a player. Raises what `test_rule` raises."""
    return test_rule(rule=rule, player_id=player_id, on=on).matches


def calculate_reward(*, rule: RewardRule, player_id: str, on: date) -> Decimal | None:
    """Return the amount a rule computes for a player, in the reward's own unit and before safety looks at it.

    None where the conditions do not hold or the formula has no value. Raises what `test_rule` raises.
    """
    return test_rule(rule=rule, player_id=player_id, on=on).amount_computed


def get_applicable_rules(*, player_id: str, on: date) -> list[str]:
    """Return the ids of the rules in force whose conditions hold for a player, in the order they would be decided.

    Raises NotFoundError for a player who does not exist or was removed.
    """
    check_player(player_id)
    rules = active_rules(on=on)
    with transaction.atomic():
        run = Run.objects.create(kind=RunKind.TEST, business_date=on)
        fill_facts(run_id=run.pk, on=on, columns=needed_columns(rules), player_ids=[player_id])
        match_rules(rules, run_id=run.pk)
        matched = set(RuleMatch.objects.filter(run_id=run.pk).values_list("rule_number", flat=True))
        transaction.set_rollback(True)
    return [rule.rule_id for rule in rules if rule.number in matched]


def _evaluate(definition: RuleDefinition, *, player_id: str, on: date) -> RuleTest:
    run = Run.objects.create(kind=RunKind.TEST, business_date=on)
    allocate_now([definition], run=run, player_ids=[player_id])
    conditions = [_result(c, definition, run_id=run.pk) for c in comparisons(definition.conditions)]
    matches = RuleMatch.objects.filter(run_id=run.pk).exists()
    allocation = RuleAllocation.objects.filter(run_id=run.pk).first()
    return RuleTest(
        rule_id=definition.rule_id,
        player_id=player_id,
        on=on,
        matches=matches,
        conditions=conditions,
        amount_computed=allocation.amount_computed if allocation else None,
        verdict=allocation.verdict if allocation else ("ALREADY_DECIDED" if matches else None),
        amount_given=allocation.amount_given if allocation else None,
        reasons=allocation.reasons if allocation else [],
    )


def _result(comparison: Comparison, definition: RuleDefinition, *, run_id: int) -> ConditionResult:
    actual, actual_params = compile_expression(
        field_expression(comparison.field, rule_number=definition.number), model=PlayerFacts
    )
    holds, holds_params = compile_expression(
        condition_expression(comparison, rule_number=definition.number), model=PlayerFacts
    )
    rows = fetch_rows(
        f"SELECT {actual}, {holds} FROM player_facts WHERE run_id = %s", [*actual_params, *holds_params, run_id]
    )
    return ConditionResult(
        path=comparison.path,
        field=comparison.field.name,
        operator=comparison.operator,
        wanted=comparison.value,
        actual=rows[0][0],
        holds=rows[0][1],
    )
