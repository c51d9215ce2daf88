"""Money promised as cash, and credits by hand to players who were to be given nothing."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import link_to, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from safety.models import CashGrant, Contamination


@admin.register(CashGrant)
class CashGrantAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "player_link", "granted_on", "value", "cost", "rule_number", "decision_link")
    list_filter = (PlayerFilter, ("granted_on", RangeDateFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("decision_link",)
    fields = (
        ("player", "granted_on"),
        ("promotional_value", "expected_cost"),
        ("rule_number", "decision_link"),
        ("event_key", "granted_at"),
    )

    player_link = player_link
    value = number("promotional_value", description="money value")
    cost = number("expected_cost")

    @display(description="decision")
    def decision_link(self, grant: CashGrant) -> str:
        return link_to("rewards_rewarddecision", grant.decision_id)


@admin.register(Contamination)
class ContaminationAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "player_link", "credited_on", "value", "actor", "salt", "operation_link")
    list_filter = (PlayerFilter, ("credited_on", RangeDateFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("operation_link",)
    fields = (("player", "credited_on"), ("money_value", "actor"), ("salt", "operation_link"))

    player_link = player_link
    value = number("money_value")

    @display(description="operation")
    def operation_link(self, row: Contamination) -> str:
        return link_to("wallet_operation", row.operation_id)
