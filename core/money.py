"""The one rounding rule: half up to the cent. No float ever holds an amount."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from core.errors import InvalidInputError

CENT = Decimal("0.01")
ZERO = Decimal("0.00")
# numeric(18,2): sixteen digits before the point.
AMOUNT_MAX = Decimal("9999999999999999.99")


def round_to_cent(amount: Decimal) -> Decimal:
    """Round half up (away from zero) to two decimals, as `round(numeric, 2)` does in PostgreSQL."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def parse_amount(value: object, *, name: str = "amount", positive: bool = True) -> Decimal:
    """Return `value` as an exact amount with at most two decimals.

    Raises InvalidInputError for floats, NaN, infinities, too many decimals, too large amounts and, where `positive`,
    for zero and less.
    """
    if isinstance(value, bool | float):
        raise InvalidInputError(f"{name} must be a decimal given as text or integer, not {value!r}", field=name)
    text = str(value).strip()
    try:
        # Decimal() also takes "1_000" and digits of other scripts, which nobody means as money.
        amount = Decimal(text if text.isascii() and "_" not in text else "")
    except InvalidOperation:
        raise InvalidInputError(f"{name} is {value!r}: a decimal such as 12.50 is needed", field=name) from None
    return _check_range(amount, name=name, positive=positive)


def _check_range(amount: Decimal, *, name: str, positive: bool) -> Decimal:
    if not amount.is_finite():
        raise InvalidInputError(f"{name} is {amount}: a finite decimal is needed", field=name)
    # Not abs(): that rounds first, and overflows for a number of a million digits.
    if amount.copy_abs() > AMOUNT_MAX:
        raise InvalidInputError(f"{name} is {_in_short(amount)}: at most {AMOUNT_MAX} can be stored", field=name)
    if amount != amount.quantize(CENT):
        raise InvalidInputError(f"{name} is {amount}: at most two decimals can be stored", field=name)
    if positive and amount <= 0:
        raise InvalidInputError(f"{name} is {amount}: more than zero is needed", field=name)
    return amount.quantize(CENT)


def _in_short(amount: Decimal) -> str:
    sign, digits, exponent = amount.as_tuple()
    return f"{'-' if sign else ''}{digits[0]}e+{len(digits) - 1 + int(exponent)}"
