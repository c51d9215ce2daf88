"""Monthly partitions: made ahead, guarded like their table, and never needed for a row to be kept."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from core.expressions import fetch_rows, run_statement
from core.partitions import ensure_month_partitions, months_from
from core.tests.threads import run_together
from players.models import Activity
from players.tests.factories import make_alice


def partition_of(activity: Activity) -> str:
    return str(fetch_rows("SELECT tableoid::regclass::text FROM player_activity WHERE id = %s", [activity.pk])[0][0])


def play_at(occurred_at: datetime, **fields: Any) -> Activity:
    return Activity.objects.create(
        player_id="alice", kind="WAGER", source="platform", external_id=str(occurred_at), occurred_at=occurred_at
    )


def test_months_go_on_into_the_next_year() -> None:
    assert list(months_from(date(2025, 11, 30), count=3)) == [
        (date(2025, 11, 1), date(2025, 12, 1)),
        (date(2025, 12, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2026, 2, 1)),
    ]


@pytest.mark.django_db
def test_this_month_and_three_more_are_made_ahead_and_only_once() -> None:
    made = ensure_month_partitions(table="player_activity", today=date(2998, 11, 15))

    assert made == [
        "player_activity_2998_11",
        "player_activity_2998_12",
        "player_activity_2999_01",
        "player_activity_2999_02",
    ]
    assert ensure_month_partitions(table="player_activity", today=date(2998, 11, 15)) == []
    assert ensure_month_partitions(table="player_activity", today=date(2998, 12, 1)) == ["player_activity_2999_03"]


@pytest.mark.django_db
def test_a_months_first_and_last_instant_lie_in_its_partition() -> None:
    make_alice()
    ensure_month_partitions(table="player_activity", today=date(2998, 11, 15), months_ahead=1)

    assert partition_of(play_at(datetime(2998, 11, 1, tzinfo=UTC))) == "player_activity_2998_11"
    assert partition_of(play_at(datetime(2998, 11, 30, 23, 59, 59, 999999, UTC))) == "player_activity_2998_11"
    assert partition_of(play_at(datetime(2998, 12, 1, tzinfo=UTC))) == "player_activity_2998_12"


@pytest.mark.django_db
def test_a_row_without_a_partition_of_its_month_is_kept_and_its_month_left_alone() -> None:
    make_alice()
    early = play_at(datetime(2998, 11, 20, tzinfo=UTC))

    made = ensure_month_partitions(table="player_activity", today=date(2998, 11, 15), months_ahead=1)

    assert made == ["player_activity_2998_12"]
    assert partition_of(early) == "player_activity_default"
    assert Activity.objects.get(player="alice") == early


@pytest.mark.django_db
def test_a_new_partition_of_the_ledger_cannot_be_truncated() -> None:
    (name,) = ensure_month_partitions(table="transactions", today=date(2998, 11, 15), months_ahead=0)

    with pytest.raises(IntegrityError, match=f"{name} is append-only: TRUNCATE is refused"), transaction.atomic():
        run_statement(f"TRUNCATE {name}", [])


@pytest.mark.django_db(transaction=True)
def test_workers_that_come_at_once_make_a_partition_once() -> None:
    def work() -> list[str]:
        return ensure_month_partitions(table="player_activity", today=date(2997, 1, 1), months_ahead=5)

    outcomes = run_together(*[work] * 6)

    try:
        assert [type(outcome) for outcome in outcomes] == [list] * 6
        assert sorted(name for made in outcomes for name in made) == [
            f"player_activity_2997_{month:02}" for month in range(1, 7)
        ]
    finally:
        for month in range(1, 7):
            run_statement(f"DROP TABLE IF EXISTS player_activity_2997_{month:02}", [])
