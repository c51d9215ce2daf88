"""Cases of a ring are taken together: they are looked at as one, by one person."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from safety.models import ReviewCase, ReviewStatus
from safety.review.working import claim_case, may_decide
from wallet.ledger import lock_players

# What a ring's decision is about: an appeal is one player's own and is decided by itself.
_FIRST_LOOKS = (ReviewStatus.OPEN, ReviewStatus.ASSIGNED)


def ring_cases(ring_number: int) -> list[ReviewCase]:
    """Return the cases of a ring that are to be decided for the first time, by player."""
    cases = ReviewCase.objects.filter(ring_number=ring_number, status__in=_FIRST_LOOKS)
    return list(cases.select_related("assigned_to", "opened_by", "decided_by").order_by("player_id"))


@transaction.atomic
def claim_ring(*, ring_number: int, by: User, at: datetime | None = None) -> list[ReviewCase]:
    """Take every case of a ring that nobody has, or somebody who left; return those that `by` has then.

    Others keep theirs. Raises NotFoundError where the ring has no case to be decided.
    """
    at = at or timezone.now()
    cases = ring_cases(ring_number)
    if not cases:
        raise NotFoundError(
            f"ring {ring_number} has no case that is still to be decided for the first time", ring_number=ring_number
        )
    lock_players([case.player_id for case in cases])
    for case in ring_cases(ring_number):
        if case.assigned_to is None or not may_decide(case.assigned_to):
            claim_case(case_id=case.pk, by=by, at=at)
    return [case for case in ring_cases(ring_number) if case.assigned_to == by]
