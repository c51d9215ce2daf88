"""The parcels that balances consist of, and what came in and went out of each."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter, RangeDateTimeFilter
from unfold.dataclasses import UnfoldAction
from unfold.decorators import action, display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch, ReadOnlyInline
from core.admin.columns import NOTHING, badge, link_to, number, run_link
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from wallet.admin.acting import ActForm, act_page
from wallet.bonus_life import cancel_bonus
from wallet.bonuses import wagering_percent
from wallet.holdings import OPEN_STATUSES, awaited_by
from wallet.models import CurrencyType, Lot, LotMovement

_FIELDSETS: tuple[tuple[str | None, dict[str, Any]], ...] = (
    (None, {"fields": (("player", "operation"), ("currency_type", "kind", "status"), ("amount", "remaining"))}),
    (
        "Life",
        {
            "fields": (
                ("granted_on", "created_at"),
                ("waits_for", "awaits", "takes_turn"),
                ("available_at", "active_hours", "expires_at"),
            )
        },
    ),
    (
        "Wagering",
        {
            "fields": (
                "progress",
                ("wagering_required", "wagering_completed", "wagering_basis"),
                ("max_bet", "games"),
                ("open_bets", "bets_link"),
            )
        },
    ),
    ("Conversion", {"fields": (("max_conversion", "converted"),)}),
    ("End", {"fields": (("closed_at", "ended_by"), "end_reason")}),
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
_OF_BONUSES = {"Wagering", "Conversion"}


class LotMovementInline(ReadOnlyInline):
    model = LotMovement
    fields = ("entry_link", "amount")
    readonly_fields = ("entry_link",)
    verbose_name_plural = "Movements"
    per_page = 25
    ordering = ("-pk",)

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
    readonly_fields = ("run_link", "waits_for", "progress", "games", "bets_link")
    actions_detail = ("cancel",)

    player_link = player_link
    run_link = run_link()
    status_badge = badge("status")
    amount_figure = number("amount", description="credited")
    remaining_figure = number("remaining")
    to_wager = number("wagering_required", description="to wager")
    wagered = number("wagering_completed", description="wagered")

    def get_fieldsets(self, request: HttpRequest, obj: Lot | None = None) -> Any:
        """Show of points and tickets what they have."""
        is_bonus = obj is not None and obj.currency_type == CurrencyType.BONUS
        return [fieldset for fieldset in _FIELDSETS if is_bonus or fieldset[0] not in _OF_BONUSES]

    def get_actions_detail(self, request: HttpRequest, object_id: int) -> list[UnfoldAction]:
        """Offer to cancel open bonuses alone."""
        lot = self.get_object(request, unquote(str(object_id)))
        actions: list[UnfoldAction] = super().get_actions_detail(request, object_id)
        return actions if lot is not None and _is_open_bonus(lot) else []

    @display(description="waits for")
    def waits_for(self, lot: Lot) -> str:
        return awaited_by(lot, at=timezone.now()) or NOTHING

    @display(description="progress")
    def progress(self, lot: Lot) -> SafeString:
        return format_html(
            '<div class="house-progress"><div class="house-bar"><span style="width: {}%"></span></div>{} %</div>',
            f"{wagering_percent(lot):f}",
            f"{wagering_percent(lot):f}",
        )

    @display(description="eligible games")
    def games(self, lot: Lot) -> str:
        return "All" if lot.eligible_games is None else ", ".join(lot.eligible_games)

    @display(description="bets")
    def bets_link(self, lot: Lot) -> SafeString:
        placed, reported = (reverse(f"admin:wallet_{name}_changelist") for name in ("betstake", "countedwager"))
        return format_html(
            '<a class="house-link" href="{}?q={}">Placed here</a>, <a class="house-link" href="{}?q={}">reported</a>',
            placed,
            lot.pk,
            reported,
            lot.pk,
        )

    @action(description="Cancel the bonus", url_path="cancel", icon="cancel", permissions=["wallet.cancel_bonus"])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """End a bonus by hand, with a reason."""
        bonus = self.get_object(request, unquote(object_id))
        if bonus is None or bonus.currency_type != CurrencyType.BONUS:
            raise Http404
        if not self.has_view_permission(request, bonus):
            raise PermissionDenied
        now = timezone.now()

        def act(asked: dict[str, Any]) -> str:
            cancel_bonus(player_id=bonus.player_id, bonus_id=bonus.pk, at=now, **asked)
            return f"Bonus {bonus.pk} of {bonus.player_id} was cancelled."

        return act_page(
            request,
            page=self,
            template="admin/wallet/cancel.html",
            form=ActForm(request.POST or None),
            act=act,
            done_url=reverse("admin:wallet_lot_change", args=[object_id]),
            describe=lambda: {
                "title": f"Cancel bonus {bonus.pk}",
                "bonus": bonus,
                "waits_for": awaited_by(bonus, at=now),
                "percent": wagering_percent(bonus),
            },
        )


def _is_open_bonus(lot: Lot) -> bool:
    return lot.currency_type == CurrencyType.BONUS and lot.status in OPEN_STATUSES


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
