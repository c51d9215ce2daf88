"""Figures on pages: separated thousands, shares, durations, and what a figure is called."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal, InvalidOperation

from django import template
from django.utils.formats import number_format

register = template.Library()
_NOTHING = "–"


@register.filter
def amount(value: object) -> str:
    """Show an amount, given as text or decimal, with two decimals and separated thousands."""
    number = _decimal(value)
    return _NOTHING if number is None else number_format(number, 2, force_grouping=True)


@register.filter
def exact(value: object) -> str:
    """Show an amount with separated thousands and all its decimals, two at least."""
    number = _decimal(value)
    if number is None:
        return _NOTHING
    decimals = max(-int(number.normalize().as_tuple().exponent), 2)
    return number_format(number, decimals, force_grouping=True)


@register.filter
def count(value: object) -> str:
    """Show a whole number with separated thousands."""
    number = _decimal(value)
    return _NOTHING if number is None else number_format(number, 0, force_grouping=True)


@register.filter
def share_of(part: object, whole: object) -> str:
    """Show `part` as a percentage of `whole` with one decimal; a dash where there is no whole."""
    numerator, denominator = _decimal(part), _decimal(whole)
    if numerator is None or not denominator:
        return _NOTHING
    return f"{100 * numerator / denominator:.1f} %"


@register.filter
def width_of(part: object, whole: object) -> str:
    """Return the width of a bar in percent, 0 to 100, for a style attribute."""
    numerator, denominator = _decimal(part), _decimal(whole)
    if numerator is None or not denominator:
        return "0"
    return f"{min(Decimal(100), max(Decimal(0), 100 * numerator / denominator)):.1f}"


@register.filter
def duration(seconds: float | None) -> str:
    """Show a duration as people read it."""
    if seconds is None:
        return _NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    return str(timedelta(seconds=round(seconds)))


@register.filter
def phrase(name: str) -> str:
    """Show a name of a figure as words."""
    return name.replace("_", " ")


@register.filter
def is_negative(value: object) -> bool:
    """Tell whether the amount is below zero."""
    number = _decimal(value)
    return number is not None and number < 0


def _decimal(value: object) -> Decimal | None:
    if value is None or value == "":
        return None
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
