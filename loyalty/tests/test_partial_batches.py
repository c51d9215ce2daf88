"""Batches with bad events: refused whole, or stored without them; the answer says which and why either way."""

from __future__ import annotations

from typing import Any

import pytest

from loyalty.activity import take_good_activity
from loyalty.tests import cast
from loyalty.tests.api import Answer, ApiUser
from loyalty.tests.test_activity import wager
from players.activity import ActivityRefusedError, record_activity
from players.models import Activity, Player

pytestmark = pytest.mark.django_db


def bad_batch() -> list[dict[str, Any]]:
    return [
        wager("w0"),
        wager("w1", "-1"),
        wager("w2"),
        wager("w3", player_id="nobody"),
        wager("w4", currency="USD"),
        wager("w5", currency="eur"),
    ]


def post(body: dict[str, Any]) -> Answer:
    return ApiUser(cast.make_users()["Integrator"]).post("/api/activity", body)


def test_good_events_are_stored_and_bad_ones_named_where_that_is_asked_for() -> None:
    cast.make_player("alice")

    code, said = post({"source": "platform", "skip_refused": True, "events": bad_batch()})

    assert code == 201
    assert (said["received"], said["stored"], said["repeated"], said["listed"]) == (6, 3, 0, [])
    assert [(one["index"], one["external_id"], one["field"]) for one in said["refused"]] == [
        (1, "w1", "amount"),
        (3, "w3", "player_id"),
        (4, "w4", "currency"),
    ]
    assert said["refused"][2]["message"] == ("is USD: amounts are in EUR, the operator's one currency; convert them")
    assert sorted(Activity.objects.values_list("external_id", flat=True)) == ["w0", "w2", "w5"]


def test_without_asking_one_bad_event_refuses_all() -> None:
    cast.make_player("alice")

    code, said = post({"source": "platform", "events": bad_batch()})

    assert code == 422
    assert "3 of 6 events cannot be stored, so none was" in said["error"]["message"]
    assert not Activity.objects.exists()


def test_a_batch_of_nothing_but_bad_events_is_refused() -> None:
    with pytest.raises(ActivityRefusedError, match="2 of 2 events") as refused:
        take_good_activity(source="platform", events=[wager("w1", "x"), wager("w2", player_id="nobody")])

    assert [problem.path for problem in refused.value.found] == ["events[0].amount", "events[1].player_id"]


def test_a_bad_event_does_not_make_the_new_players_of_good_ones_unknown() -> None:
    with pytest.raises(ActivityRefusedError) as refused:
        record_activity(
            source="platform", events=[wager("w1", "x"), wager("w2", player_id="dora")], create_players=True
        )

    assert [problem.path for problem in refused.value.found] == ["events[0].amount"]
    assert not Player.objects.exists()
    outcome = take_good_activity(
        source="platform", events=[wager("w1", "x"), wager("w2", player_id="dora")], create_players=True
    )
    assert (outcome.recorded.stored, list(Player.objects.values_list("pk", flat=True))) == (1, ["dora"])


def test_a_large_batch_in_the_operators_currency_is_read_quickly_and_right() -> None:
    cast.make_player("alice")
    events = [wager(f"w{number}", "1.00", currency="EUR") for number in range(25)]

    assert record_activity(source="platform", events=events).stored == 25
    with pytest.raises(ActivityRefusedError, match=r"1 of 25 events .* events\[24\]\.currency: is USD"):
        record_activity(source="platform", events=[*events[:24], wager("other", "1.00", currency="USD")])


def test_an_event_that_no_sum_can_hold_does_not_keep_the_others_out() -> None:
    cast.make_player("alice")
    batch = [wager("w0"), wager("w1", "9999999999999999.99"), wager("w2")]

    _, said = post({"source": "platform", "skip_refused": True, "events": batch})

    assert (said["stored"], [one["external_id"] for one in said["refused"]]) == (2, ["w1"])
