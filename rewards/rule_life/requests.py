"""Requests for approval that wait."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Exists, F, OuterRef, QuerySet
from django.db.models.functions import Coalesce

from rewards.models import ApprovalStatus, RewardRule, RewardRuleVersion, RuleApproval

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def waiting_request(rule_id: str) -> RuleApproval | None:
    """Return what waits to be approved of a rule, or None."""
    waiting = RuleApproval.objects.filter(rule_id=rule_id, status=ApprovalStatus.WAITING)
    return waiting.select_related("submitted_by").first()


def lapse_requests(rule: RewardRule, *, at: datetime, reason: str) -> int:
    """Close what waits to be approved of a rule, because it is no longer what was asked for; return how many."""
    waiting = RuleApproval.objects.filter(rule=rule, status=ApprovalStatus.WAITING)
    return waiting.update(status=ApprovalStatus.LAPSED, decided_at=at, reason=reason)


def requests_waiting_for(user: User) -> QuerySet[RuleApproval]:
    """Return the requests that a user may answer: neither submitted nor edited in any part by the user."""
    edited = RewardRuleVersion.objects.filter(
        rule_id=OuterRef("rule_id"),
        version__gt=Coalesce(OuterRef("base_version"), 0),
        version__lte=OuterRef("version"),
        saved_by=user,
    )
    waiting = RuleApproval.objects.filter(~Exists(edited), status=ApprovalStatus.WAITING)
    return waiting.exclude(submitted_by=user).order_by(F("submitted_at"))
