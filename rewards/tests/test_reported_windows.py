"""The windows of whatever was reported, in whatever order, are those of a model in plain Python."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from players.activity import record_activity
from players.activity.stage import open_tables
from players.tests.activity.plain_model import days_of, window_of
from players.tests.activity.test_any_order import undone
from players.tests.factories import make_player
from rewards.facts import fill_facts
from rewards.fields import COLUMNS, WINDOWS
from rewards.models import PlayerFacts
from rewards.tests.factories import new_run

pytestmark = pytest.mark.django_db

AT = datetime(2026, 3, 12, tzinfo=UTC)
ON = date(2026, 3, 10)
# At the edges of the windows, and on days that are none of them.
days_ago = st.sampled_from([0, 1, 5, 6, 7, 28, 29, 30, 88, 89, 90])


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return reported play of three months with corrections, in any order."""
    events: list[dict[str, Any]] = []
    for number in range(draw(st.integers(1, 12))):
        at = datetime.combine(ON, datetime.min.time(), tzinfo=UTC) - timedelta(days=draw(days_ago))
        kind = draw(st.sampled_from(["WAGER", "WAGER", "WIN", "DEPOSIT", "SESSION"]))
        event: dict[str, Any] = {
            "kind": kind,
            "external_id": f"e{number}",
            "player_id": "alice",
            "occurred_at": at.isoformat(),
        }
        if kind == "SESSION":
            events.append({**event, "ended_at": (at + timedelta(minutes=45)).isoformat()})
            continue
        event["amount"] = draw(st.sampled_from(["0.07", "10.00", "33.33"]))
        if kind in {"WAGER", "WIN"}:
            event["game_category"] = draw(st.sampled_from(["slots", "roulette"]))
        events.append(event)
        if draw(st.integers(0, 4)) == 0:
            correction = {**event, "external_id": f"c{number}", "corrects_external_id": event["external_id"]}
            correction["occurred_at"] = datetime.combine(ON, datetime.min.time(), tzinfo=UTC).isoformat()
            if draw(st.booleans()):
                correction = {name: value for name, value in correction.items() if name != "amount"} | {"void": True}
            events.append(correction)
    return draw(st.permutations(events))


@given(events=histories())
@settings(max_examples=25, deadline=None)
def test_windows_are_sums_of_their_days_and_unknown_where_those_are_not_covered(events: list[dict[str, Any]]) -> None:
    open_tables(are_many=True)
    with undone():
        make_player("alice")
        middle = len(events) // 2
        for batch in (events[:middle], events[middle:]):
            if batch:
                record_activity(source="platform", events=batch, at=AT)
        run = new_run(ON)
        fill_facts(run_id=run.pk, on=ON, columns=list(COLUMNS), player_ids=["alice"])
        row: dict[str, Any] = dict(PlayerFacts.objects.filter(run_id=run.pk).values().get())

        first = min(datetime.fromisoformat(event["occurred_at"]).date() for event in events)
        days = {("alice", first): {}, **days_of(events)}
        for length in WINDOWS:
            expected = window_of(days, "alice", on=ON, length=length)
            assert {name: row[f"{name}_{length}d"] for name in expected} == expected
