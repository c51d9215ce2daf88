"""How far a player's value is from what a condition asks, in words with the figure.

Whether the condition holds is not decided here: PostgreSQL did, and the words follow its verdict.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from rewards.conditions import Comparison, Operator
from rewards.explaining.explanation import Truth
from rewards.explaining.figures import exact_difference, field_label, shown_figure, shown_list, shown_value, unit_shown
from rewards.fields import Field, Kind

_ASKED = {
    Operator.MIN: "at least",
    Operator.MAX: "at most",
    Operator.GT: "more than",
    Operator.LT: "less than",
    Operator.EQUALS: "",
    Operator.NOT: "anything but",
    Operator.IN: "one of",
    Operator.NOT_IN: "none of",
}
_ORDERING = (Operator.MIN, Operator.MAX, Operator.GT, Operator.LT)


def distance_in_words(comparison: Comparison, *, actual: Any, truth: Truth, why_unknown: str = "") -> str:
    """Say what is missing, or by how much a condition holds."""
    if truth is Truth.UNKNOWN:
        return f"not known: {why_unknown or reason_unknown(comparison.field)}"
    if comparison.operator in _ORDERING:
        bound = Decimal(str(comparison.value))
        number = Decimal(str(actual))
        return _missing(comparison, number, bound) if truth is not Truth.HOLDS else _spare(comparison, number, bound)
    if comparison.field.kind is Kind.TAGS:
        return _tags(comparison, actual=actual, truth=truth)
    return _equality(comparison, actual=actual, truth=truth)


def requirement_in_words(comparison: Comparison) -> str:
    """Say what a comparison asks, for example `at least 100.00`."""
    return f"{_ASKED[comparison.operator]} {shown_value(comparison.value, unit=unit_shown(comparison.field))}".strip()


def _missing(comparison: Comparison, actual: Decimal, bound: Decimal) -> str:
    """Say how much more or less is needed: for whole fields to the nearest whole that holds."""
    field, operator = comparison.field, comparison.operator
    is_low = operator in (Operator.MIN, Operator.GT)
    is_strict = operator in (Operator.GT, Operator.LT)
    if field.kind is Kind.INTEGER:
        bound, is_strict = _nearest_whole(bound, is_low=is_low, is_strict=is_strict), False
    gap = exact_difference(bound, actual) if is_low else exact_difference(actual, bound)
    if is_strict and not gap:
        return f"is exactly {_figure(field, actual)}, {'more' if is_low else 'less'} than that is needed"
    beyond = "more than " if is_strict else ""
    return beyond + _gap(field, gap, is_low=is_low)


def _nearest_whole(bound: Decimal, *, is_low: bool, is_strict: bool) -> Decimal:
    """Return the whole number nearest to the bound that satisfies it."""
    whole = bound.to_integral_value(ROUND_CEILING if is_low else ROUND_FLOOR)
    if is_strict and whole == bound:
        return whole + 1 if is_low else whole - 1
    return whole


def _gap(field: Field, gap: Decimal, *, is_low: bool) -> str:
    figure = _figure(field, gap)
    if field.name.startswith("days_since_"):
        days = "day" if gap == 1 else "days"
        return f"{figure} {days} too recent" if is_low else f"{figure} {days} too long ago"
    return f"{figure} {'more' if is_low else 'less'} {field_label(field)} needed"


def _spare(comparison: Comparison, actual: Decimal, bound: Decimal) -> str:
    is_low = comparison.operator in (Operator.MIN, Operator.GT)
    gap = exact_difference(actual, bound) if is_low else exact_difference(bound, actual)
    if not gap:
        return f"exactly the {'least' if is_low else 'most'} that holds"
    return f"{_figure(comparison.field, gap)} {'above' if is_low else 'below'} {_figure(comparison.field, bound)}"


def _equality(comparison: Comparison, *, actual: Any, truth: Truth) -> str:
    unit = unit_shown(comparison.field)
    is_value = f"is {shown_value(actual, unit=unit)}"
    if truth is Truth.HOLDS:
        return is_value
    match comparison.operator:
        case Operator.EQUALS:
            return f"{is_value}, {shown_value(comparison.value, unit=unit)} is needed" + _by(comparison, actual)
        case Operator.IN:
            return f"{is_value}, one of {shown_value(comparison.value, unit=unit)} is needed"
        case Operator.NOT_IN:
            return f"{is_value}, anything but {shown_value(comparison.value, unit=unit)} is needed"
        case _:
            return f"{is_value}, anything else is needed"


def _by(comparison: Comparison, actual: Any) -> str:
    """Return how far a number is from the one it should be."""
    if not comparison.field.kind.is_numeric or not isinstance(comparison.value, Decimal):
        return ""
    gap = exact_difference(comparison.value, Decimal(str(actual)))
    return f": {_figure(comparison.field, abs(gap))} {'more' if gap > 0 else 'less'}"


def _tags(comparison: Comparison, *, actual: Any, truth: Truth) -> str:
    wanted = comparison.value if isinstance(comparison.value, tuple) else (comparison.value,)
    shared = [tag for tag in wanted if tag in actual]
    has = f"has {shown_list(shared)}" if shared else f"has none of {shown_list(wanted)}"
    if truth is Truth.HOLDS:
        return has
    is_refusing = comparison.operator in (Operator.NOT, Operator.NOT_IN)
    return f"{has}, which must be missing" if is_refusing else f"{has}, one is needed"


def _figure(field: Field, value: Decimal) -> str:
    return shown_figure(value, unit=unit_shown(field))


def reason_unknown(field: Field) -> str:
    """Say why a field may be unknown, as far as the registry can tell."""
    if field.window_days is not None:
        reason = f"no daily rows reach back {field.window_days} days"
        return f"{reason}, or {_QUOTIENTS[_base(field)]}" if _base(field) in _QUOTIENTS else reason
    if _base(field) in _QUOTIENTS:
        return _QUOTIENTS[_base(field)]
    if field.is_since_last_reward:
        return "the last reward's decision kept no total to compare with"
    return _ABSENT.get(field.name, "nothing was reported")


def _base(field: Field) -> str:
    return next((name for name in _QUOTIENTS if field.name.startswith(name)), field.name)


_QUOTIENTS = {
    "avg_bet_size": "there are no bets to divide by",
    "avg_session_duration": "there are no sessions to divide by",
    "bets_per_session": "there are no sessions to divide by",
}
_ABSENT = {
    "days_since_last_deposit": "no deposit was reported",
    "days_since_last_activity": "no activity was reported",
    "days_since_registration": "no date of registration was reported",
    "volatility_score": "there are no days with stakes yet",
    "age": "no age was reported",
}
