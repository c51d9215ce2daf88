"""Corrections: what they change, when they wait, and when people must look at them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from importlib import import_module
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.expressions import run_statement
from players.activity.resolving import ExceptionResolvedError, count_exception, dismiss_exception
from players.activity.switching import switch_source
from players.models import Activity, ActivityException, Player, PlayerDay, PlayerMetrics, SourceChange
from players.tests.activity.events import AT, correct, event, record, session, wager
from players.tests.factories import make_alice, make_bob, make_measured

pytestmark = pytest.mark.django_db
ON = date(2026, 3, 10)


def wagered(player_id: str = "alice", on: date = ON) -> Any:
    return PlayerDay.objects.get(player=player_id, on=on).wagered


def listed() -> list[tuple[str, str, str]]:
    rows = ActivityException.objects.order_by("external_id")
    return [(row.external_id, row.reason, row.status) for row in rows]


def test_an_amended_bet_counts_on_the_day_of_the_original() -> None:
    make_alice()
    record(wager("w1", "10.00", occurred_at="2026-03-01T10:00:00Z"))

    answer = record(correct("c1", "w1", amount="4.00"))

    assert (answer.stored, answer.corrections, wagered(on=date(2026, 3, 1))) == (1, 1, 4)
    assert not PlayerDay.objects.filter(on=ON).exists()


def test_stakes_by_game_follow_days_and_corrections() -> None:
    make_alice()
    slots, roulette = {"game_category": "slots"}, {"game_category": "roulette"}
    record(wager("w1", "10.00", **slots), wager("w2", "0.25", **slots), wager("w3", "70.00", **roulette))
    record(wager("w4", "1.00", occurred_at="2026-03-01T10:00:00Z", **slots))

    record(correct("c1", "w1", amount="4.00"))

    metrics = PlayerMetrics.objects.get(player="alice")
    assert metrics.games_wagered == {"slots": 5.25, "roulette": 70.0}
    assert metrics.games_played == {"slots": 3, "roulette": 1}


def test_stakes_of_days_that_were_there_before_are_added_up_by_the_migration() -> None:
    make_alice()
    record(wager("w1", "10.00", game_category="slots"), wager("w2", "2.00"))
    record(wager("w3", "1.50", occurred_at="2026-03-01T10:00:00Z", game_category="slots"))
    PlayerMetrics.objects.update(games_wagered={})

    run_statement(import_module("players.migrations.0020_stakes_by_game").FILL_SQL, [])

    assert PlayerMetrics.objects.get(player="alice").games_wagered == {"slots": 11.5}


def test_the_correction_that_was_made_last_holds_whichever_arrives_last() -> None:
    make_alice()
    record(wager("w1", "10.00"))

    record(correct("later", "w1", "18:00", amount="4.00"))
    record(correct("earlier", "w1", "17:00", amount="7.00"))

    assert wagered() == 4
    assert sum(row.amount or 0 for row in Activity.objects.all()) == 4


def test_a_correction_that_comes_before_its_original_waits_for_it() -> None:
    make_alice()
    first = record(correct("c1", "w1", amount="4.00"))
    assert [(one.external_id, one.reason) for one in first.listed] == [("c1", "ORIGINAL_UNKNOWN")]
    assert (first.stored, listed()) == (0, [("c1", "ORIGINAL_UNKNOWN", "WAITING")])

    second = record(wager("w1", "10.00"))

    assert (second.stored, second.corrections, wagered()) == (1, 1, 4)
    assert listed() == [("c1", "ORIGINAL_UNKNOWN", "APPLIED")]
    assert record(correct("c1", "w1", amount="4.00")).repeated == 1


def test_a_correction_of_another_player_kind_or_correction_is_listed() -> None:
    make_alice()
    make_bob()
    record(wager("w1"), wager("b1", player_id="bob", game_category="slots"), correct("c1", "w1", amount="9"))

    answer = record(
        correct("x1", "b1", amount="1"),
        correct("x2", "w1", kind="WIN", amount="1"),
        correct("x3", "c1", amount="1"),
        correct("x4", "b1", player_id="bob", amount="1", game_category="poker"),
    )

    assert answer.stored == 0
    assert [one[:2] for one in listed()] == [
        ("x1", "NOT_ITS_ORIGINAL"),
        ("x2", "NOT_ITS_ORIGINAL"),
        ("x3", "NOT_ITS_ORIGINAL"),
        ("x4", "DOES_NOT_FIT"),
    ]
    assert (wagered(), wagered("bob")) == (9, 10)


def deposit(external_id: str, clock: str) -> dict[str, Any]:
    return event("DEPOSIT", external_id, clock, amount="20.00")


def deposit_times() -> tuple[Any, Any]:
    metrics = PlayerMetrics.objects.get(player="alice")
    times = (metrics.first_deposit_at, metrics.last_deposit_at)
    return tuple(time and time.strftime("%H:%M") for time in times)  # type: ignore[return-value]


def test_a_void_deposit_is_not_the_first_or_last_one_any_more() -> None:
    make_alice()
    record(deposit("d1", "09:00"), deposit("d2", "10:00"), deposit("d3", "11:00"))

    record(correct("c1", "d3", kind="DEPOSIT", void=True), correct("c2", "d1", kind="DEPOSIT", void=True))
    assert deposit_times() == ("10:00", "10:00")
    record(deposit("d4", "12:00"), correct("c3", "d4", kind="DEPOSIT", void=True))
    assert deposit_times() == ("10:00", "10:00")
    record(correct("c4", "d3", "19:00", kind="DEPOSIT", amount="5.00"))
    assert deposit_times() == ("10:00", "11:00")
    record(
        correct("c5", "d3", "19:30", kind="DEPOSIT", void=True), correct("c6", "d2", "19:30", kind="DEPOSIT", void=True)
    )
    assert deposit_times() == (None, None)


def test_a_session_is_corrected_and_voided() -> None:
    make_alice()
    record(session("s1", "10:00", "11:00"), session("s2", "14:00", "15:00"))

    record(
        correct("c1", "s1", kind="SESSION", ended_at="2026-03-10T10:30:00Z"),
        correct("c2", "s2", kind="SESSION", void=True),
    )

    day: Any = PlayerDay.objects.get()
    assert (day.sessions, day.playtime_hours) == (1, Decimal("0.50"))


def test_events_before_the_opening_balance_are_listed_and_counted_only_by_hand() -> None:
    make_measured("alice", profile={"source": "FILE"}, total_wagered="500.00", totals_as_of=date(2026, 3, 9))
    assert switch_source(player_ids=["alice"], to="FEED", reason="Now live", today=ON) == 1

    answer = record(wager("old", occurred_at="2026-03-09T10:00:00Z"), wager("new", "3.00"))

    assert (answer.stored, [one.reason for one in answer.listed]) == (1, ["BEFORE_OPENING"])
    metrics: Any = PlayerMetrics.objects.get(player="alice")
    assert (metrics.total_wagered, metrics.days_from) == (503, ON)
    number = ActivityException.objects.get().pk
    count_exception(number=number, note="The file missed it", actor="risk", at=AT)
    assert PlayerMetrics.objects.get(player="alice").total_wagered == 513
    with pytest.raises(ExceptionResolvedError, match="is counted since 2026-03-10 20:00 by risk"):
        count_exception(number=number, note="Again", actor="risk", at=AT)


def test_an_exception_is_dismissed_with_a_note() -> None:
    make_alice()
    record(correct("c1", "nothing", amount="1"))
    number = ActivityException.objects.get().pk

    with pytest.raises(InvalidInputError, match="a note of 1 to 500"):
        dismiss_exception(number=number, note=" ", actor="risk")
    with pytest.raises(InvalidInputError, match="cannot be counted"):
        count_exception(number=number, note="Count", actor="risk")
    dismiss_exception(number=number, note="Sent by mistake", actor="risk")

    assert listed() == [("c1", "ORIGINAL_UNKNOWN", "DISMISSED")]
    assert record(wager("nothing", "10.00")).corrections == 0
    assert wagered() == 10


def test_a_source_is_switched_once_and_says_what_the_opening_balance_is() -> None:
    make_measured("alice", profile={"source": "FILE"}, total_wagered="500.00")

    assert switch_source(player_ids=["alice"], to="FEED", reason="Now live", today=ON) == 1
    assert switch_source(player_ids=["alice"], to="FEED", reason="Now live", today=ON) == 0

    kept = SourceChange.objects.get()
    assert (kept.source_before, kept.source_after, kept.opening_as_of) == ("FILE", "FEED", date(2026, 3, 9))
    with pytest.raises(NotFoundError, match="'nobody'"):
        switch_source(player_ids=["alice", "nobody"], to="FILE", reason="Back", today=ON)
    with pytest.raises(InvalidInputError, match="as_of is 2026-03-11"):
        switch_source(player_ids=["alice"], to="FILE", reason="Back", as_of=date(2026, 3, 11), today=ON)
    assert Player.objects.get(pk="alice").source == "FEED"


def test_the_first_events_of_a_player_need_no_switch() -> None:
    make_alice()

    record(event("DEPOSIT", "d1", amount="5"))

    assert Player.objects.get(pk="alice").source == "FEED"
    assert not SourceChange.objects.exists()
