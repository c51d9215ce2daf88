"""What was decided about each match, and what was given."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
    TextFilter,
)
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import badge, link_to, number, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, SEGMENT_COLOURS, PlayerFilter, player_link
from rewards.admin.explaining import ExplanationPages
from rewards.models import RewardDecision, RewardHistory


class ReasonFilter(TextFilter):
    """Decisions that one reason decided."""

    title = "reason"
    parameter_name = "reason"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        code = self.value()
        return queryset if not code or "\x00" in code else queryset.filter(reason=code.strip().upper())


@admin.register(RewardDecision)
class RewardDecisionAdmin(ExplanationPages, HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "rule_link",
        "occasion",
        "verdict_badge",
        "reason",
        "why_link",
        "computed",
        "given",
        "segment_badge",
        "last_on",
        "times",
    )
    actions_list = ("explain",)
    actions_detail = ("why",)
    list_select_related = ("rule",)
    list_filter = (
        PlayerFilter,
        ("rule", RelatedDropdownFilter),
        ("verdict", ChoicesDropdownFilter),
        ReasonFilter,
        ("last_on", RangeDateFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("rule_link", "run_link")
    fieldsets = (
        (None, {"fields": (("player", "rule_link", "rule_version"), ("occasion", "verdict", "reason"), "reasons")}),
        (
            "Amounts",
            {
                "fields": (
                    ("amount_computed", "amount_given"),
                    ("money_value", "expected_cost", "expected_margin", "granted_cost"),
                    ("wager_per_active_day", "active_days", "retention_multiplier", "house_edge"),
                    "profit_basis",
                    ("cost_rate", "assumptions_version"),
                )
            },
        ),
        ("What was known", {"fields": (("segment", "tier"), "facts")}),
        ("When", {"fields": (("first_on", "last_on", "times"), ("decided_at", "run_link"))}),
    )

    player_link = player_link
    run_link = run_link()
    verdict_badge = badge("verdict")
    segment_badge = badge("segment", colours=SEGMENT_COLOURS)
    computed = number("amount_computed", description="computed")
    given = number("amount_given", description="given")

    @display(description="rule", ordering="rule")
    def rule_link(self, decision: RewardDecision) -> str:
        return link_to("rewards_rewardrule", decision.rule.pk)


@admin.register(RewardHistory)
class RewardHistoryAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "rule_link",
        "reward_type",
        "amount_figure",
        "currency_type",
        "status_badge",
        "to_wager",
        "wagered",
        "issued_at",
        "expires_at",
    )
    list_filter = (
        PlayerFilter,
        ("rule", RelatedDropdownFilter),
        ("reward_type", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("issued_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("rule_link", "decision_link", "lot_link", "run_link")
    fieldsets = (
        (None, {"fields": (("player", "rule_link"), ("reward_type", "status"), ("amount", "currency_type"))}),
        ("Wagering", {"fields": (("wagering_required", "wagering_completed"),)}),
        ("When", {"fields": (("issued_at", "expires_at", "completed_at"),)}),
        ("Where it comes from", {"fields": (("decision_link", "lot_link", "run_link"), "metadata")}),
    )

    player_link = player_link
    run_link = run_link()
    status_badge = badge("status")
    amount_figure = number("amount")
    to_wager = number("wagering_required", description="to wager")
    wagered = number("wagering_completed", description="wagered")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, reward: RewardHistory) -> str:
        return link_to("rewards_rewardrule", reward.rule_id)

    @display(description="decision")
    def decision_link(self, reward: RewardHistory) -> str:
        return link_to("rewards_rewarddecision", reward.decision_id)

    @display(description="lot")
    def lot_link(self, reward: RewardHistory) -> str:
        return link_to("wallet_lot", reward.lot_id)
