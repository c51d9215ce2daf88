"""Reading a batch by columns: the same as reading its events one by one, whatever is among them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from players.activity.events import EventReader

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
BET = {
    "kind": "WAGER",
    "player_id": "alice",
    "occurred_at": "2026-03-10T10:00:00Z",
    "amount": "10.00",
    "game_category": "slots",
}
ODD: list[dict[str, Any]] = [
    {"amount": "10"},
    {"amount": Decimal("7.5")},
    {"amount": "0.00"},
    {"amount": "1.00\n2.00"},
    {"amount": "-1.00"},
    {"amount": None},
    {"amount": 1.5},
    {"kind": "WIN", "amount": "0.00"},
    {"kind": "SESSION"},
    {"kind": "DEPOSIT"},
    {"kind": ["WAGER"]},
    {"kind": ""},
    {"player_id": " alice "},
    {"player_id": "a" * 51},
    {"player_id": ""},
    {"external_id": 7},
    {"external_id": "tab\tbed"},
    {"occurred_at": "2026-03-10T10:00:00"},
    {"occurred_at": "2026-03-10T12:00:00.25+02:00"},
    {"occurred_at": "2026-03-10T10:00:00+00:00"},
    {"occurred_at": "2026-03-10T10:00:00-00:00"},
    {"occurred_at": "2026-03-10T10:00:00.000000+00:00"},
    {"occurred_at": "2026-03-10T10:00:00.000001+00:00"},
    {"occurred_at": "2026-03-10T10:00:00,000001+00:00"},
    {"occurred_at": "2026-03-10T10:00:00.1234Z"},
    {"occurred_at": "2026-03-10 10:00:00+00:00"},
    {"occurred_at": "2026-03-10T100000.1+00:00"},
    {"occurred_at": "2026-W11-2T10:00:00+00:00"},
    {"occurred_at": "2026-03-10T10:00:00+01:00"},
    {"occurred_at": "2026-03-10T12:06:00Z"},
    {"occurred_at": "1999-12-31T23:59:59Z"},
    {"occurred_at": "0001-01-01T00:00:00+14:00"},
    {"occurred_at": AT},
    {"occurred_at": "yesterday"},
    {"game_category": "dice"},
    {"game_category": None},
    {"bonus_amount": "10.00"},
    {"bonus_amount": "10.01"},
    {"bonus_amount": "9.00", "amount": "10.00"},
    {"void": True},
    {"corrects_external_id": "e1"},
    {"stake": "1.00"},
    {"ip_address": "203.0.113.7"},
    {"ip_address": "203.0.113"},
    {"external_id": "e1"},
    {"external_id": "e1", "amount": "11.00"},
]


def read(events: list[Any]) -> tuple[list[Any], list[Any], int]:
    reader = EventReader(at=AT)
    return reader.read(events).events(), reader.problems, reader.repeated


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_a_batch_is_read_as_its_events_one_by_one(odd: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[Any] = [{**BET, "external_id": f"e{number}"} for number in range(30)]
    events[20] = {**events[20], **odd}
    if "occurred_at" in odd:
        events = [{**event, "occurred_at": "2026-03-10T10:00:00.5Z", **odd} for event in events]

    by_columns = read(events)
    monkeypatch.setattr("players.activity.events._ALIKE_MIN", 1_000)

    assert by_columns == read(events)


def test_sessions_are_read_by_columns_as_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    ends = ["2026-03-10T10:30:00Z", "2026-03-10T09:59:59Z", "2026-03-10T10:00:00Z", "2026-03-11T10:00:00Z"]
    for end in ends:
        session = {"kind": "SESSION", "player_id": "alice", "occurred_at": BET["occurred_at"]}
        events = [{**session, "external_id": f"s{n}", "ended_at": end if n == 3 else ends[0]} for n in range(30)]
        by_columns = read(events)
        with monkeypatch.context() as patched:
            patched.setattr("players.activity.events._ALIKE_MIN", 1_000)

            assert by_columns == read(events), end


def test_what_is_no_object_among_many_is_named() -> None:
    _, problems, _ = read([*({**BET, "external_id": f"e{number}"} for number in range(30)), "bet"])

    assert [(problem.index, problem.field) for problem in problems] == [(30, "")]
