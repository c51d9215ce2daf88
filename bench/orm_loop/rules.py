"""Rules as Python closures over one player's facts, compiled once."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rewards.conditions import AllOf, AnyOf, Comparison, Condition, Operator
from rewards.fields import Kind
from rewards.formulas import Binary, Call, Formula, Name, Negative, Number

Facts = Mapping[str, Any]
Predicate = Callable[[Facts], bool]
Amount = Callable[[Facts], Decimal | None]

_COMPARE: dict[Operator, Callable[[Any, Any], bool]] = {
    Operator.MIN: operator.ge,
    Operator.MAX: operator.le,
    Operator.GT: operator.gt,
    Operator.LT: operator.lt,
    Operator.EQUALS: operator.eq,
    Operator.NOT: operator.ne,
    Operator.IN: lambda value, wanted: value in wanted,
    Operator.NOT_IN: lambda value, wanted: value not in wanted,
}
_ARITHMETIC: dict[str, Callable[[Decimal, Decimal], Decimal]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
}


def compile_condition(condition: Condition) -> Predicate:
    """Return a test of a condition that has no negations; unknown values fail it."""
    match condition:
        case AllOf(members):
            tests = [compile_condition(member) for member in members]
            return lambda facts: all(test(facts) for test in tests)
        case AnyOf(members):
            tests = [compile_condition(member) for member in members]
            return lambda facts: any(test(facts) for test in tests)
        case Comparison():
            return _compile_comparison(condition)
    raise TypeError(f"{condition} is to be given without negations")


def _compile_comparison(comparison: Comparison) -> Predicate:
    name, wanted, compare = comparison.field.name, comparison.value, _COMPARE[comparison.operator]
    if comparison.field.kind is Kind.TAGS:
        is_wanted = comparison.operator is Operator.EQUALS
        return lambda facts: (wanted in facts[name]) is is_wanted

    def test(facts: Facts) -> bool:
        value = facts[name]
        return value is not None and compare(value, wanted)

    return test


def compile_formula(formula: Formula) -> Amount:
    """Return a function that computes a formula exactly; None where a part is unknown or a division is by zero."""
    match formula:
        case Number(value):
            return lambda _: value
        case Name(found):
            return _compile_name(found.name)
        case Negative(operand):
            inner = compile_formula(operand)
            return lambda facts: None if (value := inner(facts)) is None else -value
        case Binary(sign, left, right):
            return _compile_binary(sign, compile_formula(left), compile_formula(right))
        case Call(function, arguments):
            return _compile_call(function, [compile_formula(argument) for argument in arguments])


def _compile_name(name: str) -> Amount:
    def read(facts: Facts) -> Decimal | None:
        value = facts[name]
        return None if value is None else Decimal(value)

    return read


def _compile_binary(sign: str, left: Amount, right: Amount) -> Amount:
    def compute(facts: Facts) -> Decimal | None:
        first, second = left(facts), right(facts)
        if first is None or second is None:
            return None
        if sign == "/":
            return None if second == 0 else first / second
        return _ARITHMETIC[sign](first, second)

    return compute


def _compile_call(function: str, arguments: list[Amount]) -> Amount:
    call = _FUNCTIONS[function]

    def compute(facts: Facts) -> Decimal | None:
        values = [value for argument in arguments if (value := argument(facts)) is not None]
        return Decimal(call(*values)) if len(values) == len(arguments) else None

    return compute


def _round(value: Decimal, places: Decimal = Decimal(0)) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-int(places)), rounding=ROUND_HALF_UP)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "min": min,
    "max": max,
    "abs": abs,
    "floor": math.floor,
    "ceil": math.ceil,
    "round": _round,
}
