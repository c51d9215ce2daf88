"""Amounts, counts and hours, as PostgreSQL understands them; properties by chance, spellings one by one."""

from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from players.importing.columns import BY_NAME
from players.importing.numbers import (
    DecimalSign,
    NumberStyle,
    bounded_sql,
    exact_sql,
    is_ambiguous_sql,
    proves_sql,
    quoted,
)
from players.tests.importing.files import codes, imported, refused, totals

pytestmark = pytest.mark.django_db
POINT, COMMA, UNKNOWN = DecimalSign.POINT, DecimalSign.COMMA, DecimalSign.UNKNOWN


def select(expression: str, text: str) -> object:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {expression} FROM (SELECT {quoted(text)}::text AS v) cell")
        return cursor.fetchone()[0]


def understood(text: str, sign: DecimalSign, *, column: str = "total_won") -> Decimal | int | None:
    """Return what a cell means in a file of this decimal sign, None where it means nothing."""
    kind = BY_NAME[column]
    exact = exact_sql("v", kind, NumberStyle(sign=sign, currency_words=("EUR", "€")))
    number = select(f"(SELECT {bounded_sql('n', kind)} FROM (SELECT {exact} AS n OFFSET 0) x)", text)
    assert number is None or isinstance(number, Decimal | int)
    return number


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("5000", "5000"),
        ("0", "0"),
        ("007", "7"),
        ("12.5", "12.5"),
        ("5.", "5"),
        (".5", "0.5"),
        ("+5", "5"),
        ("-0.00", "0"),
        ("1,234", "1234"),
        ("1,234.5", "1234.5"),
        ("1,234,567.89", "1234567.89"),
        ("12,34,567.89", "1234567.89"),
        ("1 234.50", "1234.5"),
        ("1\u00a0234\u00a0567", "1234567"),
        ("1\u202f234.5", "1234.5"),
        ("1'234.50", "1234.5"),
        ("1’234’567.5", "1234567.5"),
        ("€1,234.50", "1234.5"),
        ("1,234.50 €", "1234.5"),
        ("EUR 500", "500"),
        ("500eur", "500"),
        ("2e3", "2000"),
        ("1.5E+3", "1500"),
        ("1e-3", "0"),
        ("0.125", "0.13"),
        ("1234.565", "1234.57"),
        ("999999999999999.99", "999999999999999.99"),
    ],
)
def test_amounts_with_a_point(text: str, amount: str) -> None:
    assert understood(text, POINT) == Decimal(amount)


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("12,5", "12.5"),
        ("1.234", "1234"),
        ("1.234,5", "1234.5"),
        ("1.234.567,89", "1234567.89"),
        ("1 234,50 €", "1234.5"),
        ("1'234,50", "1234.5"),
        ("0,125", "0.13"),
        ("1,5e3", "1500"),
        (",5", "0.5"),
    ],
)
def test_amounts_with_a_comma(text: str, amount: str) -> None:
    assert understood(text, COMMA) == Decimal(amount)


NO_AMOUNTS = (
    "", "NaN", "nan", "inf", "-inf", "Infinity", "#N/A", "abc", "-5", "−5", "(5)", "5-", "5%", "$5", "USD 5", "1_000",
    "0x1F", "1,23,45", "1,2345", "12,34", "1 23", "1,234,56", "1..2", "1.2.3", "--5", "1e99", "1.23457E+11", "٥", "５",
    "TRUE", "e5", "5e", "1000000000000000", "0,123", "12.05.2025", "12:30", "1,234 567", ".", ",", "1.234,5",
)  # fmt: skip


@pytest.mark.parametrize("text", NO_AMOUNTS)
def test_what_is_no_amount_with_a_point(text: str) -> None:
    assert understood(text, POINT) is None


@pytest.mark.parametrize("text", ["12.5", "1.23", "1,234,567", "1,234.5", "0.123"])
def test_what_is_no_amount_with_a_comma(text: str) -> None:
    assert understood(text, COMMA) is None


@pytest.mark.parametrize(
    ("text", "count"), [("25", 25), ("25.0", 25), ("1,234", 1234), ("2147483647", 2147483647), ("2e3", 2000)]
)
def test_counts_are_whole(text: str, count: int) -> None:
    assert understood(text, POINT, column="sessions") == count


@pytest.mark.parametrize("text", ["25.5", "2147483648", "-1", "1.234"])
def test_what_is_no_count(text: str) -> None:
    assert understood(text, POINT, column="sessions") is None


@pytest.mark.parametrize(
    ("text", "hours"),
    [("48", "48"), ("48.25", "48.25"), ("48:30", "48.5"), ("0:45:36", "0.76"), ("\x1ft174600", "48.5")],
)
def test_hours_may_be_written_as_a_duration(text: str, hours: str) -> None:
    assert understood(text, POINT, column="playtime_hours") == Decimal(hours)


@pytest.mark.parametrize(
    ("text", "signs"),
    [
        ("12.5", {POINT}),
        ("12,5", {COMMA}),
        ("1234.567", {POINT}),
        ("1234,567", {COMMA}),
        ("0.123", {POINT}),
        ("0,123", {COMMA}),
        ("1,234.5", {POINT}),
        ("1.234,5", {COMMA}),
        ("1,234,567", {POINT}),
        ("1.234.567", {COMMA}),
        ("12,34,567", {POINT}),
        ("1 234,5", {COMMA}),
        ("€ 12,5", {COMMA}),
        ("12.5 EUR", {POINT}),
        ("1.5e3", {POINT}),
        ("1234", set()),
        ("1,234", set()),
        ("1.234", set()),
        ("1 234", set()),
        ("12.05.2025", set()),
        ("1,2,3", set()),
    ],
)
def test_what_a_cell_proves_about_the_decimal_sign(text: str, signs: set[DecimalSign]) -> None:
    assert {sign for sign in (POINT, COMMA) if select(proves_sql("v", sign), text)} == signs


@pytest.mark.parametrize(
    ("text", "expected"), [("1,234", True), ("1.234", True), ("€1.234", True), ("0.123", False), ("1234", False)]
)
def test_what_cannot_be_read_without_proof(text: str, expected: bool) -> None:
    assert select(is_ambiguous_sql("v"), text) is expected
    assert (understood(text, UNKNOWN) is None) is expected


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    amount=st.decimals(min_value=0, max_value=Decimal("99999999999.999"), places=3),
    group=st.sampled_from(["", ",", " ", "'"]),
)
def test_every_amount_survives_its_spelling(amount: Decimal, group: str) -> None:
    rounded = amount.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    spelled = f"{amount:,}".replace(",", group)
    turned = spelled.translate(str.maketrans(",.", ".,"))

    assert understood(spelled, POINT) == rounded
    assert understood(turned, COMMA) == rounded


def test_one_cell_decides_for_the_whole_file(tmp_path: Path) -> None:
    header = "player_id;total_deposited;total_wagered;total_won"

    imported(tmp_path, "alice;1.234;5;6", "bob;1;2;3,5", header=header)

    assert totals("alice") == (Decimal("1234.00"), Decimal("5.00"), Decimal("6.00"))


def test_a_file_that_does_not_tell_is_refused(tmp_path: Path) -> None:
    problem = refused(tmp_path, 'alice,"1,234",2,3')[0]

    assert (problem["row"], problem["column"], problem["value"], problem["code"]) == (
        2,
        "total_deposited",
        "1,234",
        "ambiguous",
    )


def test_the_decimal_sign_can_be_chosen(tmp_path: Path) -> None:
    imported(tmp_path, 'alice,"1,234",2,3', decimal_sign=COMMA)

    assert totals("alice")[0] == Decimal("1.23")


def test_a_chosen_sign_holds_for_plain_cells_too(tmp_path: Path) -> None:
    assert refused(tmp_path, "alice,1.5,2,3", decimal_sign=COMMA)[0]["value"] == "1.5"


def test_two_decimal_signs_in_one_file_are_refused_with_both_places(tmp_path: Path) -> None:
    problems = refused(tmp_path, 'alice,"1,5",2,3', "bob,1.5,2,3")

    assert [(problem["row"], problem["value"], problem["code"]) for problem in problems] == [
        (3, "1.5", "mixed_decimal_signs"),
        (2, "1,5", "mixed_decimal_signs"),
    ]


def test_rounding_is_told_with_an_example(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2.345,3", "bob,1,2.125,3.5")

    assert (totals("alice")[1], totals("bob")[1]) == (Decimal("2.35"), Decimal("2.13"))
    assert summary.notices[0]["message"] == (
        "2 cells of total_wagered have more than two decimals and were rounded half up "
        "(first: row 2, 2.345 became 2.35)"
    )


def test_shortened_numbers_are_written_out_and_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,2e3,2,3")

    assert (totals("alice")[0], codes(summary.notices)) == (Decimal("2000.00"), ["scientific"])


BAD_AMOUNTS = {
    "": "empty",
    "NaN": "nan",
    "-inf": "infinite",
    "#DIV/0!": "error_value",
    "NULL": "missing",
    "-": "missing",
    "-5": "negative",
    "(5.00)": "negative",
    "5-": "negative",
    "$5": "currency",
    "5 USD": "currency",
    "5%": "percent",
    "1.23457E+11": "shortened",
    "1234567890123456": "too_large",
    "12.05.2025": "wrong_type",
    "five": "not_a_number",
}


def test_bad_amounts_are_refused_by_name(tmp_path: Path) -> None:
    rows = [f"player{number},1,{value},3.5" for number, value in enumerate(BAD_AMOUNTS)]

    problems = refused(tmp_path, *rows)

    assert {problem["value"]: problem["code"] for problem in problems} == BAD_AMOUNTS
    assert [problem["row"] for problem in problems] == list(range(2, len(BAD_AMOUNTS) + 2))
    assert {problem["column"] for problem in problems} == {"total_wagered"}
