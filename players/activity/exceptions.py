"""Events that were received and cannot be counted: listed with their reason, for people to look at."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from core.expressions import fetch_rows, run_statement
from players.activity.batch import Event
from players.models import ExceptionReason, ExceptionStatus

# An opening balance holds everything up to its date already.
_UNCOUNTABLE_SQL = """
    DELETE FROM activity_stage s USING player_metrics m
    WHERE m.player_id = s.player_id AND s.corrects_external_id = ''
      AND (s.occurred_at < %(closed_before)s
           OR s.kind <> 'ACTION' AND (s.occurred_at AT TIME ZONE %(zone)s)::date <= m.totals_as_of)
    RETURNING s.external_id, CASE WHEN s.occurred_at < %(closed_before)s THEN 'TOO_OLD' ELSE 'BEFORE_OPENING' END
"""
Listed = tuple[str, str]
"""Id of an event and why it cannot be counted."""


def take_uncountable(*, closed_before: datetime, zone: str) -> list[Listed]:
    """Take the events from the stage that are too old, or part of their player's opening balance; return them."""
    return fetch_rows(_UNCOUNTABLE_SQL, {"closed_before": closed_before, "zone": zone})


def list_exceptions(listed: Sequence[Listed], events: Sequence[Event], *, source: str, at: datetime) -> None:
    """List events that cannot be counted; a correction whose original is unknown waits for it."""
    if not listed:
        return
    by_id = {event.external_id: event for event in events}
    found = [(by_id[external_id], reason) for external_id, reason in sorted(listed)]
    columns = [[getattr(event, name) for event, _ in found] for name in _COLUMNS]
    reasons = [reason for _, reason in found]
    waiting = ExceptionReason.ORIGINAL_UNKNOWN
    statuses = [ExceptionStatus.WAITING if reason == waiting else ExceptionStatus.OPEN for reason in reasons]
    bodies = [json.dumps(event.as_body()) for event, _ in found]
    run_statement(_LIST_SQL, [source, at, *columns, reasons, [str(status.value) for status in statuses], bodies])


_COLUMNS = ("external_id", "player_id", "kind", "occurred_at", "corrects_external_id")
_LIST_SQL = """
    INSERT INTO player_activity_exceptions (source, received_at, external_id, player_id, kind, occurred_at,
                                            corrects_external_id, reason, status, body)
    SELECT %s, %s, e.* FROM unnest(%s::varchar[], %s::varchar[], %s::varchar[], %s::timestamptz[], %s::varchar[],
                                   %s::varchar[], %s::varchar[], %s::jsonb[]) e
    ON CONFLICT (source, external_id) DO UPDATE SET reason = excluded.reason, status = excluded.status
"""


def close_waiting(*, source: str, at: datetime) -> int:
    """Mark the exceptions as counted whose corrections are stored now; return how many."""
    return run_statement(
        """
        UPDATE player_activity_exceptions e SET status = 'APPLIED', resolved_at = %s
        FROM activity_corrections c
        WHERE e.source = %s AND e.external_id = c.external_id AND c.reason IS NULL AND e.status = 'WAITING'
        """,
        [at, source],
    )
