"""Rates above the house edge: one person proposes, a second one accepts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import action, display

from core.admin.base import HouseAdmin
from core.admin.columns import Colours, figure, number
from core.errors import LoyaltyError
from safety.earn_rates import accept_earn_rate, propose_earn_rate
from safety.models import EarnRateAcceptance

_STATE_WORDS = {"OPEN": "waits for a second person", "IN_FORCE": "in force", "ENDED": "ended"}


@admin.register(EarnRateAcceptance)
class EarnRateAcceptanceAdmin(HouseAdmin):
    list_display = (
        "id",
        "category",
        "state_badge",
        "rate",
        "worth_figure",
        "edge_figure",
        "loss_figure",
        "first_by",
        "second_by",
        "proposed_at",
    )
    list_filter = (("category", RelatedDropdownFilter),)
    list_select_related = ("category", "first_by", "second_by")
    actions = None
    actions_detail = ("accept_rate",)
    add_fieldsets = ((None, {"fields": ("category", "points_per_unit", "reason")}),)
    fieldsets = (
        (None, {"fields": (("category", "state_words"), "reason")}),
        ("Per unit staked", {"fields": (("points_per_unit", "worth_figure"), ("edge_figure", "loss_figure"))}),
        ("Who and when", {"fields": (("first_by", "proposed_at"), ("second_by", "accepted_at"), "ended_at")}),
    )

    rate = number("points_per_unit", description="points per unit", decimal_places=6)
    worth_figure = number("worth", description="worth", decimal_places=6)
    edge_figure = number("edge", description="house edge", decimal_places=6)

    @display(description="loss")
    def loss_figure(self, acceptance: EarnRateAcceptance) -> SafeString:
        return figure(acceptance.loss, decimal_places=6)

    @display(description="state", label=Colours(OPEN="warning", IN_FORCE="success"))
    def state_badge(self, acceptance: EarnRateAcceptance) -> tuple[str, str]:
        return acceptance.state, acceptance.state.replace("_", " ").lower()

    @display(description="state")
    def state_words(self, acceptance: EarnRateAcceptance) -> str:
        return _STATE_WORDS[acceptance.state]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Ask for the rate and the reason; the other figures follow."""
        return self.fieldsets if obj else self.add_fieldsets

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was proposed stays; a second person accepts it by its own button."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who accepted what stays on record."""
        return False

    def save_model(self, request: HttpRequest, obj: EarnRateAcceptance, form: Any, change: bool) -> None:
        """Write through the service, which adds the figures."""
        saved = propose_earn_rate(
            category=obj.category_id,
            points_per_unit=obj.points_per_unit,
            reason=obj.reason,
            proposed_by=request.user,  # type: ignore[arg-type]  # the admin lets nobody else in
        )
        obj.pk = saved.pk
        obj.refresh_from_db()

    @action(
        description="Accept as the second person",
        url_path="accept",
        icon="how_to_reg",
        permissions=["safety.change_earnrateacceptance"],
    )
    def accept_rate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the figures once more; accept them when the form is sent."""
        proposal = self.get_object(request, unquote(object_id))
        if proposal is None:
            raise Http404
        if not request.user.has_perm("safety.change_earnrateacceptance"):
            raise PermissionDenied
        back = reverse("admin:safety_earnrateacceptance_change", args=[proposal.pk])
        if request.method == "POST":
            self._accept(request, proposal)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": "Accept a rate above the house edge",
            "opts": self.opts,
            "proposal": proposal,
            "figures": {
                "Points per unit staked": _plain(proposal.points_per_unit),
                "Worth per unit staked": _plain(proposal.worth),
                "House edge": _plain(proposal.edge),
                "Loss per unit staked": _plain(proposal.loss),
            },
            "is_proposer": proposal.first_by_id == request.user.pk,
            "back": back,
        }
        return TemplateResponse(request, "admin/safety/earnrateacceptance/accept.html", context)

    def _accept(self, request: HttpRequest, proposal: EarnRateAcceptance) -> None:
        try:
            accepted = accept_earn_rate(acceptance_id=proposal.pk, accepted_by=request.user)  # type: ignore[arg-type]
        except LoyaltyError as error:
            messages.error(request, error.message)
            return
        self.log_change(request, accepted, "Accepted as the second person")
        messages.success(
            request, f"{accepted.category}: {_plain(accepted.points_per_unit)} points per unit staked hold now."
        )


def _plain(number: Decimal) -> str:
    return f"{number.normalize():f}"
