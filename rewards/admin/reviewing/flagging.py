"""The page on which a person has a player reviewed, reached from the queue and from the player."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.errors import LoyaltyError
from safety.models import ReviewCase
from safety.review.opening import REASON_LENGTH_MAX, flag_for_review

MAY_FLAG = "safety.add_reviewcase"


class FlagForm(forms.Form):
    """Who is to be looked at, and why."""

    player_id = forms.CharField(label="Player id", max_length=50, widget=UnfoldAdminTextInputWidget())
    reason = forms.CharField(
        label="Why", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


class FlaggingPages:
    """For the admin of cases."""

    @action(description="Flag a player", url_path="flag", icon="flag", permissions=[MAY_FLAG])
    def flag(self, request: HttpRequest) -> HttpResponse:
        """Ask who and why, and open the case or let the reason join it."""
        house: Any = self
        if not request.user.has_perm(MAY_FLAG):
            raise PermissionDenied
        form = FlagForm(request.POST if request.method == "POST" else None, initial=request.GET.dict())
        case = _flagged(form, by=cast(User, request.user)) if form.is_valid() else None
        if case is not None:
            messages.success(request, f"Player {case.player_id} is under review: case {case.pk}.")
            return HttpResponseRedirect(reverse("admin:safety_reviewcase_change", args=[case.pk]))
        context = {
            **house.admin_site.each_context(request),
            "title": "Flag a player for review",
            "opts": house.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/safety/reviewcase/flag.html", context)


def _flagged(form: FlagForm, *, by: User) -> ReviewCase | None:
    """Return the case, or None where the form then says why there is none."""
    try:
        return flag_for_review(form.cleaned_data["player_id"], form.cleaned_data["reason"], by=by)
    except LoyaltyError as error:
        form.add_error(None, error.message)
        return None
