"""What people do about events that were not counted: count them after all, or dismiss them, each once."""

from __future__ import annotations

import json
from datetime import datetime

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
UNRESOLVED = (ExceptionStatus.WAITING, ExceptionStatus.OPEN)
_COUNTABLE = (ExceptionReason.TOO_OLD, ExceptionReason.BEFORE_OPENING)


class ExceptionResolvedError(ConflictError):
    """Raised for an exception that somebody has resolved already; names how."""

    code = "exception_resolved"


@transaction.atomic
def dismiss_exception(*, number: int, note: str, actor: str, at: datetime | None = None) -> ActivityException:
    """Leave an event uncounted for good. Raises NotFoundError, InvalidInputError and ExceptionResolvedError."""
    found = _lock(number)
    return _resolve(found, ExceptionStatus.DISMISSED, note=note, actor=actor, at=at or timezone.now())


@transaction.atomic
def count_exception(*, number: int, note: str, actor: str, at: datetime | None = None) -> ActivityException:
    """Count an event that was too old, or part of an opening balance, on its own day, with the corrections it has.

    Raises NotFoundError, InvalidInputError for an event that cannot be counted, and ExceptionResolvedError.
    """
    at = at or timezone.now()
    found = _lock(number)
    if found.reason not in _COUNTABLE:
        raise InvalidInputError(
            f"the event cannot be counted: {found.get_reason_display().lower()}; dismiss it, or have the platform send "
            "a correction of the right event",
            field="exception",
        )
    body = json.loads(found.body) if isinstance(found.body, str) else found.body
    batch = Batch.of([event_of_body(body)])
    problems = lock_players_of(batch)
    if problems:
        raise ActivityRefusedError(problems, received=1)
    resolved = _resolve(found, ExceptionStatus.APPLIED, note=note, actor=actor, at=at)
    with staging():
        stage_events(batch)
        count_staged(batch, source=found.source, at=at, is_forced=True)
    return resolved


def _lock(number: int) -> ActivityException:
    """Return the exception with its player and itself locked, the player first as everywhere."""
    found = ActivityException.objects.filter(pk=number).first()
    if found is None:
        raise NotFoundError(f"there is no exception {number}", number=number)
    fetch_rows("SELECT 1 FROM players WHERE player_id = %s FOR NO KEY UPDATE", [found.player_id])
    return ActivityException.objects.select_for_update(no_key=True, of=("self",)).get(pk=number)


def _resolve(
    found: ActivityException, status: ExceptionStatus, *, note: str, actor: str, at: datetime
) -> ActivityException:
    if not 0 < len(note.strip()) <= NOTE_LENGTH_MAX:
        raise InvalidInputError(f"a note of 1 to {NOTE_LENGTH_MAX} characters is needed", field="note")
    if found.status not in UNRESOLVED:
        raise ExceptionResolvedError(
            f"exception {found.pk} is {found.get_status_display().lower()} since {found.resolved_at:%Y-%m-%d %H:%M}"
            f" by {found.resolved_by or 'the feed'}",
            number=found.pk,
            status=found.status,
        )
    found.status, found.note, found.resolved_by, found.resolved_at = status, note.strip(), actor, at
    found.save(update_fields=["status", "note", "resolved_by", "resolved_at"])
    return found
