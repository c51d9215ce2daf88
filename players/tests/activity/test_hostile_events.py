"""Whatever a platform sends, it is stored exactly or refused with the place and what would be right."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError
from players.activity import ActivityRefusedError, record_activity
from players.models import Activity, ActivityKey
from players.tests.activity.events import AT, correct, event, record, session, wager
from players.tests.factories import make_alice

pytestmark = pytest.mark.django_db

HOSTILE: list[tuple[str, Any, str, str]] = [
    ("NaN", wager("x", "NaN"), "amount", "finite"),
    ("infinity", wager("x", Decimal("Infinity")), "amount", "decimal"),
    ("float", wager("x", 1.5), "amount", "text or integer"),
    ("negative", wager("x", "-5.00"), "amount", "at least 0"),
    ("zero", wager("x", "0.00"), "amount", "more than zero"),
    ("three decimals", wager("x", "1.005"), "amount", "two decimals"),
    ("a number of a million digits", wager("x", "9" * 1_000_000), "amount", "can be stored"),
    ("exponent", wager("x", "1e400000"), "amount", "can be stored"),
    ("digits of another script", wager("x", "١٢"), "amount", "12.50"),
    ("boolean", wager("x", True), "amount", "decimal"),
    ("no amount", wager("x", None), "amount", "missing"),
    ("bonus above the amount", wager("x", "5.00", bonus_amount="5.01"), "bonus_amount", "cannot be more"),
    ("to come", wager("x", occurred_at="2026-03-10T20:05:01Z"), "occurred_at", "still to come"),
    ("no zone", wager("x", occurred_at="2026-03-10T12:00:00"), "occurred_at", "zone"),
    ("no time", wager("x", occurred_at="yesterday"), "occurred_at", "2025-12-21T12:00:00Z"),
    ("before its time", wager("x", occurred_at="0001-01-01T00:00:00+14:00"), "occurred_at", "2000"),
    ("number as time", wager("x", occurred_at=12), "occurred_at", "a time such as"),
    ("unknown game", wager("x", game_category="chess"), "game_category", "slots"),
    ("huge id", wager("x" * 1_000_000), "external_id", "1 to 100 characters"),
    ("NUL in an id", wager("x\x00y"), "external_id", "control characters"),
    ("half a character", wager("x\ud800"), "external_id", "control characters"),
    ("tab in a bet", wager("x", bet_id="a\tb"), "bet_id", "control characters"),
    ("number as id", wager("x", bet_id=7), "bet_id", "in quotes"),
    ("no id", wager(""), "external_id", "missing"),
    ("long player", wager("x", player_id="p" * 51), "player_id", "1 to 50 characters"),
    ("unknown kind", event("BET", "x"), "kind", "WAGER"),
    ("kind of another type", {"kind": ["WAGER"], "external_id": "x"}, "kind", "WAGER"),
    ("no event", "WAGER", "", "an object"),
    ("misspelt field", wager("x", ammount="5"), "ammount", "did you mean 'amount'"),
    ("field of another kind", session("x", "10:00", "11:00", amount="5"), "amount", "does not belong to a SESSION"),
    ("session that ends before it begins", session("x", "11:00", "10:00"), "ended_at", "after the beginning"),
    ("session without end", event("SESSION", "x"), "ended_at", "missing"),
    ("session of weeks", session("x", "11:00", "12:00", occurred_at="2026-03-01T00:00:00Z"), "ended_at", "7 days"),
    ("address", session("x", "10:00", "11:00", ip_address="1.2.3"), "ip_address", "203.0.113.7"),
    ("address with a zone", session("x", "10:00", "11:00", ip_address="fe80::1%eth0"), "ip_address", "203.0.113.7"),
    ("no action", event("ACTION", "x"), "action", "missing"),
    ("action in small letters", event("ACTION", "x", action="kyc"), "action", "KYC_COMPLETE"),
    ("word of the house", event("ACTION", "x", action="CLAIM"), "action", "the house's own"),
    ("void of nothing", wager("x", void=True), "corrects_external_id", "missing"),
    ("void with an amount", correct("x", "w", void=True, amount="5"), "amount", "one of the two"),
    ("void in quotes", correct("x", "w", void="true"), "void", "without quotes"),
    ("corrects itself", correct("x", "x", amount="5"), "corrects_external_id", "id of its own"),
    ("correction of an action", correct("x", "a", kind="ACTION"), "corrects_external_id", "does not belong"),
]


@pytest.mark.parametrize(("hostile", "field", "hint"), [one[1:] for one in HOSTILE], ids=[one[0] for one in HOSTILE])
def test_a_hostile_event_refuses_its_batch_with_its_place_and_what_would_be_right(
    hostile: Any, field: str, hint: str
) -> None:
    make_alice()

    with pytest.raises(ActivityRefusedError) as refused:
        record(wager("good"), hostile)

    assert (refused.value.found[0].index, refused.value.found[0].field) == (1, field)
    assert hint in refused.value.found[0].message
    assert len(refused.value.found[0].message) < 400
    assert not Activity.objects.exists()
    assert not ActivityKey.objects.exists()


def test_everything_that_is_wrong_is_named_at_once() -> None:
    make_alice()

    with pytest.raises(ActivityRefusedError) as refused:
        record(wager("a", "-1", bet_id=3), wager("b"), wager("b", "9.00"), wager("c", player_id="nobody"), "?")

    paths = [problem.path for problem in refused.value.found]
    assert paths == [
        "events[0].amount",
        "events[0].bet_id",
        "events[2].external_id",
        "events[3].player_id",
        "events[4]",
    ]
    assert refused.value.message.startswith(
        "4 of 5 events cannot be stored, so none was; the first: events[0].amount: "
    )


@pytest.mark.parametrize("count", [0, 10_001])
def test_a_batch_has_one_to_ten_thousand_events(count: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 10,000 are needed"):
        record_activity(source="platform", events=[wager(str(number)) for number in range(count)], at=AT)


@pytest.mark.parametrize("source", ["", " ", "x" * 41, "a\nb", 7])
def test_a_source_is_a_short_text(source: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"^source is "):
        record_activity(source=source, events=[wager("w1")], at=AT)
