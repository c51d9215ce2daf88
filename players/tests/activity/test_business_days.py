"""Business days of a zone that moves its clocks: a session is split where the day ends there, however long it is."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.test import override_settings

from players.models import PlayerDay
from players.tests.activity.events import event, record, wager
from players.tests.factories import make_alice

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("began", "ended", "hours"),
    [
        # 25 October 2026 has 25 hours in Malta, from 22:00 UTC to 23:00 UTC.
        ("2026-10-24T21:00:00Z", "2026-10-25T23:30:00Z", {24: "1.00", 25: "25.00", 26: "0.50"}),
        # 29 March 2026 has 23, from 23:00 UTC to 22:00 UTC.
        ("2026-03-28T22:00:00Z", "2026-03-29T22:30:00Z", {28: "1.00", 29: "23.00", 30: "0.50"}),
        # Ends with the day: the next one has no part in it.
        ("2026-03-28T22:00:00Z", "2026-03-29T22:00:00Z", {28: "1.00", 29: "23.00"}),
    ],
)
def test_a_session_is_split_at_the_ends_of_business_days(began: str, ended: str, hours: dict[int, str]) -> None:
    with override_settings(TIME_ZONE="Europe/Malta"):
        make_alice()
        record(event("SESSION", "s1", occurred_at=began, ended_at=ended), at=datetime(2026, 11, 1, tzinfo=UTC))

        days = {day.on.day: str(day.playtime_hours) for day in PlayerDay.objects.all()}
        assert days == hours
        assert [day.on.day for day in PlayerDay.objects.filter(sessions=1)] == [min(hours)]


def test_bets_on_both_sides_of_midnight_are_one_session_of_the_evening() -> None:
    with override_settings(TIME_ZONE="Europe/Malta"):
        make_alice()

        # 23:50 and 00:10 in Malta.
        record(wager("w1", occurred_at="2026-03-09T22:50:00Z"), wager("w2", "3.00", occurred_at="2026-03-09T23:10:00Z"))

        found = PlayerDay.objects.order_by("on").values_list("on", "wagered", "sessions", "playtime_hours")
        assert list(found) == [
            (date(2026, 3, 9), Decimal("10.00"), 1, Decimal("0.00")),
            (date(2026, 3, 10), Decimal("3.00"), 0, Decimal("0.33")),
        ]


def test_bets_that_go_on_with_a_session_count_on_their_own_sides_of_midnight() -> None:
    with override_settings(TIME_ZONE="Europe/Malta"):
        make_alice()
        record(wager("w1", occurred_at="2026-03-09T22:40:00Z"))

        # 23:50, 00:10 and 00:15 in Malta: ten minutes belong to the evening, twenty-five to the morning.
        record(
            wager("w2", occurred_at="2026-03-09T22:50:00Z"),
            wager("w3", occurred_at="2026-03-09T23:10:00Z"),
            wager("w4", occurred_at="2026-03-09T23:15:00Z"),
        )

        found = PlayerDay.objects.order_by("on").values_list("on", "sessions", "played_inferred")
        assert list(found) == [
            (date(2026, 3, 9), 1, timedelta(minutes=10)),
            (date(2026, 3, 10), 0, timedelta(minutes=25)),
        ]


def test_bets_that_go_on_with_a_session_begin_another_after_a_pause() -> None:
    make_alice()
    record(wager("w1", occurred_at="2026-03-09T20:00:00Z"))

    record(wager("w2", occurred_at="2026-03-09T20:10:00Z"), wager("w3", occurred_at="2026-03-09T20:45:00Z"))
    record(wager("w4", occurred_at="2026-03-09T20:50:00Z"), wager("w5", occurred_at="2026-03-09T21:05:00Z"))

    day = PlayerDay.objects.get()
    assert (day.sessions, day.played_inferred) == (2, timedelta(minutes=30))
