"""One rounding rule, and amounts read without any guessing."""

from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInputError
from core.money import AMOUNT_MAX, parse_amount, round_to_cent


@pytest.mark.parametrize(
    ("amount", "rounded"),
    [
        ("0.004", "0.00"),
        ("0.005", "0.01"),
        ("0.015", "0.02"),
        ("0.025", "0.03"),
        ("-0.005", "-0.01"),
        ("2.675", "2.68"),
    ],
)
def test_a_half_cent_is_rounded_away_from_zero(amount: str, rounded: str) -> None:
    assert str(round_to_cent(Decimal(amount))) == rounded


@pytest.mark.django_db
@pytest.mark.parametrize("amount", ["0.005", "-0.005", "1.115", "2.675", "123456.785"])
def test_the_database_rounds_as_python_does(amount: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT round(%s::numeric, 2)", [Decimal(amount)])
        assert cursor.fetchone()[0] == round_to_cent(Decimal(amount))


@pytest.mark.parametrize(
    ("given_value", "amount"),
    [("12.50", "12.50"), (" 12.5 ", "12.50"), (12, "12.00"), (Decimal("0.01"), "0.01"), ("1E+2", "100.00")],
)
def test_an_exact_decimal_is_read(given_value: object, amount: str) -> None:
    assert str(parse_amount(given_value)) == amount


@pytest.mark.parametrize(
    ("given_value", "complaint"),
    [
        (12.5, "must be a decimal given as text or integer"),
        (True, "must be a decimal given as text or integer"),
        ("NaN", "a finite decimal is needed"),
        ("sNaN", "a finite decimal is needed"),
        ("Infinity", "a finite decimal is needed"),
        ("-Infinity", "a finite decimal is needed"),
        ("1.005", "at most two decimals"),
        ("1E-999999", "at most two decimals"),
        ("1E+999999", "can be stored"),
        ("10000000000000000.00", "can be stored"),
        ("0", "more than zero"),
        ("0.00", "more than zero"),
        ("-5", "more than zero"),
        ("", "a decimal such as 12.50"),
        ("12,50", "a decimal such as 12.50"),
        ("1_000", "a decimal such as 12.50"),
        ("١٢", "a decimal such as 12.50"),
        (None, "a decimal such as 12.50"),
        (b"12", "a decimal such as 12.50"),
    ],
)
def test_anything_else_is_refused_by_name(given_value: object, complaint: str) -> None:
    with pytest.raises(InvalidInputError, match=complaint) as error:
        parse_amount(given_value, name="stake")

    assert error.value.message.startswith("stake ")
    assert error.value.details["field"] == "stake"


@pytest.mark.parametrize(("given_value", "amount"), [("0", "0.00"), ("-5", "-5.00"), ("-9999999999999999.99", None)])
def test_zero_and_less_are_read_where_they_are_meant(given_value: str, amount: str | None) -> None:
    assert parse_amount(given_value, positive=False) == (-AMOUNT_MAX if amount is None else Decimal(amount))


def test_the_largest_amount_is_read() -> None:
    assert parse_amount("9999999999999999.99") == AMOUNT_MAX


@given(st.decimals(min_value="0.01", max_value="9999999999999999.99", places=2))
def test_every_amount_of_cents_survives_being_read(amount: Any) -> None:
    assert parse_amount(str(amount)) == amount
    assert round_to_cent(amount) == amount
