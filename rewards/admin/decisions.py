"""What was decided about each match, and what was given."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    RangeDateFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import NOTHING, badge, link_to, number, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, SEGMENT_COLOURS, PlayerFilter, player_link
from rewards.models import RewardDecision, RewardHistory


def reason_codes(reasons: list[Any]) -> SafeString:
    """Show the codes of a decision's reasons, one a line; their figures are on the decision's page."""
    codes = ((reason.get("code", "?") if isinstance(reason, dict) else reason,) for reason in reasons)
    return format_html_join(SafeString("<br>"), "{}", codes) or NOTHING


@admin.register(RewardDecision)
class RewardDecisionAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "rule_link",
        "occasion",
        "verdict_badge",
        "reason_codes",
        "computed",
        "given",
        "value",
        "segment_badge",
        "tier",
        "last_on",
        "times",
    )
    list_select_related = ("rule",)
    list_filter = (
        PlayerFilter,
        ("rule", RelatedDropdownFilter),
        ("verdict", ChoicesDropdownFilter),
        ("last_on", RangeDateFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("rule_link", "run_link")
    fieldsets = (
        (None, {"fields": (("player", "rule_link", "rule_version"), ("occasion", "verdict"), "reasons")}),
        (
            "Amounts",
            {"fields": (("amount_computed", "amount_given"), ("money_value", "expected_cost", "expected_margin"))},
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
    value = number("money_value", description="money value")

    @display(description="rule", ordering="rule")
    def rule_link(self, decision: RewardDecision) -> str:
        return link_to("rewards_rewardrule", decision.rule.pk)

    @display(description="reasons")
    def reason_codes(self, decision: RewardDecision) -> SafeString:
        return reason_codes(decision.reasons)


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
