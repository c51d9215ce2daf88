"""Rules by what waits to be done about them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import DropdownFilter

from rewards.models import ApprovalStatus, RewardRule, RuleApproval, RuleStatus
from rewards.rule_life.requests import requests_waiting_for

PARAMETER, FOR_ME = "waits", "me"


class ApprovalFilter(DropdownFilter):
    """What waits for an approval, or was stopped by a guardrail."""

    title = "what waits"
    parameter_name = PARAMETER

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        """Return the choices."""
        return [
            (FOR_ME, "For my approval"),
            ("anybody", "For an approval"),
            ("draft", "A draft to be submitted"),
            ("guardrail", "Stopped by its guardrail"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[RewardRule]) -> QuerySet[RewardRule]:
        """Return the rules chosen."""
        match self.value():
            case "me" if isinstance(request.user, User):
                return queryset.filter(pk__in=requests_waiting_for(request.user).order_by().values("rule_id"))
            case "anybody":
                return queryset.filter(_is_waiting())
            case "draft":
                drafts = queryset.filter(status=RuleStatus.DRAFT) | queryset.filter(pending_version__isnull=False)
                return drafts.filter(~_is_waiting())
            case "guardrail":
                return queryset.filter(is_stopped_by_guardrail=True, status=RuleStatus.PAUSED)
        return queryset


def _is_waiting() -> Exists:
    return Exists(RuleApproval.objects.filter(rule=OuterRef("pk"), status=ApprovalStatus.WAITING))


def with_waiting(queryset: QuerySet[RewardRule]) -> QuerySet[RewardRule]:
    """Add to each rule whether a request for approval waits."""
    return queryset.annotate(is_waiting=_is_waiting())
