"""The record of a case, and what other systems hear of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.models import OutboxEvent
from safety.models import ReviewAct, ReviewCase, ReviewEvent

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def record_event(
    case: ReviewCase,
    act: ReviewAct,
    *,
    at: datetime,
    by: User | None,
    status_before: str = "",
    text: str = "",
    **details: Any,
) -> ReviewEvent:
    """Write down a step that has just been taken; `case.status` is the one it led to."""
    return ReviewEvent.objects.create(
        case=case,
        act=act,
        status_before=status_before or case.status,
        status_after=case.status,
        by=by,
        at=at,
        text=text,
        details=details,
    )


def announce_decision(event: ReviewEvent) -> None:
    """Write the outgoing event `review.decided`; an appeal's decision is one of its own."""
    case = event.case
    payload = {
        "case_id": case.pk,
        "player_id": case.player_id,
        "outcome": case.outcome,
        "is_appeal": case.appeals > 0,
        "abuse_score": case.abuse_score,
        "at": event.at.isoformat(),
    }
    OutboxEvent.objects.create(topic="review.decided", key=f"review.decided:{event.pk}", payload=payload)
