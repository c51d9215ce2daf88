"""What people do about events that were not counted: count them after all, or dismiss them, each once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.expressions import fetch_rows
from players.activity.batch import Batch
from players.activity.corrections import event_of_body
from players.activity.people import lock_players_of
from players.activity.problems import ActivityRefusedError
from players.activity.recording import count_staged
from players.activity.stage import stage_events, staging
from players.models import ActivityException, ExceptionReason, ExceptionStatus

NOTE_LENGTH_MAX = 500
RESOLVED_AT_ONCE_MAX = 1_000
UNRESOLVED = (ExceptionStatus.WAITING, ExceptionStatus.OPEN)
_COUNTABLE = (ExceptionReason.TOO_OLD, ExceptionReason.BEFORE_OPENING)


class ExceptionResolvedError(ConflictError):
    """Raised for an exception that somebody has resolved already; names how."""

    code = "exception_resolved"


def dismiss_exception(*, number: int, note: str, actor: str, at: datetime | None = None) -> ActivityException:
    """Leave an event uncounted for good. Raises NotFoundError, InvalidInputError and ExceptionResolvedError."""
    return dismiss_exceptions(numbers=[number], note=note, actor=actor, at=at)[0]


def count_exception(*, number: int, note: str, actor: str, at: datetime | None = None) -> ActivityException:
    """Count an event that was too old, or part of an opening balance; see `count_exceptions`."""
    return count_exceptions(numbers=[number], note=note, actor=actor, at=at)[0]


@transaction.atomic
def dismiss_exceptions(
    *, numbers: Sequence[int], note: str, actor: str, at: datetime | None = None
) -> list[ActivityException]:
    """Leave events uncounted for good, all of them or none.

    Raises NotFoundError, InvalidInputError and ExceptionResolvedError.
    """
    found = _lock(numbers)
    return _resolve(found, ExceptionStatus.DISMISSED, note=note, actor=actor, at=at or timezone.now())


@transaction.atomic
def count_exceptions(
    *, numbers: Sequence[int], note: str, actor: str, at: datetime | None = None
) -> list[ActivityException]:
    """Count events that were too old, or part of an opening balance, on their own days, with the corrections they have.

    All of them or none. They count in days, totals and points due; no wagering progress and no live rule follows.
    Raises NotFoundError, InvalidInputError for an event that cannot be counted, and ExceptionResolvedError.
    """
    at = at or timezone.now()
    found = _lock(numbers)
    for exception in found:
        _check_countable(exception)
    resolved = _resolve(found, ExceptionStatus.APPLIED, note=note, actor=actor, at=at)
    for source, of_source in groupby(found, key=attrgetter("source")):
        batch = Batch.of([event_of_body(_body_of(exception)) for exception in of_source])
        problems = lock_players_of(batch)
        if problems:
            raise ActivityRefusedError(problems, received=len(batch))
        with staging():
            stage_events(batch)
            count_staged(batch, source=source, at=at, is_forced=True)
    return resolved


def _check_countable(exception: ActivityException) -> None:
    if exception.reason not in _COUNTABLE:
        raise InvalidInputError(
            f"event {exception.external_id!r} cannot be counted: {exception.get_reason_display().lower()}; dismiss it, "
            "or have the platform send a correction of the right event",
            field="exception",
        )


def _body_of(exception: ActivityException) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(exception.body) if isinstance(exception.body, str) else exception.body
    return body


def _lock(numbers: Sequence[int]) -> list[ActivityException]:
    """Return exceptions by source, with their players and themselves locked, the players first as everywhere."""
    if not 1 <= len(numbers) <= RESOLVED_AT_ONCE_MAX:
        raise InvalidInputError(
            f"1 to {RESOLVED_AT_ONCE_MAX:,} events are needed, not {len(numbers):,}", field="number"
        )
    fetch_rows(
        """
        SELECT 1 FROM players WHERE player_id IN (
            SELECT e.player_id FROM player_activity_exceptions e WHERE e.id = ANY (%s)
        ) ORDER BY player_id FOR NO KEY UPDATE
        """,
        [list(numbers)],
    )
    rows = ActivityException.objects.select_for_update(no_key=True, of=("self",)).filter(pk__in=numbers)
    found = {exception.pk: exception for exception in rows.order_by("pk")}
    for number in numbers:
        if number not in found:
            raise NotFoundError(f"there is no exception {number}", number=number)
    return sorted(found.values(), key=attrgetter("source", "pk"))


def _resolve(
    found: Sequence[ActivityException], status: ExceptionStatus, *, note: str, actor: str, at: datetime
) -> list[ActivityException]:
    if not 0 < len(note.strip()) <= NOTE_LENGTH_MAX:
        raise InvalidInputError(f"a note of 1 to {NOTE_LENGTH_MAX} characters is needed", field="note")
    for exception in found:
        if exception.status not in UNRESOLVED:
            raise ExceptionResolvedError(
                f"exception {exception.pk} is {exception.get_status_display().lower()} since "
                f"{exception.resolved_at:%Y-%m-%d %H:%M} by {exception.resolved_by or 'the feed'}",
                number=exception.pk,
                status=exception.status,
            )
        exception.status, exception.note = status, note.strip()
        exception.resolved_by, exception.resolved_at = actor, at
    ActivityException.objects.bulk_update(found, ["status", "note", "resolved_by", "resolved_at"])
    return list(found)
