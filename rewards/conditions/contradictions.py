"""Conditions that no player can satisfy together: found when a rule is saved, not by a campaign that reaches nobody.

Looked at are the comparisons that must all hold: an empty interval, disjoint lists, or everything possible excluded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from players.models import PlayerSegment
from rewards.conditions.tree import AllOf, AnyOf, Comparison, Condition, Negation, Operator
from rewards.fields import Field, Kind

_POSITIVE = (Operator.EQUALS, Operator.IN)
_NEGATIVE = (Operator.NOT, Operator.NOT_IN)
# What holds of a known value where the operator does not.
_OPPOSITES = {
    Operator.MIN: Operator.LT,
    Operator.LT: Operator.MIN,
    Operator.MAX: Operator.GT,
    Operator.GT: Operator.MAX,
    Operator.EQUALS: Operator.NOT,
    Operator.NOT: Operator.EQUALS,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}
_Bounds = tuple[Decimal | None, bool, Decimal | None, bool]


def contradicting_fields(group: Condition) -> list[str]:
    """Return the names of the fields whose conditions exclude each other within one all-group."""
    about: dict[str, list[Comparison]] = {}
    for comparison in _direct_comparisons(group):
        about.setdefault(comparison.field.name, []).append(comparison)
    return [name for name, found in about.items() if not _is_satisfiable(found[0].field, found)]


def _direct_comparisons(condition: Condition) -> list[Comparison]:
    """Return the comparisons that must all hold together.

    Those of nested all-groups, of an `any` that leaves no choice, and the opposite of one that stands alone in a `not`.
    """
    match condition:
        case Comparison():
            return [condition]
        case AllOf(members):
            return [found for member in members for found in _direct_comparisons(member)]
        case AnyOf((only,)):
            return _direct_comparisons(only)
        case Negation(AllOf((Comparison() as denied,))):
            return [replace(denied, operator=_OPPOSITES[denied.operator])]
        case _:
            return []


def _is_satisfiable(field: Field, about: Sequence[Comparison]) -> bool:
    refused = _united(about, _NEGATIVE)
    if field.kind is Kind.TAGS:
        # A player may have many tags: each positive condition needs one that is not refused.
        return all(_values(c) - refused for c in about if c.operator in _POSITIVE)
    allowed = _allowed(field, about)
    bounds = _bounds(about)
    if allowed is None:
        return _interval_holds_some(field, bounds, refused)
    return any(_is_within(value, bounds) and _is_possible(field, value) for value in allowed - refused)


def _allowed(field: Field, about: Sequence[Comparison]) -> set[Any] | None:
    """Return the values that remain possible, or None where they cannot be listed."""
    sets = [_values(c) for c in about if c.operator in _POSITIVE]
    if field.kind is Kind.BOOLEAN:
        sets.append({True, False})
    if field.name == "segment":
        sets.append(set(PlayerSegment.values))
    return set.intersection(*sets) if sets else None


def _united(about: Sequence[Comparison], operators: Sequence[Operator]) -> set[Any]:
    return {value for c in about if c.operator in operators for value in _values(c)}


def _values(comparison: Comparison) -> set[Any]:
    return set(comparison.value) if isinstance(comparison.value, tuple) else {comparison.value}


def _bounds(about: Sequence[Comparison]) -> _Bounds:
    """Return the strictest lower and upper bound, each with whether it is excluded."""
    lows = [(c.value, c.operator is Operator.GT) for c in about if c.operator in (Operator.MIN, Operator.GT)]
    highs = [(c.value, c.operator is not Operator.LT) for c in about if c.operator in (Operator.MAX, Operator.LT)]
    low: Any = max(lows, default=(None, False))
    high: Any = min(highs, default=(None, True))
    return low[0], low[1], high[0], not high[1]


def _is_within(value: Any, bounds: _Bounds) -> bool:
    low, is_low_open, high, is_high_open = bounds
    if low is not None and (value < low or (is_low_open and value == low)):
        return False
    return high is None or not (value > high or (is_high_open and value == high))


def _is_possible(field: Field, value: Any) -> bool:
    return field.kind is not Kind.INTEGER or value == value.to_integral_value()


def _interval_holds_some(field: Field, bounds: _Bounds, refused: set[Any]) -> bool:
    low, is_low_open, high, is_high_open = bounds
    if low is None or high is None:
        return True
    if field.kind is Kind.INTEGER:
        first = low.to_integral_value(ROUND_FLOOR) + 1 if is_low_open else low.to_integral_value(ROUND_CEILING)
        last = high.to_integral_value(ROUND_CEILING) - 1 if is_high_open else high.to_integral_value(ROUND_FLOOR)
        left_out = [value for value in refused if _is_possible(field, value) and first <= value <= last]
        return len(left_out) <= int(last) - int(first)
    if low == high:
        return not (is_low_open or is_high_open) and low not in refused
    is_open: bool = low < high
    return is_open
