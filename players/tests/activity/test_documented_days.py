"""The worked tables of docs/activity.md, recorded as they stand there."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.environment import PROJECT_FOLDER
from players.activity import record_activity
from players.models import PlayerDay
from players.tests.factories import make_alice

pytestmark = pytest.mark.django_db

_TABLE = re.compile(r"^(\| (?:kind \| external_id|on \| deposited).*?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)


def tables() -> list[list[dict[str, str]]]:
    """Return the rows of the table of events and of the table of days."""
    text = (PROJECT_FOLDER / "docs" / "activity.md").read_text()
    found = []
    for table in _TABLE.findall(text):
        head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


@pytest.mark.parametrize("is_reversed", [False, True], ids=["in order", "backwards, one by one"])
def test_the_documented_events_give_the_documented_days(is_reversed: bool) -> None:
    make_alice()
    listed, days = tables()
    events = []
    for row in listed:
        event = {name: value for name, value in row.items() if value and name != "corrects"}
        for name in ("occurred_at", "ended_at"):
            if name in event:
                event[name] = event[name].replace(" ", "T") + ":00Z"
        events.append({**event, "player_id": "alice", "corrects_external_id": row["corrects"]})
    batches = [[event] for event in reversed(events)] if is_reversed else [events]

    for batch in batches:
        record_activity(source="platform", events=batch, at=datetime(2026, 3, 13, tzinfo=UTC))

    assert PlayerDay.objects.count() == len(days) == 4
    for row in days:
        stored = PlayerDay.objects.get(on=date.fromisoformat(row["on"]))
        for name in ("deposited", "wagered", "won", "bets", "sessions", "playtime_hours", "lp_due"):
            assert getattr(stored, name) == Decimal(row[name]), (row["on"], name)
