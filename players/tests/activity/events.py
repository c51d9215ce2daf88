"""Events with everything they need, for tests to change what they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from players.activity import RecordedBatch, record_activity

AT = datetime(2026, 3, 10, 20, tzinfo=UTC)


def event(kind: str, external_id: str, clock: str = "12:00", **fields: Any) -> dict[str, Any]:
    """Return an event of alice on 10 March 2026; fields given as None are left out."""
    given = {"player_id": "alice", "occurred_at": f"2026-03-10T{clock}:00Z", **fields}
    named = {"kind": kind, "external_id": external_id, **given}
    return {name: value for name, value in named.items() if value is not None}


def wager(external_id: str, amount: Any = "10.00", clock: str = "12:00", **fields: Any) -> dict[str, Any]:
    return event("WAGER", external_id, clock, amount=amount, **fields)


def win(external_id: str, amount: Any = "10.00", clock: str = "12:00", **fields: Any) -> dict[str, Any]:
    return event("WIN", external_id, clock, amount=amount, **fields)


def session(external_id: str, began: str, ended: str, **fields: Any) -> dict[str, Any]:
    return event("SESSION", external_id, began, ended_at=f"2026-03-10T{ended}:00Z", **fields)


def correct(
    external_id: str, corrects: str, clock: str = "18:00", kind: str = "WAGER", **fields: Any
) -> dict[str, Any]:
    return event(kind, external_id, clock, corrects_external_id=corrects, **fields)


def record(*events: Any, **options: Any) -> RecordedBatch:
    return record_activity(source="platform", events=list(events), **{"at": AT, **options})
