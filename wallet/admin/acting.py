"""Pages on which staff act on the wallet: a form with a reason, one service behind it, its refusal shown as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.errors import LoyaltyError
from wallet.corrections import REASON_LENGTH_MAX
from wallet.models import CurrencyType


class ActForm(forms.Form):
    """Why; the hidden key lets a form that is sent twice act once."""

    reason = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Shown in the player's statement.",
    )
    key = forms.UUIDField(widget=forms.HiddenInput(), initial=uuid4)

    def asked(self, request: HttpRequest) -> dict[str, Any]:
        """Return what every act takes: reason, key and who acts."""
        return {
            "reason": self.cleaned_data["reason"],
            "key": f"admin:{request.user.pk}:{self.cleaned_data['key']}",
            "actor": request.user.get_username(),
        }


class AdjustmentForm(ActForm):
    """How much of what is added or taken."""

    currency = forms.ChoiceField(label="Currency", choices=CurrencyType.choices, widget=UnfoldAdminSelectWidget())
    amount = forms.CharField(
        label="Amount",
        max_length=30,
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal"}),
        help_text="12.50 adds, -12.50 takes, what expires first before the rest.",
    )
    field_order = ("currency", "amount", "reason", "key")


def act_page(
    request: HttpRequest,
    *,
    page: ModelAdmin[Any],
    template: str,
    form: ActForm,
    act: Callable[[dict[str, Any]], str],
    done_url: str,
    describe: Callable[[], dict[str, Any]],
) -> HttpResponse:
    """Show the form below what `describe` reads; a valid one goes to `act`, which calls one service.

    `act` returns what to say. A refusal of the service is shown on the form, and nothing was written then.
    """
    if request.method == "POST" and form.is_valid():
        try:
            done = act(form.asked(request))
        except LoyaltyError as error:
            field = error.details.get("field")
            form.add_error(field if field in form.fields else None, error.message)
        else:
            messages.success(request, done)
            return HttpResponseRedirect(done_url)
    own = {"opts": page.opts, "form": form, "back_url": done_url, **describe()}
    return TemplateResponse(request, template, {**page.admin_site.each_context(request), **own})
