"""The feed in the admin: events that were not counted, archived months, and where players' totals come from."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from core.admin.asking import AskingPages
from core.admin.base import HugeReadOnlyAdmin, ReadOnlyAdmin
from core.admin.columns import Colours, badge, number
from players.activity.resolving import NOTE_LENGTH_MAX, UNRESOLVED, count_exception, dismiss_exception
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import ActivityArchive, ActivityException, ExceptionReason, SourceChange

_MAY_RESOLVE = "players.resolve_activityexception"
_COLOURS = Colours(WAITING="info", OPEN="warning", APPLIED="success", DISMISSED="")
_COUNTABLE = {ExceptionReason.TOO_OLD, ExceptionReason.BEFORE_OPENING}


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
        "status_badge",
        "reason",
        "occurred_at",
        "source",
        "external_id",
        "corrects_external_id",
        "received_at",
        "resolved_by",
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
    fieldsets = (
        (None, {"fields": (("player", "kind"), ("source", "external_id"), ("occurred_at", "received_at"))}),
        ("Why it was not counted", {"fields": (("reason", "corrects_external_id"), "body_text")}),
        ("What became of it", {"fields": (("status", "resolved_by", "resolved_at"), "note")}),
    )
    readonly_fields = ("body_text",)

    player_link = player_link
    status_badge = badge("status", colours=_COLOURS)

    @display(description="what it says")
    def body_text(self, exception: ActivityException) -> str:
        return ", ".join(f"{name}: {value}" for name, value in _body_of(exception))

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
            explanation="The event is stored and added to the player's day and totals, with the corrections it has.",
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
            explanation="The event stays uncounted for good; it stays on this list with your note.",
            act=lambda row, text: dismiss_exception(number=row.pk, note=text, actor=request.user.get_username()),
        )

    def get_actions_detail(self, request: HttpRequest, object_id: str) -> list[Any]:
        """Offer what the event's status and reason lead on to."""
        row = self.get_object(request, object_id)
        if row is None or row.status not in UNRESOLVED:
            return []
        offered: list[Any] = super().get_actions_detail(request, object_id)
        return [one for one in offered if row.reason in _COUNTABLE or not one.action_name.endswith("_count")]


def _body_of(exception: ActivityException) -> list[tuple[str, Any]]:
    body = json.loads(exception.body) if isinstance(exception.body, str) else exception.body
    return [(name.replace("_", " "), value) for name, value in body.items()]


@admin.register(ActivityArchive)
class ActivityArchiveAdmin(ReadOnlyAdmin):
    list_display = ("month", "events_figure", "file_name", "sha256", "are_keys_kept", "archived_at")

    events_figure = number("events", decimal_places=0)


@admin.register(SourceChange)
class SourceChangeAdmin(HugeReadOnlyAdmin):
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
