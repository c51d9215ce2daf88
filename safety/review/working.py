"""Work on a case before it is decided: take it, hand it over, give it back, note what was found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows, run_statement
from core.runs import Keys
from safety.models import UNDECIDED, EvidenceKind, ReviewAct, ReviewCase, ReviewEvent, ReviewEvidence, ReviewStatus
from safety.review.errors import AnotherReviewerNeededError, ReviewStatusError
from safety.review.events import record_event
from safety.review.players import UNDECIDED_SQL
from wallet.ledger import lock_players
from wallet.postings import check_text_field

MAY_ASSIGN = "safety.assign_reviewcase"
MAY_DECIDE = "safety.change_reviewcase"
NOTE_LENGTH_MAX = 2000
LINK_LENGTH_MAX = 500
_SCHEMES = ("https://", "http://", "/")


def locked_case(case_id: int) -> ReviewCase:
    """Return a case with its player locked; must run inside a transaction. Raises NotFoundError."""
    player_id = ReviewCase.objects.filter(pk=case_id).values_list("player_id", flat=True).first()
    if player_id is None:
        raise NotFoundError(f"there is no review case {case_id}", case_id=case_id)
    lock_players([player_id])
    return ReviewCase.objects.select_related("assigned_to", "decided_by").get(pk=case_id)


def claim_change(case: ReviewCase, **changes: Any) -> None:
    """Change a case that still is as it was read, which must change exactly one row. Raises ReviewStatusError."""
    as_read = ReviewCase.objects.filter(pk=case.pk, status=case.status, assigned_to=case.assigned_to)
    if as_read.update(**changes) != 1:
        raise ReviewStatusError(
            f"case {case.pk} is not {case.status} any more, or somebody else has it: look at it again",
            case_id=case.pk,
            status=case.status,
        )
    case.refresh_from_db()


def check_undecided(case: ReviewCase, *, step: str) -> None:
    """Raise ReviewStatusError for a case that is decided."""
    if case.status not in UNDECIDED:
        raise ReviewStatusError(
            f"case {case.pk} is {case.status}: only one that is {', '.join(UNDECIDED)} can be {step}",
            case_id=case.pk,
            status=case.status,
        )


def check_not_decided_before(case: ReviewCase, *, by: User) -> None:
    """Raise AnotherReviewerNeededError for whoever decided the case before."""
    deciders = ReviewEvent.objects.filter(case=case, act=ReviewAct.DECIDED).values_list("by__username", flat=True)
    if by.get_username() in deciders:
        raise AnotherReviewerNeededError(
            f"case {case.pk} was decided by {by.get_username()} before: somebody else must decide the appeal",
            case_id=case.pk,
            decided_by=sorted({str(name) for name in deciders}),
        )


def may_decide(user: User) -> bool:
    """Tell whether somebody may still decide cases: one who left or changed roles may not."""
    return user.has_perm(MAY_DECIDE)


def claim_case(*, case_id: int, by: User, at: datetime | None = None) -> ReviewCase:
    """Take a case that nobody has, or somebody who left, to work on it. Whoever has it already keeps it.

    Raises NotFoundError, ReviewStatusError naming who has it, and AnotherReviewerNeededError for an appeal.
    """
    with transaction.atomic():
        case = locked_case(case_id)
        check_undecided(case, step="claimed")
        if case.assigned_to == by:
            return case
        if case.assigned_to is not None and may_decide(case.assigned_to):
            raise ReviewStatusError(
                f"case {case_id} is {case.assigned_to.get_username()}'s: it must be given back or reassigned first",
                case_id=case_id,
                status=case.status,
                assigned_to=case.assigned_to.get_username(),
            )
        _hand_to(case, by, act=ReviewAct.CLAIMED, by=by, at=at or timezone.now())
    return case


def assign_case(*, case_id: int, to: User, by: User, at: datetime | None = None) -> ReviewCase:
    """Hand a case to somebody who may decide cases, whoever has it.

    Raises NotFoundError, InvalidInputError, ReviewStatusError and AnotherReviewerNeededError.
    """
    if not may_decide(to):
        raise InvalidInputError(
            f"{to.get_username()} may not decide cases: somebody active with that right is needed", field="username"
        )
    with transaction.atomic():
        case = locked_case(case_id)
        check_undecided(case, step="assigned")
        if case.assigned_to != to:
            _hand_to(case, to, act=ReviewAct.ASSIGNED, by=by, at=at or timezone.now())
    return case


def _hand_to(case: ReviewCase, user: User, *, act: ReviewAct, by: User, at: datetime) -> None:
    check_not_decided_before(case, by=user)
    status_before, had = case.status, case.assigned_to
    status = ReviewStatus.ASSIGNED if case.status == ReviewStatus.OPEN else case.status
    claim_change(case, status=status, assigned_to=user, assigned_at=at)
    record_event(
        case,
        act,
        at=at,
        by=by,
        status_before=status_before,
        assigned_before=had.get_username() if had else None,
        assigned_to=user.get_username(),
    )


def release_case(*, case_id: int, by: User, at: datetime | None = None) -> ReviewCase:
    """Give a case back to the queue; it is open again. Another's only by whoever may assign cases.

    Raises NotFoundError and ReviewStatusError.
    """
    with transaction.atomic():
        case = locked_case(case_id)
        check_undecided(case, step="given back")
        if case.assigned_to is None:
            raise ReviewStatusError(f"case {case_id} is nobody's", case_id=case_id, status=case.status)
        status_before, had = case.status, case.assigned_to
        if had != by and not by.has_perm(MAY_ASSIGN):
            raise ReviewStatusError(
                f"case {case_id} is {had.get_username()}'s: only its owner or whoever may assign cases gives it back",
                case_id=case_id,
                assigned_to=had.get_username(),
            )
        status = ReviewStatus.OPEN if case.status == ReviewStatus.ASSIGNED else case.status
        claim_change(case, status=status, assigned_to=None, assigned_at=None)
        record_event(
            case,
            ReviewAct.RELEASED,
            at=at or timezone.now(),
            by=by,
            status_before=status_before,
            assigned_before=had.get_username(),
            assigned_to=None,
        )
    return case


def free_cases_of_leavers(*, at: datetime, keys: Keys) -> int:
    """Give back the undecided cases of those who may decide none any more; return how many.

    Must run inside a transaction. The players are locked, as for every step of a case.
    """
    in_range, params = keys.condition("player_id")
    held = f"status IN {UNDECIDED_SQL} AND assigned_to_id IS NOT NULL AND {in_range}"
    owners = fetch_rows(f"SELECT DISTINCT assigned_to_id FROM safety_review_cases WHERE {held}", params)
    leavers = [user.pk for user in User.objects.filter(pk__in=[pk for (pk,) in owners]) if not may_decide(user)]
    if not leavers:
        return 0
    theirs = [*params, leavers]
    fetch_rows(
        f"""
        SELECT 1 FROM players WHERE player_id IN (
            SELECT player_id FROM safety_review_cases WHERE {held} AND assigned_to_id = ANY (%s)
        ) ORDER BY player_id FOR NO KEY UPDATE
        """,
        theirs,
    )
    return run_statement(_FREE_SQL.format(held=held), [*theirs, at])


_FREE_SQL = """
    WITH held AS MATERIALIZED (
        SELECT c.id, c.status, u.username FROM safety_review_cases c JOIN auth_user u ON u.id = c.assigned_to_id
        WHERE {held} AND c.assigned_to_id = ANY (%s)
    ),
    freed AS (
        UPDATE safety_review_cases c
        SET status = CASE c.status WHEN 'ASSIGNED' THEN 'OPEN' ELSE c.status END, assigned_to_id = NULL,
            assigned_at = NULL
        FROM held h WHERE c.id = h.id RETURNING c.id, h.status AS status_before, c.status AS status_after, h.username
    )
    INSERT INTO safety_review_events (case_id, act, status_before, status_after, at, text, details)
    SELECT id, 'RELEASED', status_before, status_after, %s, username || ' may not decide cases any more.',
           jsonb_build_object('assigned_before', username, 'assigned_to', NULL)
    FROM freed
"""


def add_note(*, case_id: int, text: str, by: User | None, at: datetime | None = None) -> ReviewEvent:
    """Note something about a case, 1 to 2,000 characters, in any status; a note stays.

    Raises NotFoundError and InvalidInputError.
    """
    check_text_field("text", text, length_max=NOTE_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        case = locked_case(case_id)
        return record_event(case, ReviewAct.NOTED, at=at or timezone.now(), by=by, text=text)


def add_link(*, case_id: int, url: str, text: str, by: User | None, at: datetime | None = None) -> ReviewEvidence:
    """Add an address to the evidence of an undecided case and say what it shows.

    Raises NotFoundError, InvalidInputError and ReviewStatusError.
    """
    at = at or timezone.now()
    check_text_field("url", url, length_max=LINK_LENGTH_MAX, is_needed=True)
    check_text_field("text", text, length_max=LINK_LENGTH_MAX, is_needed=True)
    if not url.startswith(_SCHEMES) or any(sign.isspace() for sign in url):
        raise InvalidInputError(
            f"url is {url!r}: an address such as https://tickets.example/4711 is needed", field="url"
        )
    with transaction.atomic():
        case = locked_case(case_id)
        check_undecided(case, step="given evidence")
        evidence = ReviewEvidence.objects.create(
            case=case, kind=EvidenceKind.LINK, url=url, text=text, added_by=by, added_at=at
        )
        record_event(case, ReviewAct.EVIDENCE, at=at, by=by, text=text, url=url)
    return evidence
