"""Files of events: upload, name the columns, look at the first rows, watch, read what was wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from core.admin.base import ReadOnlyAdmin
from core.admin.columns import STATUS_COLOURS, Colours, figure
from core.background import run_soon
from core.errors import InvalidInputError, LoyaltyError
from loyalty.tasks import run_activity_file
from players.activity.events import FIELDS
from players.activity.fields import SOURCE_LENGTH_MAX
from players.activity.files import FieldMapping
from players.activity.uploads import CAN_BE_NAMED, CheckedRows, accept_activity_file, look_at_rows, name_columns
from players.models import ActivityFile, ActivityFileStatus, ActivityKind, GameCategory

ERRORS_SHOWN_MAX = 200
_ERRORS_AT_FIRST = 10
"""Of the first rows so many are enough to see what the columns should be."""
_ENDINGS = ".csv,.gz,.xlsx,.xls,.ods,.tsv,.txt"
_UNFINISHED = (ActivityFileStatus.PENDING, ActivityFileStatus.RUNNING)
_COLOURS = Colours({**STATUS_COLOURS, "NAMING": "warning", "PARTIAL": "warning"})
_MAY_ADD = "players.add_activityfile"
_LABELS = {
    "external_id": "Id of the event",
    "player_id": "Player",
    "kind": "Kind of event",
    "occurred_at": "Time",
    "amount": "Amount",
    "bonus_amount": "Bonus part of it",
    "currency": "Currency",
    "bet_id": "Bet",
    "game_category": "Game category",
    "ended_at": "End of a session",
    "ip_address": "IP address",
    "device_id": "Device",
    "action": "Action code",
    "corrects_external_id": "Id of the event it corrects",
    "void": "Void",
}


class UploadForm(forms.Form):
    """A file and who reports its events."""

    file = forms.FileField(
        label="File",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": _ENDINGS}),
        help_text=".csv, also packed as .csv.gz, Excel (.xlsx, .xls) or OpenDocument (.ods). Each row is an event with "
        "an id of its own, a player and a time. What its columns are is asked next; nothing is stored yet.",
    )
    source = forms.CharField(
        label="Source",
        max_length=SOURCE_LENGTH_MAX,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Who reports, always by the same name: an event that this source has sent before, by file or through "
        "the API, is known and counts once.",
    )


class ColumnsForm(forms.Form):
    """What the columns of a file are, what every row is, and what is done with bad rows."""

    def __init__(self, *args: Any, kept: ActivityFile, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._headings = kept.headings
        choices = [("", "not read"), *((name, _LABELS.get(name, name)) for name in FIELDS)]
        for number, heading in enumerate(self._headings):
            self.fields[f"column_{number}"] = forms.ChoiceField(
                label=heading["name"],
                choices=choices,
                required=False,
                initial=kept.columns.get(heading["name"], "") if kept.columns else heading["field"],
                widget=UnfoldAdminSelectWidget(attrs={"aria-label": f"What the column {heading['name']} is"}),
            )
        categories = GameCategory.objects.order_by("code").values_list("code", flat=True)
        self._ask_constant("kind", [(kind.value, kind.label) for kind in ActivityKind], kept=kept)
        self._ask_constant("game_category", [(code, code) for code in categories], kept=kept)
        self.fields["create_players"] = forms.BooleanField(
            label="Make players whom nobody knows",
            required=False,
            initial=kept.create_players,
            widget=UnfoldBooleanWidget(),
        )
        self.fields["skip_bad_rows"] = forms.BooleanField(
            label="Store the good rows and return the bad ones as a file",
            required=False,
            initial=kept.skip_bad_rows,
            widget=UnfoldBooleanWidget(),
            help_text="Off: a file with errors changes nothing.",
        )

    def _ask_constant(self, name: str, choices: list[tuple[str, str]], *, kept: ActivityFile) -> None:
        self.fields[f"constant_{name}"] = forms.ChoiceField(
            label=f"{_LABELS[name]} of every row",
            choices=[("", "as its column says"), *choices],
            required=False,
            initial=kept.constants.get(name, ""),
            widget=UnfoldAdminSelectWidget(),
        )

    def column_rows(self) -> list[tuple[dict[str, Any], forms.BoundField]]:
        """Return each column with its field."""
        return [(heading, self[f"column_{number}"]) for number, heading in enumerate(self._headings)]

    def other_fields(self) -> list[forms.BoundField]:
        """Return what is not about one column."""
        return [self[name] for name in self.fields if not name.startswith("column_")]

    def mapping(self) -> FieldMapping:
        """Return what was chosen. Raises InvalidInputError where two columns are the same field."""
        said = self.cleaned_data
        columns: dict[str, str] = {}
        for number, heading in enumerate(self._headings):
            chosen = said[f"column_{number}"]
            for other in (name for name, taken in columns.items() if taken == chosen):
                raise InvalidInputError(
                    f"{other!r} and {heading['name']!r} are both named {_LABELS[chosen]}: choose one of them"
                )
            if chosen:
                columns[heading["name"]] = chosen
        constants = {name: said[f"constant_{name}"] for name in ("kind", "game_category")}
        return FieldMapping(columns=columns, constants={k: v for k, v in constants.items() if v}, names_all=True)


@admin.register(ActivityFile)
class ActivityFileAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "file_name",
        "source",
        "state",
        "rows",
        "stored",
        "known",
        "listed",
        "refused",
        "created_by",
        "created_at",
    )
    list_display_links = ("id", "file_name")
    list_select_related = ("created_by",)
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("file_name",)
    search_help_text = "Part of the file's name"
    date_hierarchy = "created_at"
    actions_list = ("upload",)

    @display(description="status", ordering="status", label=_COLOURS)
    def state(self, kept: ActivityFile) -> tuple[str, str]:
        done = f" {kept.progress_percent} %" if kept.status in _UNFINISHED else ""
        return kept.status, kept.get_status_display() + done

    @display(description="rows")
    def rows(self, kept: ActivityFile) -> SafeString:
        return figure(kept.counts.get("rows"))

    @display(description="stored")
    def stored(self, kept: ActivityFile) -> SafeString:
        return figure(kept.counts.get("stored"))

    @display(description="known before")
    def known(self, kept: ActivityFile) -> SafeString:
        return figure(kept.counts.get("known"))

    @display(description="listed")
    def listed(self, kept: ActivityFile) -> SafeString:
        return figure(kept.counts.get("listed"))

    @display(description="rows refused")
    def refused(self, kept: ActivityFile) -> SafeString:
        return figure(kept.counts.get("refused"))

    def get_urls(self) -> list[URLPattern]:
        """Add what belongs to one file."""
        views: tuple[tuple[str, Callable[..., Any]], ...] = (
            ("columns", self.columns_view),
            ("progress", self.progress_view),
            ("rejected", self.rejected_view),
            ("uploaded", self.uploaded_view),
            ("restart", self.restart_view),
        )
        own = [
            path(f"<int:file_id>/{name}/", self.admin_site.admin_view(view), name=f"players_activityfile_{name}")
            for name, view in views
        ]
        return [*own, *super().get_urls()]

    @action(description="Upload a file of events", url_path="upload", icon="upload_file", permissions=[_MAY_ADD])
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file, and ask what its columns are."""
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if form.is_valid():
            file = form.cleaned_data["file"]
            try:
                kept = accept_activity_file(
                    file=file,
                    name=file.name,
                    source=form.cleaned_data["source"],
                    uploaded_by=cast("Any", request.user),
                )
            except LoyaltyError as error:
                form.add_error("source" if error.details.get("field") == "source" else "file", error.message)
            else:
                return HttpResponseRedirect(reverse("admin:players_activityfile_columns", args=[kept.pk]))
        return self._page(request, "upload", title="Upload a file of events", form=form)

    def columns_view(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Ask what the columns are, show what the first rows would be, and start."""
        kept = self._file(request, file_id)
        if not request.user.has_perm(_MAY_ADD):
            raise PermissionDenied
        done_url = reverse("admin:players_activityfile_change", args=[kept.pk])
        if kept.status not in CAN_BE_NAMED:
            return HttpResponseRedirect(done_url)
        form = ColumnsForm(request.POST if request.method == "POST" else None, kept=kept)
        looked: CheckedRows | None = None
        if form.is_valid():
            try:
                looked = self._name(request, kept, form)
            except LoyaltyError as error:
                form.add_error(None, error.message)
            else:
                if looked is None:
                    run_soon(run_activity_file, kept.pk)
                    return HttpResponseRedirect(done_url)
        return self._page(
            request, "columns", title=kept.file_name, kept=kept, form=form, looked=looked, **_shown_of(looked)
        )

    def _name(self, request: HttpRequest, kept: ActivityFile, form: ColumnsForm) -> CheckedRows | None:
        """Return what the first rows would meet, or nothing where the file is to be stored."""
        said, mapping = form.cleaned_data, form.mapping()
        kept.create_players = said["create_players"]
        if "look" in request.POST:
            return look_at_rows(kept, mapping)
        name_columns(kept, mapping, create_players=said["create_players"], skip_bad_rows=said["skip_bad_rows"])
        return None

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the file, or ask for its columns."""
        kept = self.get_object(request, unquote(object_id or ""))
        if kept is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_permission(request, kept):
            raise PermissionDenied
        if kept.status == ActivityFileStatus.NAMING and request.user.has_perm(_MAY_ADD):
            return self.columns_view(request, kept.pk)
        return self._page(request, "change", title=kept.file_name, **file_context(kept))

    def progress_view(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Return the part of the page that changes; the page asks for it each second until the file is done."""
        return render(request, "admin/players/activityfile/progress.html", file_context(self._file(request, file_id)))

    def rejected_view(self, request: HttpRequest, file_id: int) -> FileResponse:
        """Return the rows that were not stored, with the reason in their last column."""
        return _download(self._file(request, file_id).rejected_file)

    def uploaded_view(self, request: HttpRequest, file_id: int) -> FileResponse:
        """Return the file as it was uploaded."""
        return _download(self._file(request, file_id).stored_file)

    def restart_view(self, request: HttpRequest, file_id: int) -> HttpResponse:
        """Hand a file to the workers again whose worker died; a running one is not run twice."""
        kept = self._file(request, file_id)
        if request.method != "POST" or not request.user.has_perm(_MAY_ADD):
            raise PermissionDenied
        if kept.status in _UNFINISHED:
            run_soon(run_activity_file, kept.pk)
            messages.success(request, "The file was started again.")
        return HttpResponseRedirect(reverse("admin:players_activityfile_change", args=[kept.pk]))

    def _file(self, request: HttpRequest, file_id: int) -> ActivityFile:
        kept = ActivityFile.objects.select_related("created_by").filter(pk=file_id).first()
        if kept is None:
            raise Http404
        if not self.has_view_permission(request, kept):
            raise PermissionDenied
        return kept

    def _page(self, request: HttpRequest, name: str, **context: Any) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return TemplateResponse(request, f"admin/players/activityfile/{name}.html", {**shared, **context})


def file_context(kept: ActivityFile) -> dict[str, Any]:
    """Return what the changing part of a file's page shows."""
    return {
        "kept": kept,
        "is_unfinished": kept.status in _UNFINISHED,
        "named": [(heading, _LABELS.get(name, name)) for heading, name in kept.columns.items()],
        "constants": [(_LABELS.get(name, name), value) for name, value in kept.constants.items()],
        "errors": kept.errors[:ERRORS_SHOWN_MAX],
    }


def _shown_of(looked: CheckedRows | None) -> dict[str, Any]:
    if looked is None:
        return {}
    fields = [name for name in FIELDS if any(name in event for event in looked.events)]
    return {
        "errors": [problem.as_dict() for problem in looked.problems[:_ERRORS_AT_FIRST]],
        "errors_left": max(len(looked.problems) - _ERRORS_AT_FIRST, 0),
        "shown_fields": [_LABELS.get(name, name) for name in fields],
        "shown_rows": [[event.get(name, "") for name in fields] for event in looked.events],
        "bad": looked.rows - looked.good,
    }


def _download(file: Any) -> FileResponse:
    if not file:
        raise Http404
    return FileResponse(file.open("rb"), as_attachment=True)
