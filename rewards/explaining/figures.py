"""Figures and labels as a person reads them: never rounded to what they are not."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_CEILING, Context, Decimal
from typing import Any

from rewards.fields import SINCE_LAST_REWARD, WINDOWS, Field, Kind

_EXACT = Context(prec=80)
_PLACES_MAX = 12
_LISTED_MAX = 10
_ABBREVIATIONS = {"lp": "LP", "rp": "RP", "kyc": "KYC", "pnl": "result"}


def exact_difference(left: Decimal, right: Decimal) -> Decimal:
    """Return left − right with all digits."""
    return _EXACT.subtract(left, right)


def shown_figure(value: Decimal, *, unit: str = "") -> str:
    """Show a number exactly, money with two decimals at least; a longer one is cut up to twelve, never to nothing."""
    number = value.normalize(_EXACT)
    decimals = max(-int(number.as_tuple().exponent), 0)
    if decimals > _PLACES_MAX:
        number = number.quantize(Decimal(1).scaleb(-_PLACES_MAX), rounding=_away_from_zero(number), context=_EXACT)
        decimals = max(-int(number.normalize(_EXACT).as_tuple().exponent), 0)
    places = max(decimals, 2) if unit in ("money", "points") else decimals
    return f"{number:,.{places}f}"


def _away_from_zero(number: Decimal) -> str:
    return ROUND_CEILING if number > 0 else "ROUND_FLOOR"


def shown_value(value: Any, *, unit: str = "") -> str:
    """Show what a field holds, or what it is compared with."""
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case int() | Decimal():
            return shown_figure(Decimal(value), unit=unit)
        case str():
            return value or "empty"
        case _:
            return shown_list(value, unit=unit)


def shown_list(values: Sequence[Any], *, unit: str = "") -> str:
    """Show the first ten of a list and how many more there are."""
    listed = ", ".join(shown_value(value, unit=unit) for value in values[:_LISTED_MAX])
    more = len(values) - _LISTED_MAX
    return (f"{listed} and {more} more" if more > 0 else listed) or "nothing"


def tidy(value: Decimal | None) -> Decimal | None:
    """Return an amount with two decimals, or as many more as it has, twelve at most."""
    if value is None:
        return None
    number = value.normalize(_EXACT)
    decimals = min(max(-int(number.as_tuple().exponent), 2), _PLACES_MAX)
    return number.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)


def unit_shown(field: Field) -> str:
    """Return the unit that decides how a field's figures are shown: whole ones have no cents, whatever they count."""
    return field.unit if field.kind is Kind.NUMBER else ""


def field_label(field: Field) -> str:
    """Return a field's name as words, for example `net loss in 7 days`."""
    name, window = field.name, ""
    if field.is_since_last_reward:
        name, window = name.removesuffix(SINCE_LAST_REWARD), " since the last reward"
    elif field.window_days in WINDOWS:
        name, window = name.removesuffix(f"_{field.window_days}d"), f" in {field.window_days} days"
    return " ".join(_ABBREVIATIONS.get(word, word) for word in name.split("_")) + window
