"""What players did: events as reported, and the daily rows made of them."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import figure, hexadecimal, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import Activity, ActivityKey, PlayerDay


@admin.register(Activity)
class ActivityAdmin(HugeReadOnlyAdmin):
    list_display = (
        "id",
        "player_link",
        "kind",
        "occurred_at",
        "amount_figure",
        "bonus_figure",
        "game_category",
        "bet_id",
        "source",
        "external_id",
    )
    list_filter = (PlayerFilter, ("kind", ChoicesDropdownFilter), ("occurred_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link
    amount_figure = number("amount")
    bonus_figure = number("bonus_amount", description="of it bonus")


@admin.register(ActivityKey)
class ActivityKeyAdmin(HugeReadOnlyAdmin):
    list_display = ("id", "source", "external_id", "occurred_at")
    list_display_links = ("id", "external_id")
    search_fields = ("external_id__exact",)
    search_help_text = "Id of the event at its source, in full"
    # Nothing finds the newest numbers quickly: an index of them would cost as much as that of the names.
    ordering = ("source", "external_id")
    fields = ("source", "external_id", "occurred_at", "body_hash_text")
    readonly_fields = ("body_hash_text",)

    body_hash_text = hexadecimal("body_hash", description="hash of the body")


@admin.register(PlayerDay)
class PlayerDayAdmin(HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "on",
        "deposited_figure",
        "withdrawn_figure",
        "wagered_figure",
        "won_figure",
        "ggr",
        "bets",
        "sessions",
        "lp_due_figure",
        "lp_posted_figure",
        "lp_taken_figure",
        "is_estimated",
    )
    list_display_links = ("on",)
    list_filter = (PlayerFilter, ("on", RangeDateFilter), "is_estimated")
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link
    deposited_figure = number("deposited")
    withdrawn_figure = number("withdrawn")
    wagered_figure = number("wagered", description="turnover")
    won_figure = number("won")
    lp_due_figure = number("lp_due", description="LP due")
    lp_posted_figure = number("lp_posted", description="LP posted")
    lp_taken_figure = number("lp_taken_back", description="LP taken back")

    @display(description="GGR")
    def ggr(self, day: PlayerDay) -> str:
        return figure(day.wagered - day.won)
