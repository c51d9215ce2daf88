"""Where players' totals come from, in the admin: who switched whom, and a page to switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import RangeDateTimeFilter
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.admin.base import HugeReadOnlyAdmin
from core.errors import LoyaltyError
from players.activity.switching import REASON_LENGTH_MAX, switch_source
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import PlayerSource, SourceChange

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_SWITCHED_AT_ONCE_MAX = 10_000


class SwitchForm(forms.Form):
    """Whose totals come from where from now on."""

    players = forms.CharField(
        label="Players",
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
        help_text=f"Their ids, each on a line of its own; up to {_SWITCHED_AT_ONCE_MAX:,}.",
    )
    source = forms.ChoiceField(label="Source", choices=PlayerSource.choices, widget=UnfoldAdminSelectWidget())
    as_of = forms.DateField(
        label="Opening balance as of",
        required=False,
        widget=UnfoldAdminSingleDateWidget(),
        help_text="The totals so far hold everything up to this business date; what happened later counts from the new "
        "source. Empty: the date of the last file, or yesterday.",
    )
    reason = forms.CharField(label="Reason", max_length=REASON_LENGTH_MAX, widget=UnfoldAdminTextInputWidget())

    def clean_players(self) -> list[str]:
        """Return the ids."""
        ids = list(dict.fromkeys(line.strip() for line in self.cleaned_data["players"].splitlines() if line.strip()))
        if len(ids) > _SWITCHED_AT_ONCE_MAX:
            raise forms.ValidationError(
                f"{len(ids):,} players: at most {_SWITCHED_AT_ONCE_MAX:,} at once; manage.py switch_source takes all"
            )
        return ids


@admin.register(SourceChange)
class SourceChangeAdmin(HugeReadOnlyAdmin):
    actions_list = ("switch",)
    list_display = (
        "id",
        "player_link",
        "source_before",
        "source_after",
        "opening_as_of",
        "reason",
        "changed_by",
        "changed_at",
    )
    list_select_related = ("changed_by",)
    list_filter = (PlayerFilter, ("changed_at", RangeDateTimeFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP

    player_link = player_link

    @action(
        description="Switch players", url_path="switch", icon="swap_horiz", permissions=["players.add_sourcechange"]
    )
    def switch(self, request: HttpRequest) -> HttpResponse:
        """Ask whose totals are to come from where, and switch them."""
        form = SwitchForm(request.POST if request.method == "POST" else None)
        done_url = reverse("admin:players_sourcechange_changelist")
        if form.is_valid():
            asked = form.cleaned_data
            try:
                switched = switch_source(
                    player_ids=asked["players"],
                    to=asked["source"],
                    reason=asked["reason"],
                    as_of=asked["as_of"],
                    by=cast("User", request.user),
                )
            except LoyaltyError as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, _switched(switched, asked))
                return HttpResponseRedirect(done_url)
        context = {
            **self.admin_site.each_context(request),
            "title": "Switch where totals come from",
            "opts": self.opts,
            "form": form,
            "verb": "Switch",
            "pairs": [
                ("Feed", "Events that the platform reports count at once; files no longer change the totals."),
                ("Files", "Spreadsheets give the totals; events are refused, but for actions."),
            ],
            "explanation": "Totals so far stay, as an opening balance. Every switch is kept with who, when and why.",
            "row_url": done_url,
        }
        return TemplateResponse(request, "admin/core/ask.html", context)


def _switched(switched: int, asked: Mapping[str, Any]) -> str:
    label = PlayerSource(asked["source"]).label.lower()
    already = len(asked["players"]) - switched
    return f"{switched:,} players: totals come from {label} now" + (f"; {already:,} did already." if already else ".")
