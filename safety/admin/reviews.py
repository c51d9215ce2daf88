"""What happened in reviews, row by row; the queue itself is in the admin of rewards, which wait for it."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch
from core.admin.columns import badge, link_to, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.models import ReviewEvent, ReviewEvidence

_HISTORY_FIELDS = ("pgh_created_at", "pgh_label", "pgh_context")


@display(description="case", ordering="case_id")
def case_link(_: Any, row: Any) -> str:
    """Link to the case by key alone."""
    return link_to("safety_reviewcase", row.case_id)


@admin.register(ReviewEvent)
class ReviewEventAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = ("id", "case_link", "act", "status_before", "status_after", "by", "at", "text")
    list_select_related = ("by",)
    list_filter = (("act", ChoicesDropdownFilter), ("at", RangeDateTimeFilter))
    search_help_text = "Number of the case"
    number_searched = "case_id"
    readonly_fields = ("case_link",)
    fields = (("case_link", "act"), ("status_before", "status_after"), ("by", "at"), "text", "details")

    case_link = case_link


@admin.register(ReviewEvidence)
class ReviewEvidenceAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = ("id", "case_link", "kind", "decision_link", "value", "settlement", "settled_at", "text", "added_at")
    list_filter = (("kind", ChoicesDropdownFilter), ("added_at", RangeDateTimeFilter))
    search_help_text = "Number of the case"
    number_searched = "case_id"
    readonly_fields = ("case_link", "decision_link")
    fields = (
        ("case_link", "kind"),
        ("decision_link", "money_value"),
        ("settlement", "settled_at"),
        "url",
        "text",
        ("added_by", "added_at"),
    )

    case_link = case_link
    value = number("money_value", description="money value")

    @display(description="decision")
    def decision_link(self, evidence: ReviewEvidence) -> str:
        return link_to("rewards_rewarddecision", evidence.decision_id)


@admin.register(apps.get_model("safety", "ReviewCaseHistory"))
class ReviewCaseHistoryAdmin(HugeReadOnlyAdmin):
    list_display = ("pgh_id", "case_number", "player_link", "status_badge", "outcome", "abuse_score", "pgh_created_at")
    list_filter = (PlayerFilter, ("pgh_created_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    fields = (
        _HISTORY_FIELDS,
        ("player", "status", "cause"),
        "reason",
        ("abuse_score", "money_at_stake", "due_at"),
        ("assigned_to", "assigned_at"),
        ("outcome", "decided_by", "decided_at"),
        "decision_reason",
        ("appeals", "appealed_at", "closed_at"),
        "appeal_text",
    )

    player_link = player_link
    status_badge = badge("status")

    @display(description="case")
    def case_number(self, state: Any) -> str:
        return link_to("safety_reviewcase", state.id)


@admin.register(apps.get_model("safety", "AbuseSignalHistory"))
class AbuseSignalHistoryAdmin(HugeReadOnlyAdmin):
    list_display = (
        "pgh_id",
        "signal_link",
        "case_link",
        "outcome",
        "is_resolved",
        "judged_by",
        "judged_at",
        "judgement",
    )
    list_select_related = ("judged_by",)
    list_filter = (("pgh_created_at", RangeDateTimeFilter),)
    fields = (
        _HISTORY_FIELDS,
        ("case", "severity"),
        ("outcome", "is_resolved", "resolved_at"),
        ("judged_by", "judged_at"),
        "judgement",
    )

    case_link = case_link

    @display(description="signal")
    def signal_link(self, state: Any) -> str:
        return link_to("safety_abusesignal", state.pgh_obj_id)
