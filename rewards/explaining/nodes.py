"""Ask PostgreSQL about every node of a rule's conditions at once, by the expressions the night asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.expressions import Sql, compile_expression, fetch_rows
from rewards.conditions import AllOf, AnyOf, Comparison, Condition, Negation
from rewards.definitions import RuleDefinition
from rewards.explaining.distances import distance_in_words, requirement_in_words
from rewards.explaining.explanation import ExplainedComparison, ExplainedCondition, ExplainedGroup, Group, Truth
from rewards.explaining.figures import field_label, shown_value, unit_shown
from rewards.explaining.sources import FactsSource
from rewards.expressions import condition_expression, field_expression, formula_expression, reward_amount_expression
from rewards.models import PlayerFacts, RewardType


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the facts say: a truth per node in the order of the tree, a value per field, and the formula's two values.

    `formula_value` is not rounded and not limited, `amount` is what the rule computes.
    """

    truths: tuple[bool | None, ...]
    values: dict[str, Any]
    formula_value: Decimal | None
    amount: Decimal | None


def ask_facts(definition: RuleDefinition, *, source: FactsSource) -> Answers:
    """Evaluate every node, every field and the formula of a rule on one player's facts, in one query."""
    nodes = list(_nodes(definition.conditions))
    columns = [_node_sql(node, definition) for node in nodes]
    columns += [_field_sql(name, definition) for name in _field_names(definition)]
    columns += _amounts_sql(definition)
    preamble, preamble_params = source.preamble(definition)
    selected = ", ".join(sql for sql, _ in columns)
    rows = fetch_rows(
        f"{preamble} SELECT {selected} FROM player_facts",
        [*preamble_params, *(param for _, params in columns for param in params)],
    )
    found = rows[0]
    names = _field_names(definition)
    return Answers(
        truths=found[: len(nodes)],
        values=dict(zip(names, found[len(nodes) :], strict=False)),
        formula_value=found[-2],
        amount=found[-1],
    )


def _nodes(condition: Condition) -> Iterator[Condition]:
    """Yield a condition and everything within it, in order."""
    yield condition
    match condition:
        case Negation(member):
            yield from _nodes(member)
        case AllOf(members) | AnyOf(members):
            for member in members:
                yield from _nodes(member)


def _node_sql(node: Condition, definition: RuleDefinition) -> Sql:
    condition = condition_expression(node, rule_number=definition.number)
    return compile_expression(condition, model=PlayerFacts) if condition else ("true", [])


def _field_names(definition: RuleDefinition) -> list[str]:
    return [field.name for field in definition.fields]


def _field_sql(name: str, definition: RuleDefinition) -> Sql:
    field = next(field for field in definition.fields if field.name == name)
    return compile_expression(field_expression(field, rule_number=definition.number), model=PlayerFacts)


def _amounts_sql(definition: RuleDefinition) -> list[Sql]:
    reward, number = definition.reward, definition.number
    computed = reward_amount_expression(
        formula=reward.formula,
        max_amount=reward.max_amount,
        is_whole=reward.type is RewardType.TICKETS,
        rule_number=number,
    )
    values = [formula_expression(reward.formula, rule_number=number), computed]
    return [compile_expression(value, model=PlayerFacts) for value in values]


def explain_conditions(conditions: Condition, *, answers: Answers, why_unknown: dict[str, str]) -> ExplainedCondition:
    """Put the answers into the tree; `why_unknown` says by field what is known about its absence."""
    return _explained(conditions, iter(answers.truths), answers, why_unknown)


def _explained(
    condition: Condition, truths: Iterator[bool | None], answers: Answers, why_unknown: dict[str, str]
) -> ExplainedCondition:
    truth = Truth.of(next(truths))
    match condition:
        case Comparison():
            return _comparison(condition, truth, answers, why_unknown)
        case Negation(member):
            negated = _explained(member, truths, answers, why_unknown)
            return ExplainedGroup(path=condition.path, group=Group.NOT, truth=truth, members=(negated,))
        case AllOf(found) | AnyOf(found):
            members = tuple(_explained(member, truths, answers, why_unknown) for member in found)
            if len(members) == 1:
                return members[0]
            group = Group.ALL if isinstance(condition, AllOf) else Group.ANY
            return ExplainedGroup(path=condition.path, group=group, truth=truth, members=members)


def _comparison(
    comparison: Comparison, truth: Truth, answers: Answers, why_unknown: dict[str, str]
) -> ExplainedComparison:
    field = comparison.field
    actual = answers.values[field.name]
    return ExplainedComparison(
        path=comparison.path,
        field=field.name,
        label=field_label(field),
        unit=field.unit,
        operator=comparison.operator,
        threshold=comparison.value,
        actual=tuple(actual) if isinstance(actual, list) else actual,
        requirement=requirement_in_words(comparison),
        shown_actual=shown_value(actual, unit=unit_shown(field)),
        truth=truth,
        distance=distance_in_words(comparison, actual=actual, truth=truth, why_unknown=why_unknown.get(field.name, "")),
    )
