"""What players ordered: read-only, fulfilled with a note and cancelled with a reason."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter, RelatedDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin.asking import AskingPages
from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import Colours, badge, link_to
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from rewards.admin.redemption.columns import amount_shown, gift_shown
from rewards.models import RedemptionGives, RedemptionOrder, RedemptionStatus
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.fulfilment import NOTE_LENGTH_MAX, fulfil_order
from wallet.corrections import REASON_LENGTH_MAX

_MAY_CHANGE = "rewards.change_redemptionorder"
_COLOURS = Colours(ORDERED="warning", FULFILLED="success")


class NoteForm(forms.Form):
    """How a benefit was handed over."""

    text = forms.CharField(
        label="How it was handed over",
        max_length=NOTE_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text="For example the number of a voucher, or who was told when.",
    )


class ReasonForm(forms.Form):
    """Why an order is cancelled."""

    text = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
        help_text="Shown in the player's statement.",
    )


@admin.register(RedemptionOrder)
class RedemptionOrderAdmin(AskingPages, HugeReadOnlyAdmin):
    ask_name = "order"
    ask_noun = "order"
    ask_template = "admin/rewards/redemptionorder/ask.html"
    list_display = (
        "id",
        "player_link",
        "option_link",
        "status_badge",
        "paid",
        "gift",
        "ordered_at",
        "ordered_by",
        "fulfilled_at",
        "cancelled_at",
    )
    list_select_related = ("option",)
    list_filter = (
        PlayerFilter,
        ("status", ChoicesDropdownFilter),
        ("option", RelatedDropdownFilter),
        ("ordered_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    actions_detail = ("fulfil", "cancel")
    readonly_fields = ("option_link", "paid", "gift", "operation_link", "lot_link", "reversal_link")
    player_link = player_link
    status_badge = badge("status", colours=_COLOURS)

    @display(description="option")
    def option_link(self, order: RedemptionOrder) -> str:
        return link_to("rewards_redemptionoption", order.option_id, order.option.code)

    @display(description="paid")
    def paid(self, order: RedemptionOrder) -> str:
        return amount_shown(order.cost, order.cost_currency)

    @display(description="bought")
    def gift(self, order: RedemptionOrder) -> str:
        return gift_shown(order)

    @display(description="operation")
    def operation_link(self, order: RedemptionOrder) -> str:
        return link_to("wallet_operation", order.operation_id)

    @display(description="lot")
    def lot_link(self, order: RedemptionOrder) -> str:
        return link_to("wallet_lot", order.lot_id)

    @display(description="refund")
    def reversal_link(self, order: RedemptionOrder) -> str:
        return link_to("wallet_operation", order.reversal_id)

    @action(description="Fulfil", url_path="fulfil", icon="task_alt", permissions=[_MAY_CHANGE])
    def fulfil(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask how the benefit was handed over and mark it so."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Fulfil",
            explanation="The benefit was handed over. It cannot be refunded afterwards.",
            act=lambda order, text: fulfil_order(order_id=order.pk, note=text, actor=request.user.get_username()),
        )

    @action(description="Cancel with refund", url_path="cancel", icon="undo", permissions=[_MAY_CHANGE])
    def cancel(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason, cancel the order and give the points back."""
        return self.ask(
            request,
            object_id,
            form_class=ReasonForm,
            verb="Cancel",
            explanation="The points go back to where they came from, bonus money or tickets are taken back. Where they "
            "are spent in part the order stays as it is.",
            act=lambda order, text: cancel_order(
                order_id=order.pk,
                reason=text,
                key=f"admin:cancel-redemption:{order.pk}",
                actor=request.user.get_username(),
            ),
        )

    def get_fieldsets(self, request: HttpRequest, obj: RedemptionOrder | None = None) -> Any:
        """Show what has happened to the order so far."""
        return _fieldsets_of(obj) if obj else ()

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the order's status leads on to."""
        order = self.get_object(request, object_id)
        steps = _steps_of(order) if order else ()
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(step) for step in steps)]

    def ask_context(self, row: RedemptionOrder) -> dict[str, Any]:
        """Show what was paid and bought."""
        return {"paid": amount_shown(row.cost, row.cost_currency), "gift": gift_shown(row)}

    def ask_success(self, row: RedemptionOrder, done: RedemptionOrder) -> str:
        """Say what has become of the order."""
        return f"Order {row.pk} is {done.get_status_display().lower()}."


def _fieldsets_of(order: RedemptionOrder) -> list[tuple[str | None, dict[str, Any]]]:
    terms = ("terms",) if order.terms else ()
    sets: list[tuple[str | None, dict[str, Any]]] = [
        (None, {"fields": (("player", "option_link"), ("paid", "gift"), "status", *terms)}),
        ("Ordered", {"fields": (("ordered_by", "ordered_at"), ("option_name", "option_description"))}),
    ]
    if order.fulfilled_at:
        sets.append(("Fulfilled", {"fields": (("fulfilled_by", "fulfilled_at"), "fulfilment_note")}))
    if order.cancelled_at:
        sets.append(("Cancelled", {"fields": (("cancelled_by", "cancelled_at"), "cancel_reason")}))
    return [*sets, ("In the wallet", {"fields": (("operation_link", "lot_link", "reversal_link"), "key")})]


def _steps_of(order: RedemptionOrder) -> tuple[str, ...]:
    if order.status == RedemptionStatus.ORDERED:
        return ("_fulfil", "_cancel")
    is_over = order.status == RedemptionStatus.CANCELLED or order.gives == RedemptionGives.BENEFIT
    return () if is_over else ("_cancel",)
