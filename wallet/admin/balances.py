"""What players hold."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import RangeDateTimeFilter, RangeNumericFilter
from unfold.decorators import action

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import hexadecimal, number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.admin.acting import AdjustmentForm, act_page
from wallet.corrections import adjust_balance
from wallet.holdings import holdings_of
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
    actions_detail = ("adjust",)
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

    @action(description="Adjust", url_path="adjust", icon="tune", permissions=["wallet.adjust_balance"])
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Add to a balance or take from it, with a reason."""
        balance = self.get_object(request, unquote(object_id))
        if balance is None:
            raise Http404
        if not self.has_view_permission(request, balance):
            raise PermissionDenied
        form, now = AdjustmentForm(request.POST or None), timezone.now()

        def act(asked: dict[str, Any]) -> str:
            given = {name: form.cleaned_data[name] for name in ("currency", "amount")}
            posted = adjust_balance(player_id=balance.player_id, at=now, **given, **asked)
            return f"{given['currency']} adjusted: {posted.balance_before} before, {posted.balance_after} after."

        return act_page(
            request,
            page=self,
            template="admin/wallet/adjust.html",
            form=form,
            act=act,
            done_url=reverse("admin:wallet_loyaltybalance_change", args=[object_id]),
            describe=lambda: {
                "title": f"Adjust a balance of {balance.player_id}",
                "player_id": balance.player_id,
                "holdings": holdings_of(balance.player_id, at=now),
            },
        )
