"""Conditions rewritten so that less of them is left to evaluate.

What is true, false or unknown of a player before is so afterwards; but for `foreseen`, which may turn unknown to false.
"""

from __future__ import annotations

from collections.abc import Iterable

from rewards.conditions.tree import AllOf, AnyOf, Comparison, Condition, Negation, Operator, comparisons
from rewards.fields import FIELDS, SINCE_LAST_REWARD, Kind

_EVERYTHING = AllOf(())
# What one comparison costs beside another, measured: a look at the decisions is dearer than all columns together.
_KIND_COSTS = {Kind.BOOLEAN: 1, Kind.INTEGER: 1, Kind.TEXT: 1, Kind.NUMBER: 2, Kind.TAGS: 5}
_COMPUTED_COST, _LOOKED_UP_COST = 4, 50


def named_values(condition: Condition, *, field_name: str) -> set[object]:
    """Return the values that a condition compares a field with."""
    match condition:
        case AllOf(members) | AnyOf(members):
            return {value for member in members for value in named_values(member, field_name=field_name)}
        case Negation(member):
            return named_values(member, field_name=field_name)
        case Comparison(field) if field.name == field_name:
            return set(_values(condition))
        case _:
            return set()


def value_count(condition: Condition) -> int:
    """Return how many values a condition compares with."""
    return sum(len(_values(comparison)) for comparison in comparisons(condition))


def given(condition: Condition, *, field_name: str, value: object) -> Condition | None:
    """Return what is left to hold of players whose text field has a value; None where the condition cannot hold."""
    left = _given(condition, field_name=field_name, value=value)
    if isinstance(left, bool):
        return _EVERYTHING if left else None
    return left


def _given(condition: Condition, *, field_name: str, value: object) -> Condition | bool:
    match condition:
        case AllOf(members):
            left = [_given(member, field_name=field_name, value=value) for member in members]
            return _joined(left, group=AllOf, absorbing=False)
        case AnyOf(members):
            left = [_given(member, field_name=field_name, value=value) for member in members]
            return _joined(left, group=AnyOf, absorbing=True)
        case Negation(member):
            negated = _given(member, field_name=field_name, value=value)
            return not negated if isinstance(negated, bool) else Negation(negated)
        case Comparison(field, operator) if field.name == field_name:
            is_named = value in _values(condition)
            return is_named if operator in (Operator.EQUALS, Operator.IN) else not is_named
        case Comparison():
            return condition


def _joined(members: Iterable[Condition | bool], *, group: type[AllOf | AnyOf], absorbing: bool) -> Condition | bool:
    """Join what is left of a group's members: one that is `absorbing` decides, one that is not says nothing."""
    left: list[Condition] = []
    for member in members:
        if not isinstance(member, bool):
            left.append(member)
        elif member is absorbing:
            return absorbing
    if not left:
        return not absorbing
    return left[0] if len(left) == 1 else group(tuple(left))


def foreseen(condition: Condition) -> Condition:
    """Put before a look at the last reward what it needs at least: nobody has won more since than ever.

    Lifetime measures are never below 0. Not inside a negation, where false for unknown would be true.
    """
    match condition:
        case AllOf(members):
            return AllOf(tuple(foreseen(member) for member in members))
        case AnyOf(members):
            return AnyOf(tuple(foreseen(member) for member in members))
        case Comparison(field, Operator.MIN | Operator.GT) if field.is_since_last_reward and len(field.columns) == 1:
            ever = FIELDS[field.name.removesuffix(SINCE_LAST_REWARD)]
            return AllOf((Comparison(ever, condition.operator, condition.value, condition.path), condition))
        case _:
            return condition


def cheapest_first(condition: Condition) -> Condition:
    """Order the members of every group by what they cost: the database looks at them from left to right."""
    match condition:
        case AllOf(members):
            return AllOf(tuple(sorted(map(cheapest_first, members), key=_cost)))
        case AnyOf(members):
            return AnyOf(tuple(sorted(map(cheapest_first, members), key=_cost)))
        case Negation(member):
            return Negation(cheapest_first(member))
        case Comparison():
            return condition


def _cost(condition: Condition) -> int:
    match condition:
        case AllOf(members) | AnyOf(members):
            return sum(map(_cost, members))
        case Negation(member):
            return _cost(member)
        case Comparison(field) if field.is_since_last_reward:
            return _LOOKED_UP_COST
        case Comparison(field):
            computed = _COMPUTED_COST if len(field.columns) > 1 else 0
            return (_KIND_COSTS[field.kind] + computed) * len(_values(condition))


def _values(comparison: Comparison) -> tuple[object, ...]:
    return comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
