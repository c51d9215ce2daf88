"""Appeals: the player or staff for the player object to a decision, and somebody else decides again."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import LoyaltyError
from core.expressions import run_statement
from core.runs import ALL_KEYS, KeyRange, Keys
from safety import policies
from safety.models import UNDECIDED, CaseOutcome, ReviewAct, ReviewCase, ReviewStatus
from safety.review.errors import AppealRefusedError, ReviewStatusError
from safety.review.events import record_event
from safety.review.opening import refresh_cases
from safety.review.working import claim_change, locked_case
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

TEXT_LENGTH_MAX = 2000


class AppealSource(StrEnum):
    """Who objects."""

    PLAYER = "PLAYER"
    STAFF = "STAFF"


def appeal_case(*, case_id: int, text: str, source: AppealSource, by: User, at: datetime | None = None) -> ReviewCase:
    """File an appeal against a decision, with the words of who objects, 1 to 2,000 characters.

    Raises NotFoundError, InvalidInputError, ReviewStatusError, and AppealRefusedError where nothing was confirmed, the
    time for it is over, or the case was appealed as often as it may be.
    """
    at = at or timezone.now()
    check_text_field("text", text, length_max=TEXT_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        case = locked_case(case_id)
        _check_can_be_appealed(case, at=at)
        status_before = case.status
        claim_change(
            case,
            status=ReviewStatus.APPEALED,
            appeals=case.appeals + 1,
            appealed_at=at,
            appeal_text=text,
            due_at=at + timedelta(hours=policies.REVIEW_APPEAL_DUE_HOURS.value()),
            assigned_to=None,
            assigned_at=None,
        )
        record_event(
            case, ReviewAct.APPEALED, at=at, by=by, status_before=status_before, text=text, source=source.value
        )
        refresh_cases(at=at, keys=KeyRange.holding(case.player_id))
        case.refresh_from_db()
    return case


def _check_can_be_appealed(case: ReviewCase, *, at: datetime) -> None:
    if case.status not in (ReviewStatus.DECIDED, ReviewStatus.CLOSED):
        raise ReviewStatusError(
            f"case {case.pk} is {case.status}: only a decided one is appealed", case_id=case.pk, status=case.status
        )
    if case.outcome == CaseOutcome.DISMISSED:
        raise AppealRefusedError(f"case {case.pk} was dismissed: there is nothing to appeal", case_id=case.pk)
    appeals_max = policies.REVIEW_APPEALS_MAX.value()
    if case.appeals >= appeals_max:
        raise AppealRefusedError(
            f"case {case.pk} was appealed {case.appeals} time(s): at most {appeals_max} is allowed",
            case_id=case.pk,
            appeals=case.appeals,
            appeals_max=appeals_max,
        )
    ends_at = appeal_ends_at(case)
    if case.status == ReviewStatus.CLOSED or at >= ends_at:
        raise AppealRefusedError(
            f"case {case.pk} could be appealed until {ends_at:%Y-%m-%d %H:%M} UTC", case_id=case.pk, until=str(ends_at)
        )
    other = ReviewCase.objects.filter(player_id=case.player_id, status__in=UNDECIDED).exclude(pk=case.pk).first()
    if other is not None:
        raise ReviewStatusError(
            f"case {other.pk} of player {case.player_id} is not decided yet: case {case.pk} is appealed after it",
            case_id=case.pk,
            undecided_case_id=other.pk,
        )


def can_be_appealed(case: ReviewCase, *, at: datetime) -> bool:
    """Tell whether an appeal would be taken now."""
    try:
        _check_can_be_appealed(case, at=at)
    except LoyaltyError:
        return False
    return True


def appeal_ends_at(case: ReviewCase) -> datetime:
    """Return until when a decided case may be appealed."""
    return (case.decided_at or case.opened_at) + timedelta(days=policies.REVIEW_APPEAL_DAYS.value())


def close_settled_cases(*, at: datetime, keys: Keys = ALL_KEYS) -> int:
    """Close the decided cases that nobody can appeal any more; return how many."""
    in_range, params = keys.condition("c.player_id")
    return run_statement(
        f"""
        WITH closed AS (
            UPDATE safety_review_cases c SET status = 'CLOSED', closed_at = %s
            WHERE c.status = 'DECIDED' AND {in_range}
              AND (c.outcome = 'DISMISSED' OR c.appeals >= %s OR c.decided_at + make_interval(days => %s) <= %s)
            RETURNING c.id
        )
        INSERT INTO safety_review_events (case_id, act, status_before, status_after, at, text)
        SELECT id, 'CLOSED', 'DECIDED', 'CLOSED', %s, 'Nobody can appeal any more.' FROM closed
        """,
        [at, *params, policies.REVIEW_APPEALS_MAX.value(), policies.REVIEW_APPEAL_DAYS.value(), at, at],
    )
