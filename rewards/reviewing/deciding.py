"""A review case decided, with everything that follows: signals, score, block, and the rewards that waited."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows
from core.runs import Counts, Keys
from rewards.reviewing.restoring import restore_refused
from rewards.reviewing.settling import settle_cases, settle_rewards
from safety.models import CaseOutcome, ReviewCase
from safety.review.appeals import close_settled_cases
from safety.review.deciding import decide_case
from safety.review.opening import open_due_cases
from safety.review.working import free_cases_of_leavers

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@transaction.atomic
def decide_review(
    *,
    case_id: int,
    outcome: str,
    reason: str,
    by: User,
    signals: Mapping[int, str] | None = None,
    finding_severity: int | None = None,
    at: datetime | None = None,
) -> ReviewCase:
    """Decide a case and settle what waited for it, all or nothing; on appeal, what was refused before as well.

    Raises what `safety.review.deciding.decide_case` raises.
    """
    at = at or timezone.now()
    case = decide_case(
        case_id=case_id,
        outcome=outcome,
        reason=reason,
        by=by,
        signals=signals,
        finding_severity=finding_severity,
        at=at,
    )
    if case.appeals and case.outcome != CaseOutcome.CONFIRMED:
        restore_refused(case, at=at)
    settle_rewards(case_id=case.pk, at=at)
    case.refresh_from_db()
    return case


def keep_reviews(*, at: datetime, keys: Keys) -> Counts:
    """Keep the review queue of a range of players: free, open and settle what is due, close what is over.

    Must run inside a transaction, after the scores are stored.
    """
    freed = free_cases_of_leavers(at=at, keys=keys)
    counts = {"cases of leavers": freed, **open_due_cases(at=at, keys=keys)}
    cases = _cases_to_settle(keys)
    settle_cases(cases, at=at)
    return {**counts, "cases settled": len(cases), "cases closed": close_settled_cases(at=at, keys=keys)}


def _cases_to_settle(keys: Keys) -> list[int]:
    """Return the decided cases whose rewards still wait: of those that were decided without them, or by a crash."""
    in_range, params = keys.condition("c.player_id")
    rows = fetch_rows(
        f"""
        SELECT DISTINCT c.id FROM safety_review_evidence e JOIN safety_review_cases c ON c.id = e.case_id
        WHERE e.settled_at IS NULL AND e.decision_id IS NOT NULL AND c.status IN ('DECIDED', 'CLOSED') AND {in_range}
        ORDER BY c.id
        """,
        params,
    )
    return [number for (number,) in rows]
