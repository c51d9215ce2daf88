"""The redemption catalogue: options edited through the service, orders fulfilled and cancelled by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import (
    BooleanRadioFilter,
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin.base import HouseAdmin, HugeReadOnlyAdmin
from core.admin.columns import Colours, badge, figure, link_to
from core.errors import LoyaltyError
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import GameCategory, Tier
from rewards.models import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.fulfilment import NOTE_LENGTH_MAX, fulfil_order
from rewards.redemption.options import CONTENT_FIELDS, OptionInvalidError, check_option, save_option
from wallet.corrections import REASON_LENGTH_MAX

_MAY_CHANGE = "rewards.change_redemptionorder"
_ORDER_COLOURS = Colours(ORDERED="warning", FULFILLED="success", CANCELLED="")


class GamesField(forms.MultipleChoiceField):
    """Some game categories; none chosen means all of them."""

    def clean(self, value: Any) -> list[str] | None:
        """Return the codes, or None for all games."""
        return super().clean(value) or None


class OptionForm(forms.ModelForm[RedemptionOption]):
    eligible_games = GamesField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Where the bonus may be played; none ticked: all.",
    )

    class Meta:
        model = RedemptionOption
        fields = ("code", *CONTENT_FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "eligible_games" in self.fields:
            games = GameCategory.objects.order_by("code").values_list("code", flat=True)
            self.fields["eligible_games"].choices = [(code, code) for code in games]  # type: ignore[attr-defined]

    def _get_validation_exclusions(self) -> set[str]:
        """Leave the table's constraints to the service, which says what would be right."""
        excluded: set[str] = super()._get_validation_exclusions()  # type: ignore[misc]
        return excluded | set(CONTENT_FIELDS)

    def _post_clean(self) -> None:
        """Check the option as the service will, so that each problem stands at its field."""
        super()._post_clean()  # type: ignore[misc]
        if self.errors:
            return
        try:
            check_option(self.instance)
        except OptionInvalidError as error:
            for problem in error.problems:
                suggestion = f" ({problem.suggestion})" if problem.suggestion else ""
                self.add_error(problem.path, f"{problem.message}{suggestion}")


@admin.register(RedemptionOption)
class RedemptionOptionAdmin(HouseAdmin):
    form = OptionForm
    list_display = (
        "code",
        "name",
        "state",
        "costs",
        "gift",
        "ordered_of_stock",
        "limit",
        "minimum_tier_id",
        "valid_from",
        "valid_until",
    )
    list_display_links = ("code", "name")
    list_filter = (
        ("is_active", BooleanRadioFilter),
        ("gives", ChoicesDropdownFilter),
        ("cost_currency", ChoicesDropdownFilter),
    )
    search_fields = ("code", "name", "description")
    search_help_text = "Part of the code, the name or the description"
    ordering = ("code",)
    actions = None
    readonly_fields = ("ordered_shown",)
    fieldsets = (
        (None, {"fields": (("code", "name"), "description", "is_active")}),
        ("What it costs", {"fields": (("cost_currency", "cost"),)}),
        ("What it gives", {"fields": (("gives", "amount"), "expiry_hours")}),
        (
            "Terms of a bonus",
            {"fields": ("wagering_requirement", ("max_bet", "max_conversion"), "eligible_games")},
        ),
        (
            "Who can order it, when, and how often",
            {
                "fields": (
                    ("valid_from", "valid_until"),
                    ("stock", "ordered_shown"),
                    ("limit_per_player", "minimum_tier"),
                )
            },
        ),
    )

    @display(description="state", label=Colours(active="success"), ordering="is_active")
    def state(self, option: RedemptionOption) -> tuple[str, str]:
        return ("active", "Active") if option.is_active else ("off", "Off")

    @display(description="costs", ordering="cost")
    def costs(self, option: RedemptionOption) -> str:
        return _amount_shown(option.cost, option.cost_currency)

    @display(description="gives", ordering="gives")
    def gift(self, option: RedemptionOption) -> str:
        return _gift_shown(option)

    @display(description="ordered", ordering="ordered")
    def ordered_of_stock(self, option: RedemptionOption) -> str:
        return f"{option.ordered:,}" if option.stock is None else f"{option.ordered:,} of {option.stock:,}"

    @display(description="per player", ordering="limit_per_player")
    def limit(self, option: RedemptionOption) -> str:
        return figure(option.limit_per_player)

    @display(description="ordered so far")
    def ordered_shown(self, option: RedemptionOption) -> str:
        return figure(option.ordered)

    def get_readonly_fields(self, request: HttpRequest, obj: RedemptionOption | None = None) -> tuple[str, ...]:
        """Keep the code: orders and programs name it."""
        return ("ordered_shown", "code") if obj else ("ordered_shown",)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """List tiers from the lowest up."""
        if db_field.name == "minimum_tier":
            kwargs["queryset"] = Tier.objects.order_by("lp_min")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: RedemptionOption, form: Any, change: bool) -> None:
        """Write through the service, which leaves the count of orders alone."""
        save_option(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An option is taken out of the catalogue by switching it off; its orders name it for good."""
        return False


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
class RedemptionOrderAdmin(HugeReadOnlyAdmin):
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
    fieldsets = (
        (None, {"fields": (("player", "option_link"), "status", ("paid", "gift"), "terms")}),
        ("Ordered", {"fields": (("ordered_by", "ordered_at"), ("option_name", "option_description"))}),
        ("Fulfilled", {"fields": (("fulfilled_by", "fulfilled_at"), "fulfilment_note")}),
        ("Cancelled", {"fields": (("cancelled_by", "cancelled_at"), "cancel_reason")}),
        ("In the wallet", {"fields": (("operation_link", "lot_link", "reversal_link"), "key")}),
    )

    player_link = player_link
    status_badge = badge("status", colours=_ORDER_COLOURS)

    @display(description="option")
    def option_link(self, order: RedemptionOrder) -> str:
        return link_to("rewards_redemptionoption", order.option_id, order.option.code)

    @display(description="paid")
    def paid(self, order: RedemptionOrder) -> str:
        return _amount_shown(order.cost, order.cost_currency)

    @display(description="got")
    def gift(self, order: RedemptionOrder) -> str:
        return _gift_shown(order)

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
        return self._ask(
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
        return self._ask(
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

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the order's status leads on to."""
        order = self.get_object(request, object_id)
        steps = _steps_of(order) if order else ()
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if any(one.action_name.endswith(step) for step in steps)]

    def _ask(
        self,
        request: HttpRequest,
        object_id: str,
        *,
        form_class: type[forms.Form],
        verb: str,
        explanation: str,
        act: Callable[[RedemptionOrder, str], RedemptionOrder],
    ) -> HttpResponse:
        """Show the page that asks for a text, and do what it is for."""
        order = self.get_object(request, object_id)
        if order is None:
            raise Http404
        if not self.has_view_permission(request, order):
            raise PermissionDenied
        order_url = reverse("admin:rewards_redemptionorder_change", args=[order.pk])
        form = form_class(request.POST or None)
        if form.is_valid() and self._is_done(request, form, order, act):
            return HttpResponseRedirect(order_url)
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} order {order.pk}",
            "opts": self.opts,
            "order": order,
            "form": form,
            "verb": verb,
            "explanation": explanation,
            "paid": _amount_shown(order.cost, order.cost_currency),
            "gift": _gift_shown(order),
            "order_url": order_url,
        }
        return TemplateResponse(request, "admin/rewards/redemptionorder/ask.html", context)

    def _is_done(
        self,
        request: HttpRequest,
        form: forms.Form,
        order: RedemptionOrder,
        act: Callable[[RedemptionOrder, str], RedemptionOrder],
    ) -> bool:
        try:
            done = act(order, form.cleaned_data["text"])
        except LoyaltyError as error:
            form.add_error(None, error.message)
            return False
        messages.success(request, f"Order {order.pk} is {done.get_status_display().lower()}.")
        return True


def _steps_of(order: RedemptionOrder) -> tuple[str, ...]:
    if order.status == RedemptionStatus.ORDERED:
        return ("_fulfil", "_cancel")
    is_over = order.status == RedemptionStatus.CANCELLED or order.gives == RedemptionGives.BENEFIT
    return () if is_over else ("_cancel",)


def _amount_shown(amount: Any, currency: str) -> str:
    return f"{amount:,.2f} {currency}"


def _gift_shown(row: RedemptionOption | RedemptionOrder) -> str:
    """Say what an option gives or an order gave."""
    if row.amount is None:
        return RedemptionGives.BENEFIT.name.capitalize()
    if row.gives == RedemptionGives.TICKETS:
        return f"{row.amount:,.0f} tickets"
    return f"{row.amount:,.2f} bonus"
