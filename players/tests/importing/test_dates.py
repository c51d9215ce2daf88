"""Dates in every spelling that can only mean one day."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from players.importing.dates import (
    DateOrder,
    DateReader,
    UnreadableDateError,
    is_iso_date_sql,
    moment_sql,
    weigh_order,
)
from players.importing.numbers import quoted
from players.models import Player
from players.tests.importing.files import HEADER, codes, imported, refused, totals

UNKNOWN = DateOrder.UNKNOWN
DATED = f"{HEADER},last_deposit_date"


def read(text: str, order: DateOrder = UNKNOWN) -> str:
    """Return the moment a text means, in UTC."""
    return DateReader(order=order, zone=UTC).read(text).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


SPELLINGS = (
    "2025-12-20", "2025/12/20", "2025.12.20", "20251220", "20.12.2025", "20/12/2025", "20-Dec-2025", "20 December 2025",
    "Dec 20, 2025", "December 20th, 2025", "46011", "\x1fn46011",
)  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_one_day_has_many_spellings(text: str) -> None:
    assert read(text, DateOrder.DAY_FIRST) == "2025-12-20 00:00"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-12-20T13:05:09Z", "2025-12-20 13:05"),
        ("2025-12-20 13:05:09.123+02:00", "2025-12-20 11:05"),
        ("20.12.2025 13:05", "2025-12-20 13:05"),
        ("20.12.2025, 1:05 PM", "2025-12-20 13:05"),
        ("20.12.2025 12:05 am", "2025-12-20 00:05"),
        ("46011.5", "2025-12-20 12:00"),
    ],
)
def test_the_time_of_day_is_kept(text: str, moment: str) -> None:
    assert read(text) == moment


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("03/04/2025", "ambiguous_date"),
        ("2025-02-30", "no_such_date"),
        ("31.04.2025", "no_such_date"),
        ("2025-12-20 25:00", "no_such_date"),
        ("20.12.2025 13:05 PM", "no_such_date"),
        ("20.12.25", "short_year"),
        ("20-Dec-25", "short_year"),
        ("1899-12-30", "date_out_of_range"),
        ("1970-01-01", "date_out_of_range"),
        ("9999-12-31", "date_out_of_range"),
        ("0", "not_a_date"),
        ("1766188800", "not_a_date"),
        ("yesterday", "not_a_date"),
        ("20 Foo 2025", "not_a_date"),
        ("\x1fbTRUE", "wrong_type"),
        ("\x1fe#N/A", "wrong_type"),
    ],
)
def test_what_is_no_date_or_more_than_one_is_refused(text: str, code: str) -> None:
    with pytest.raises(UnreadableDateError) as refusal:
        read(text)

    assert refusal.value.code == code


def test_a_day_above_twelve_tells_the_order() -> None:
    assert weigh_order(["03/04/2025", "13/04/2025"]).order is DateOrder.DAY_FIRST
    assert weigh_order(["03/04/2025", "04/13/2025"]).order is DateOrder.MONTH_FIRST
    assert weigh_order(["03/04/2025"]).order is UNKNOWN
    assert weigh_order(["13/04/2025", "04/13/2025"]).contradicts


@pytest.mark.django_db
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.dates(min_value=date(1975, 1, 1), max_value=date(2105, 12, 31)), shift=st.integers(-3, 3))
def test_only_days_that_exist_are_taken_by_the_database(day: date, shift: int) -> None:
    text = f"{day:%Y-%m}-{max(0, day.day + shift):02d}"
    with connection.cursor() as cursor:
        # Unnested, since PostgreSQL works constants out before it looks at conditions.
        cursor.execute(
            f"SELECT {is_iso_date_sql('v')}, {moment_sql('v', time_zone='UTC')} FROM unnest(ARRAY[{quoted(text)}]) v"
        )
        is_taken, moment = cursor.fetchone()

    try:
        exists = 1980 <= date.fromisoformat(text).year <= 2100
    except ValueError:
        exists = False
    assert (is_taken, moment is not None) == (exists, exists)


@pytest.mark.django_db
def test_the_whole_column_tells_the_order(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3,03/04/2025", "bob,1,2,3,25/04/2025", header=DATED)

    assert totals("alice", "last_deposit_at") == (datetime(2025, 4, 3, tzinfo=UTC),)


@pytest.mark.django_db
def test_the_order_can_be_chosen(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3,03/04/2025", header=DATED, date_order=DateOrder.MONTH_FIRST)

    assert totals("alice", "last_deposit_at") == (datetime(2025, 3, 4, tzinfo=UTC),)


@pytest.mark.django_db
def test_two_orders_in_one_column_are_refused_with_both_dates(tmp_path: Path) -> None:
    problems = refused(tmp_path, "alice,1,2,3,13/04/2025", "bob,1,2,3,04/13/2025", header=DATED)

    assert [(problem["value"], problem["code"]) for problem in problems] == [
        ("13/04/2025", "mixed_date_orders"),
        ("04/13/2025", "mixed_date_orders"),
    ]


@pytest.mark.django_db
def test_a_bad_date_is_refused_with_its_place(tmp_path: Path) -> None:
    problem = refused(tmp_path, "alice,1,2,3,2025-12-20", "bob,1,2,3,2025-02-30", header=DATED)[0]

    assert (problem["row"], problem["column"], problem["value"], problem["code"]) == (
        3,
        "last_deposit_date",
        "2025-02-30",
        "no_such_date",
    )


@pytest.mark.django_db
def test_days_follow_the_business_time_zone(tmp_path: Path, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TIME_ZONE = "Asia/Tokyo"

    imported(tmp_path, "alice,1,2,3,2025-12-20,2025-12-20T20:00:00Z", header=f"{DATED},registration_date")

    assert totals("alice", "last_deposit_at") == (datetime(2025, 12, 19, 15, tzinfo=UTC),)
    assert Player.objects.get().registered_on == date(2025, 12, 21)


@pytest.mark.django_db
def test_day_numbers_are_read_and_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3,46011", header=DATED)

    assert (totals("alice", "last_deposit_at"), codes(summary.notices)) == (
        (datetime(2025, 12, 20, tzinfo=UTC),),
        ["day_numbers"],
    )


@pytest.mark.django_db
def test_dates_after_the_file_are_told(tmp_path: Path) -> None:
    summary = imported(tmp_path, "alice,1,2,3,2025-12-20", header=DATED, as_of=date(2025, 12, 1))

    assert codes(summary.notices) == ["dates_ahead"]
