"""The feed in the admin: events that were not counted, and archived months."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
)

from core.admin.asking import AskingPages
from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge, figure, number
from core.errors import LoyaltyError
from players.activity.resolving import (
    NOTE_LENGTH_MAX,
    RESOLVED_AT_ONCE_MAX,
    UNRESOLVED,
    count_exception,
    count_exceptions,
    dismiss_exception,
    dismiss_exceptions,
)
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import (
    ActivityArchive,
    ActivityException,
    ExceptionReason,
    ExceptionStatus,
)

_SHOWN_BESIDE = {"player_id", "external_id", "kind", "occurred_at"}
_MAY_RESOLVE = "players.resolve_activityexception"
_COLOURS = Colours(WAITING="info", OPEN="warning", APPLIED="success", DISMISSED="")
_COUNTABLE = {ExceptionReason.TOO_OLD, ExceptionReason.BEFORE_OPENING}


_EXPLANATIONS = {
    "Count": "It is stored and added to the player's day, totals and points due, with the corrections it has. Wagering "
    "requirements and live rules do not hear of it.",
    "Dismiss": "It stays uncounted for good, on this list with your note. Sent again it is known, and not counted.",
}
_ADVICE = {
    ExceptionReason.ORIGINAL_UNKNOWN: "Nothing: it is counted as soon as its original comes.",
    ExceptionReason.NOT_ITS_ORIGINAL: "Dismiss it, and have the platform send a correction that names the right event.",
    ExceptionReason.ORIGINAL_ARCHIVED: "Dismiss it, and settle by hand what matters of it.",
    ExceptionReason.DOES_NOT_FIT: "Dismiss it, and have the platform void the event and send a new one.",
    ExceptionReason.TOO_OLD: "Count it where the player's totals miss it; else dismiss it.",
    ExceptionReason.BEFORE_OPENING: "Dismiss it; count it where the opening balance misses it.",
}


class NoteForm(forms.Form):
    """Why an exception is resolved as it is."""

    text = forms.CharField(
        label="Note", max_length=NOTE_LENGTH_MAX, widget=UnfoldAdminTextareaWidget(attrs={"rows": 3})
    )


@admin.register(ActivityException)
class ActivityExceptionAdmin(AskingPages, HugeReadOnlyAdmin):
    ask_name = "exception"
    ask_noun = "event"
    ask_template = "admin/players/activityexception/ask.html"
    list_display = (
        "id",
        "player_link",
        "kind",
        "amount",
        "status_badge",
        "reason",
        "occurred_at",
        "source",
        "external_id",
        "received_at",
    )
    list_display_links = ("id", "external_id")
    list_filter = (
        ("status", ChoicesDropdownFilter),
        ("reason", ChoicesDropdownFilter),
        PlayerFilter,
        ("received_at", RangeDateTimeFilter),
    )
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    actions_detail = ("count", "dismiss")
    actions = ("count_chosen", "dismiss_chosen")  # type: ignore[assignment]  # the other read-only lists have none
    fieldsets = (
        (None, {"fields": (("player", "kind"), ("source", "external_id"), ("occurred_at", "received_at"))}),
        ("Why it was not counted", {"fields": (("reason", "corrects_external_id"), "advice", "body_text")}),
        ("What became of it", {"fields": (("status", "resolved_by", "resolved_at"), "note")}),
    )
    readonly_fields = ("advice", "body_text")

    player_link = player_link
    status_badge = badge("status", colours=_COLOURS)

    @display(description="amount")
    def amount(self, exception: ActivityException) -> str:
        said = dict(_body_of(exception)).get("amount")
        return figure(None if said is None else Decimal(said))

    @display(description="what it says")
    def body_text(self, exception: ActivityException) -> str:
        return ", ".join(f"{name}: {value}" for name, value in _body_of(exception))

    @display(description="what to do")
    def advice(self, exception: ActivityException) -> str:
        if exception.status not in UNRESOLVED:
            return "Nothing any more."
        return _ADVICE[ExceptionReason(exception.reason)]

    def ask_context(self, row: ActivityException) -> dict[str, Any]:
        """Return what the event says."""
        return {"body": _body_of(row)}

    @action(description="Count it", url_path="count", icon="add_task", permissions=[_MAY_RESOLVE])
    def count(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why it is counted after all, and count it."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Count",
            explanation=_EXPLANATIONS["Count"],
            act=lambda row, text: count_exception(number=row.pk, note=text, actor=request.user.get_username()),
        )

    @action(description="Dismiss", url_path="dismiss", icon="block", permissions=[_MAY_RESOLVE])
    def dismiss(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask why it stays uncounted, and mark it so."""
        return self.ask(
            request,
            object_id,
            form_class=NoteForm,
            verb="Dismiss",
            explanation=_EXPLANATIONS["Dismiss"],
            act=lambda row, text: dismiss_exception(number=row.pk, note=text, actor=request.user.get_username()),
        )

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may count and dismiss."""
        return request.user.has_perm(_MAY_RESOLVE)

    @admin.action(description="Count the chosen events", permissions=["resolve"])
    def count_chosen(self, request: HttpRequest, chosen: QuerySet[ActivityException]) -> HttpResponse | None:
        """Ask why events are counted after all, and count them together."""
        return self._ask_of_chosen(request, chosen, name="count_chosen", verb="Count", act=count_exceptions)

    @admin.action(description="Dismiss the chosen events", permissions=["resolve"])
    def dismiss_chosen(self, request: HttpRequest, chosen: QuerySet[ActivityException]) -> HttpResponse | None:
        """Ask why events stay uncounted, and mark them so together."""
        return self._ask_of_chosen(request, chosen, name="dismiss_chosen", verb="Dismiss", act=dismiss_exceptions)

    def _ask_of_chosen(
        self,
        request: HttpRequest,
        chosen: QuerySet[ActivityException],
        *,
        name: str,
        verb: str,
        act: Callable[..., list[ActivityException]],
    ) -> HttpResponse | None:
        numbers = list(chosen.order_by("pk").values_list("pk", flat=True)[: RESOLVED_AT_ONCE_MAX + 1])
        are_more = len(numbers) > RESOLVED_AT_ONCE_MAX
        numbers = numbers[:RESOLVED_AT_ONCE_MAX]
        form = NoteForm(request.POST if "text" in request.POST else None)
        if form.is_valid():
            try:
                done = act(numbers=numbers, note=form.cleaned_data["text"], actor=request.user.get_username())
            except LoyaltyError as error:
                form.add_error(None, error.message)
            else:
                messages.success(request, f"{len(done):,} events: {done[0].get_status_display().lower()}.")
                return None
        context = {
            **self.admin_site.each_context(request),
            "title": f"{verb} {len(numbers):,} events",
            "opts": self.opts,
            "form": form,
            "verb": verb,
            "explanation": _EXPLANATIONS[verb],
            "pairs": _summary_of(numbers),
            "notices": [f"More are chosen than go at once: these are the first {len(numbers):,}."] if are_more else [],
            "action": name,
            "numbers": numbers,
            "row_url": reverse("admin:players_activityexception_changelist"),
        }
        return TemplateResponse(request, "admin/players/activityexception/ask_chosen.html", context)

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the event's status and reason lead on to."""
        row = self.get_object(request, object_id)
        if row is None or row.status not in UNRESOLVED:
            return []
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if row.reason in _COUNTABLE or not one.action_name.endswith("_count")]


def _summary_of(numbers: list[int]) -> list[tuple[str, str]]:
    """Return how many events of which reason and status are chosen, and of how many players."""
    of_chosen = ActivityException.objects.filter(pk__in=numbers)
    counted = of_chosen.order_by("reason", "status").values_list("reason", "status").annotate(Count("pk"))
    players = of_chosen.aggregate(players=Count("player", distinct=True))["players"]
    return [
        *(
            (ExceptionReason(reason).label, f"{number:,}, {ExceptionStatus(status).label.lower()}")
            for reason, status, number in counted
        ),
        ("Players", f"{players:,}"),
    ]


def _body_of(exception: ActivityException) -> list[tuple[str, Any]]:
    body = json.loads(exception.body) if isinstance(exception.body, str) else exception.body
    return [(name.replace("_", " "), value) for name, value in body.items() if name not in _SHOWN_BESIDE]


@admin.register(ActivityArchive)
class ActivityArchiveAdmin(ReadOnlyAdmin):
    list_display = ("month", "events_figure", "file_name", "sha256", "are_keys_kept", "archived_at")

    events_figure = number("events", decimal_places=0)
