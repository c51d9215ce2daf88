"""What was asked, answered and done about rules: read-only."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import display

from core.admin.base import ReadOnlyAdmin
from core.admin.columns import Colours, badge, link_to, number
from rewards.models import RuleApproval, RuleEvent

_APPROVAL_COLOURS = Colours(WAITING="warning", APPROVED="success", REJECTED="danger")
_ACT_COLOURS = Colours(
    APPROVED="success",
    RESUMED="success",
    SUBMITTED="info",
    PAUSED="warning",
    LAPSED="warning",
    REJECTED="danger",
    STOPPED_BY_GUARDRAIL="danger",
    REVOKED="danger",
)


@admin.register(RuleApproval)
class RuleApprovalAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "rule_link",
        "version",
        "status_badge",
        "forecast",
        "submitted_by",
        "submitted_at",
        "decided_by",
        "decided_at",
        "reason",
    )
    list_filter = (
        ("rule", RelatedDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("submitted_at", RangeDateTimeFilter),
    )
    list_select_related = ("submitted_by", "decided_by")
    ordering = ("-pk",)
    status_badge = badge("status", colours=_APPROVAL_COLOURS)
    forecast = number("forecast_cost", description="forecast per date")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, approval: RuleApproval) -> str:
        return link_to("rewards_rewardrule", approval.rule_id)


@admin.register(RuleEvent)
class RuleEventAdmin(ReadOnlyAdmin):
    list_display = ("id", "rule_link", "version", "act_badge", "status_before", "status_after", "by", "at", "reason")
    list_filter = (("rule", RelatedDropdownFilter), ("act", ChoicesDropdownFilter), ("at", RangeDateTimeFilter))
    list_select_related = ("by",)
    ordering = ("-pk",)
    act_badge = badge("act", colours=_ACT_COLOURS, description="what happened")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, event: RuleEvent) -> str:
        return link_to("rewards_rewardrule", event.rule_id)
