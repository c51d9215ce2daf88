"""What players hold."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter, RangeNumericFilter

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import hexadecimal, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.models import LoyaltyBalance


@admin.register(LoyaltyBalance)
class LoyaltyBalanceAdmin(HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "lp",
        "rp",
        "bonus",
        "tickets",
        "earned",
        "wagering_required",
        "wagering_completed",
        "bonus_expiry",
        "head_number",
    )
    list_display_links = ("head_number",)
    list_filter = (
        PlayerFilter,
        ("bonus_balance", RangeNumericFilter),
        ("lp_balance", RangeNumericFilter),
        ("bonus_expiry", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    readonly_fields = ("head_hash_text",)
    fieldsets = (
        (None, {"fields": ("player", ("lp_balance", "rp_balance"), ("bonus_balance", "tickets_balance"), "lp_earned")}),
        (
            "Active bonuses",
            {
                "fields": (
                    ("bonus_wagering_required", "bonus_wagering_completed"),
                    ("bonus_expiry", "bonus_max_bet"),
                    "bonus_eligible_games",
                )
            },
        ),
        ("Last ledger entry", {"fields": (("head_number", "head_at"), "head_hash_text")}),
    )

    player_link = player_link
    lp = number("lp_balance", description="LP")
    rp = number("rp_balance", description="RP")
    bonus = number("bonus_balance", description="bonus")
    tickets = number("tickets_balance", description="tickets")
    earned = number("lp_earned", description="LP ever earned")
    wagering_required = number("bonus_wagering_required", description="to wager")
    wagering_completed = number("bonus_wagering_completed", description="wagered")
    head_hash_text = hexadecimal("head_hash", description="hash")
