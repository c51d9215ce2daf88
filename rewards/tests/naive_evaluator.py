"""What conditions and formulas mean, written once more in plain Python: slow, obvious, and unaware of SQL.

Facts are a dictionary of stored columns, None for unknown. Conditions are taken as the JSON they were written in,
formulas as nested tuples that `rendered` turns into text.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

Facts = dict[str, Any]
FLOOR = Fraction(-(10**15))
OTHER_NAMES = {
    "sessions": "total_sessions",
    "session_count": "total_sessions",
    "wagered_7d": "total_wagered_7d",
    "bets_30d": "total_bets_30d",
    "ggr_7d": "house_edge_contribution_7d",
    "bet_frequency_30d": "bets_per_session_30d",
    "net_profit": "net_pnl",
}


class TooCloseError(Exception):
    """Raised where a quotient's last digits decide: PostgreSQL keeps twenty, Fractions keep all."""


def holds(conditions: dict[str, Any], facts: Facts) -> bool | None:
    """Tell whether conditions hold, None if that is unknown."""
    return _all([_key_holds(key, wanted, facts) for key, wanted in conditions.items()])


def _key_holds(key: str, wanted: Any, facts: Facts) -> bool | None:
    if key == "all":
        return _all([holds(member, facts) for member in wanted])
    if key == "any":
        return _not(_all([_not(holds(member, facts)) for member in wanted]))
    if key == "not":
        return _not(holds(wanted, facts))
    if key.endswith(("_min", "_max")):
        return _comparison_holds(key[:-4], key[-3:], wanted, facts)
    if isinstance(wanted, dict):
        return _all([_comparison_holds(key, operator, value, facts) for operator, value in wanted.items()])
    return _comparison_holds(key, "in" if isinstance(wanted, list) else "equals", wanted, facts)


def _all(members: list[bool | None]) -> bool | None:
    if False in members:
        return False
    return None if None in members else True


def _not(member: bool | None) -> bool | None:
    return None if member is None else not member


def _comparison_holds(name: str, operator: str, wanted: Any, facts: Facts) -> bool | None:
    actual = facts["tags"] if name == "tags" else field_value(name, facts)
    if actual is None:
        return None
    values = [_exact(value) for value in (wanted if isinstance(wanted, list) else [wanted])]
    if name == "tags":
        found = any(value in actual for value in values)
        return not found if operator in ("not", "not_in") else found
    value = _exact(actual)
    outcomes: dict[str, Callable[[], bool]] = {
        "min": lambda: value >= values[0],
        "max": lambda: value <= values[0],
        "gt": lambda: value > values[0],
        "lt": lambda: value < values[0],
        "equals": lambda: value == values[0],
        "in": lambda: value in values,
        "not": lambda: value != values[0],
        "not_in": lambda: value not in values,
    }
    return outcomes[operator]()


def _exact(value: Any) -> Any:
    if isinstance(value, bool | str):
        return value
    return value if isinstance(value, Fraction) else Fraction(str(value))


def field_value(name: str, facts: Facts) -> Any:
    """Return a field: a stored column, or a result over the measures of a window."""
    name = OTHER_NAMES.get(name, name)
    if name in facts:
        return facts[name]
    if name == "net_loss":
        return _if_known(lambda: max(-Fraction(facts["net_pnl"]), Fraction(0)), facts["net_pnl"])
    base, _, window = name.rpartition("_")
    measures: list[Any] = [facts.get(f"total_{of}_{window}") for of in ("won", "wagered", "bets", "sessions")]
    won, wagered, bets, sessions = measures
    if base == "win_loss_ratio" and wagered == 0:
        return Fraction(0)
    results: dict[str, Callable[[], Fraction | None]] = {
        "net_pnl": lambda: _difference(won, wagered),
        "net_loss": lambda: _if_known(lambda: max(Fraction(wagered) - Fraction(won), Fraction(0)), won, wagered),
        "house_edge_contribution": lambda: _difference(wagered, won),
        "win_loss_ratio": lambda: _ratio(won, wagered),
        "avg_bet_size": lambda: _ratio(wagered, bets),
        "bets_per_session": lambda: _ratio(bets, sessions),
    }
    return results[base]()


def _difference(left: Any, right: Any) -> Fraction | None:
    return _if_known(lambda: Fraction(left) - Fraction(right), left, right)


def _ratio(dividend: Any, divisor: Any) -> Fraction | None:
    return None if not divisor else _if_known(lambda: Fraction(dividend) / Fraction(divisor), dividend)


def _if_known(compute: Callable[[], Fraction], *needed: Any) -> Fraction | None:
    return None if any(value is None for value in needed) else compute()


# A formula's value with whether it was computed without a quotient that has no end.
Value = tuple[Fraction, bool] | None


def amount(formula: Any, facts: Facts, *, max_amount: Decimal) -> Fraction | None:
    """Return what a rule computes, to the cent; None where it has no value."""
    value = evaluated(formula, facts)
    if value is None or value[0] <= FLOOR:
        return None
    return _half_up((min(value[0], Fraction(max_amount)), value[1]), 2)


def is_exact(formula: Any, facts: Facts) -> bool:
    value = evaluated(formula, facts)
    return value is None or value[1]


def evaluated(formula: Any, facts: Facts) -> Value:
    match formula:
        case ("number", text):
            return Fraction(text), True
        case ("name", name):
            known = field_value(name, facts)
            return None if known is None else (Fraction(known), _ends(Fraction(known)))
        case ("-", operand):
            value = evaluated(operand, facts)
            return None if value is None else (-value[0], value[1])
        case ("call", function, arguments):
            return _called(function, [evaluated(argument, facts) for argument in arguments])
        case (sign, left, right):
            return _computed(sign, evaluated(left, facts), evaluated(right, facts))
    raise AssertionError(formula)


def _computed(sign: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    (a, a_is_exact), (b, b_is_exact) = left, right
    both = a_is_exact and b_is_exact
    if sign != "/":
        return ({"+": a + b, "-": a - b, "*": a * b}[sign], both)
    if not b_is_exact and abs(b) < Fraction(1, 10**6):
        raise TooCloseError
    return None if b == 0 else (a / b, both and _ends(a / b))


def _called(function: str, arguments: list[Value]) -> Value:
    known = [argument for argument in arguments if argument is not None]
    if len(known) < len(arguments):
        return None
    if function in ("min", "max"):
        chosen = (min if function == "min" else max)(value for value, _ in known)
        return chosen, all(exact for _, exact in known)
    value, exact = known[0]
    if function == "abs":
        return abs(value), exact
    if function == "round":
        places = int(known[1][0]) if len(known) == 2 else 0
        return _half_up((value, exact), places), True
    if not exact and abs(value - round(value)) < Fraction(1, 10**6):
        raise TooCloseError
    return Fraction(math.floor(value) if function == "floor" else math.ceil(value)), True


def _half_up(value: tuple[Fraction, bool], places: int) -> Fraction:
    scaled = abs(value[0]) * 10**places
    if not value[1] and abs(scaled % 1 - Fraction(1, 2)) < Fraction(1, 10**6):
        raise TooCloseError
    rounded = Fraction(math.floor(scaled + Fraction(1, 2)), 10**places)
    return rounded if value[0] >= 0 else -rounded


def _ends(value: Fraction) -> bool:
    """Tell whether a number has at most twelve decimals."""
    return (value * 10**12).denominator == 1


def rendered(formula: Any, *, outer: int = 0) -> str:
    """Return a formula as text, with no more parentheses than needed."""
    match formula:
        case ("number" | "name", text):
            return str(text)
        case ("-", operand):
            return f"-{rendered(operand, outer=3)}"
        case ("call", function, arguments):
            return f"{function}({', '.join(rendered(argument) for argument in arguments)})"
        case (sign, left, right):
            level = 1 if sign in "+-" else 2
            text = f"{rendered(left, outer=level)} {sign} {rendered(right, outer=level + 1)}"
            return f"({text})" if level < outer else text
    raise AssertionError(formula)
