"""The parcels that balances consist of, and what came in and went out of each."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch, ReadOnlyInline
from core.admin.columns import badge, link_to, number, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.models import Lot, LotMovement


class LotMovementInline(ReadOnlyInline):
    model = LotMovement
    fields = ("entry_link", "amount")
    readonly_fields = ("entry_link",)
    verbose_name_plural = "Movements"

    @display(description="entry")
    def entry_link(self, movement: LotMovement) -> str:
        return link_to("wallet_ledgerentry", movement.entry_id)


@admin.register(Lot)
class LotAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "currency_type",
        "kind",
        "status_badge",
        "amount_figure",
        "remaining_figure",
        "to_wager",
        "wagered",
        "expires_at",
        "granted_on",
    )
    list_filter = (
        PlayerFilter,
        ("currency_type", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("granted_on", RangeDateFilter),
        ("expires_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    inlines = (LotMovementInline,)
    readonly_fields = ("run_link",)
    fieldsets = (
        (None, {"fields": (("player", "operation"), ("currency_type", "kind", "status"), ("amount", "remaining"))}),
        ("Life", {"fields": (("granted_on", "created_at", "available_at"), ("expires_at", "closed_at"))}),
        (
            "Conditions",
            {
                "fields": (
                    ("wagering_required", "wagering_completed"),
                    ("max_bet", "max_conversion"),
                    "eligible_games",
                )
            },
        ),
        (
            "Where it comes from",
            {
                "fields": (
                    ("promotional_value", "expected_cost"),
                    ("rule_number", "decision_id", "run_link"),
                    "share_key",
                )
            },
        ),
    )

    player_link = player_link
    run_link = run_link()
    status_badge = badge("status")
    amount_figure = number("amount", description="credited")
    remaining_figure = number("remaining")
    to_wager = number("wagering_required", description="to wager")
    wagered = number("wagering_completed", description="wagered")


@admin.register(LotMovement)
class LotMovementAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = ("id", "lot_link", "entry_link", "amount_figure")
    number_searched = "lot_id"
    search_help_text = "Number of the lot"
    fields = ("lot", "entry_link", "amount")
    readonly_fields = ("entry_link",)

    amount_figure = number("amount")

    @display(description="lot", ordering="lot_id")
    def lot_link(self, movement: LotMovement) -> str:
        return link_to("wallet_lot", movement.lot_id)

    @display(description="entry", ordering="entry_id")
    def entry_link(self, movement: LotMovement) -> str:
        return link_to("wallet_ledgerentry", movement.entry_id)
