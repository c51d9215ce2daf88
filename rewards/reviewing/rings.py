"""A ring decided at once: one look, one reason, and for each of its players a decision of their own with all that
follows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError
from rewards.reviewing.settling import settle_cases
from safety.models import CaseOutcome, ReviewCase
from safety.review.deciding import decide_case, signals_to_judge
from safety.review.errors import ReviewStatusError
from safety.review.rings import ring_cases
from wallet.ledger import lock_players

CASES_MAX = 500


@transaction.atomic
def decide_ring(
    *,
    ring_number: int,
    outcomes: Mapping[int, str],
    reason: str,
    by: User,
    seen: Collection[int] | None = None,
    finding_severity: int | None = None,
    at: datetime | None = None,
) -> list[ReviewCase]:
    """Decide cases of a ring that `by` has claimed, all or none, and settle what waited for them; return the cases.

    `outcomes` says CONFIRMED or DISMISSED by the number of each case, of all its signals; whoever of the ring is left
    out stays undecided. `seen` are the signals that were looked at: of one that joined since nothing is decided.
    `finding_severity`, 1 to 10, is needed where a confirmed case has no signals. Raises what
    `safety.review.deciding.decide_case` raises, and ReviewStatusError for a case that the ring does not have.
    """
    at = at or timezone.now()
    of_ring = _checked(outcomes, ring_number=ring_number)
    # All at once and in key order: two who decide rings that share players must not wait for each other.
    lock_players([case.player_id for case in of_ring])
    for case in of_ring:
        outcome = outcomes[case.pk]
        signals = [signal.pk for signal in signals_to_judge(case)]
        is_finding = not signals and outcome == CaseOutcome.CONFIRMED
        decide_case(
            case_id=case.pk,
            outcome=outcome,
            reason=reason,
            by=by,
            signals={number: outcome for number in signals if seen is None or number in seen},
            finding_severity=finding_severity if is_finding else None,
            ring_number=ring_number,
            at=at,
        )
    settle_cases([case.pk for case in of_ring], at=at)
    decided = ReviewCase.objects.filter(pk__in=list(outcomes)).select_related("assigned_to", "opened_by", "decided_by")
    return list(decided.order_by("player_id"))


def _checked(outcomes: Mapping[int, str], *, ring_number: int) -> list[ReviewCase]:
    """Return the cases that are decided, by player. Raises InvalidInputError and ReviewStatusError."""
    if not 1 <= len(outcomes) <= CASES_MAX:
        raise InvalidInputError(
            f"cases names {len(outcomes)} cases: 1 to {CASES_MAX} of the ring are decided at once", field="cases"
        )
    allowed = (CaseOutcome.CONFIRMED, CaseOutcome.DISMISSED)
    wrong = sorted({outcome for outcome in outcomes.values() if outcome not in allowed})
    if wrong:
        raise InvalidInputError(
            f"cases holds {wrong[0]!r}: each is CONFIRMED or DISMISSED; one confirmed in part is decided by itself",
            field="cases",
        )
    cases = [case for case in ring_cases(ring_number) if case.pk in outcomes]
    strange = sorted(set(outcomes) - {case.pk for case in cases})
    if strange:
        raise ReviewStatusError(
            f"case {strange[0]} is not one of ring {ring_number} that is still to be decided for the first time",
            case_id=strange[0],
            ring_number=ring_number,
        )
    return cases
