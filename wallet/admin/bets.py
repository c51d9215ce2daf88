"""Bets: how each stake was paid and each payout shared."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, DropdownFilter, RangeDateTimeFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch, ReadOnlyInline
from core.admin.columns import Colours, badge, link_to, number
from players.admin.shared import PlayerFilter, player_link
from players.models import GameCategory
from wallet.models import Bet, BetStake, CountedWager

_STATUS_COLOURS = Colours(OPEN="info", SETTLED="success", VOID="warning")


class CategoryFilter(DropdownFilter):
    """The categories there are; looking for all values among the bets would read them all."""

    title = "game category"
    parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(code, code) for code in GameCategory.objects.order_by("code").values_list("code", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Bet]) -> QuerySet[Bet]:
        category = self.value()
        return queryset if not category or "\x00" in category else queryset.filter(game_category=category)


@display(description="bonus", ordering="lot_id")
def bonus_link(_: Any, stake: BetStake | CountedWager) -> SafeString:
    """Link to the bonus's page by key alone."""
    return link_to("wallet_lot", stake.lot_id)


class BetStakeInline(ReadOnlyInline):
    model = BetStake
    fields = ("bonus_link", "amount", "contribution", "paid_back", "converted")
    readonly_fields = ("bonus_link",)
    verbose_name_plural = "Bonuses"
    show_change_link = False

    bonus_link = bonus_link


@admin.register(Bet)
class BetAdmin(HugeReadOnlyAdmin):
    list_display = (
        "bet_id",
        "player_link",
        "status_badge",
        "game_category",
        "stake_figure",
        "real_stake_figure",
        "bonus_stake_figure",
        "payout_figure",
        "real_payout_figure",
        "bonus_payout_figure",
        "placed_at",
        "closed_at",
    )
    list_filter = (
        PlayerFilter,
        ("status", ChoicesDropdownFilter),
        CategoryFilter,
        ("placed_at", RangeDateTimeFilter),
    )
    search_fields = ("bet_id__exact",)
    search_help_text = "The bet's id, in full"
    inlines = (BetStakeInline,)
    fieldsets = (
        (None, {"fields": (("bet_id", "player"), ("status", "game_category"), ("placed_at", "closed_at"))}),
        ("Stake", {"fields": (("stake", "real_stake", "bonus_stake"), ("real_available", "contribution_weight"))}),
        ("Payout", {"fields": (("payout", "real_payout", "bonus_payout"),)}),
    )

    player_link = player_link
    status_badge = badge("status", colours=_STATUS_COLOURS)
    stake_figure = number("stake")
    real_stake_figure = number("real_stake", description="of it real")
    bonus_stake_figure = number("bonus_stake", description="of it bonus")
    payout_figure = number("payout")
    real_payout_figure = number("real_payout", description="paid real")
    bonus_payout_figure = number("bonus_payout", description="to bonuses")


@admin.register(BetStake)
class BetStakeAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = ("id", "bonus_link", "bet", "paid", "counted", "back", "real")
    list_select_related = ("bet",)
    number_searched = "lot_id"
    search_help_text = "Number of the bonus"
    fields = (("bet", "lot"), ("amount", "contribution"), ("paid_back", "converted"))

    bonus_link = bonus_link
    paid = number("amount", description="paid by the bonus")
    counted = number("contribution", description="counts as wagering")
    back = number("paid_back", description="came back")
    real = number("converted", description="became real")


@admin.register(CountedWager)
class CountedWagerAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = (
        "id",
        "bonus_link",
        "player_link",
        "source",
        "external_id",
        "bet_id",
        "part",
        "staked_figure",
        "weight",
        "counted_figure",
        "counted_at",
    )
    number_searched = "lot_id"
    search_help_text = "Number of the bonus"
    fields = (
        ("player", "lot"),
        ("source", "external_id", "bet_id"),
        ("part", "staked", "contribution_weight", "contribution"),
        "counted_at",
    )

    bonus_link = bonus_link
    player_link = player_link
    staked_figure = number("staked")
    weight = number("contribution_weight", decimal_places=4, description="weight")
    counted_figure = number("contribution", description="counts as wagering")
