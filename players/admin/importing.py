"""Spreadsheet imports: upload, watch, read the errors, take the rejected rows home."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import action, display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch, ReadOnlyAdmin
from core.admin.columns import STATUS_COLOURS, figure, link_to, number
from core.background import run_soon
from core.errors import LoyaltyError
from players.admin.shared import PlayerFilter, player_link
from players.admin.uploading import UploadForm
from players.importing.jobs import start_import
from players.models import ImportJob, ImportJobStatus, ImportPlayerTotals
from players.tasks import run_import_job

ERRORS_SHOWN_MAX = 200
_UNFINISHED = (ImportJobStatus.PENDING, ImportJobStatus.RUNNING)


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "file_name",
        "state",
        "business_date",
        "rows_read",
        "inserted",
        "updated",
        "rejected",
        "created_by",
        "created_at",
    )
    list_display_links = ("id", "file_name")
    list_select_related = ("created_by",)
    list_filter = (("status", ChoicesDropdownFilter), ("business_date", RangeDateFilter))
    search_fields = ("file_name",)
    search_help_text = "Part of the file's name"
    date_hierarchy = "created_at"
    actions_list = ("upload",)

    @display(description="status", ordering="status", label=STATUS_COLOURS)
    def state(self, job: ImportJob) -> tuple[str, str]:
        done = f" {job.progress_percent} %" if job.status in _UNFINISHED else ""
        return job.status, job.get_status_display() + done

    @display(description="rows read")
    def rows_read(self, job: ImportJob) -> SafeString:
        return figure(job.counts.get("rows_read"))

    @display(description="new players")
    def inserted(self, job: ImportJob) -> SafeString:
        return figure(job.counts.get("inserted"))

    @display(description="updated")
    def updated(self, job: ImportJob) -> SafeString:
        return figure(job.counts.get("updated"))

    @display(description="rows rejected")
    def rejected(self, job: ImportJob) -> SafeString:
        return figure(job.counts.get("rejected"))

    def get_urls(self) -> list[URLPattern]:
        """Add what belongs to one job: its progress, its files, another start."""
        views: tuple[tuple[str, Callable[..., Any]], ...] = (
            ("progress", self.progress_view),
            ("rejected", self.rejected_view),
            ("uploaded", self.uploaded_view),
            ("restart", self.restart_view),
        )
        own = [
            path(f"<int:job_id>/{name}/", self.admin_site.admin_view(view), name=f"players_importjob_{name}")
            for name, view in views
        ]
        return [*own, *super().get_urls()]

    @action(
        description="Upload a spreadsheet",
        url_path="upload",
        icon="upload_file",
        permissions=["players.add_importjob"],
    )
    def upload(self, request: HttpRequest) -> HttpResponse:
        """Take a file and its options, start the import and show its progress."""
        form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
        if form.is_valid() and (job := self._start(request, form)):
            return HttpResponseRedirect(reverse("admin:players_importjob_change", args=[job.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": "Upload a spreadsheet",
            "opts": self.opts,
            "form": form,
        }
        return TemplateResponse(request, "admin/players/importjob/upload.html", context)

    def _start(self, request: HttpRequest, form: UploadForm) -> ImportJob | None:
        file = form.cleaned_data["file"]
        try:
            job = start_import(file=file, name=file.name, uploaded_by=request.user, options=form.options())  # type: ignore[arg-type]
        except LoyaltyError as error:
            form.add_error(
                error.details.get("field") if error.details.get("field") in form.fields else None, error.message
            )
            return None
        run_soon(run_import_job, job.pk)
        return job

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the job."""
        job = self.get_object(request, unquote(object_id or ""))
        if job is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": job.file_name,
            "opts": self.opts,
            "options": {name: value for name, value in job.options.items() if value not in ("", False, None)},
            **job_context(job),
        }
        return TemplateResponse(request, "admin/players/importjob/change.html", context)

    def progress_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Return the part of the page that changes; the page asks for it each second until the job has ended."""
        return render(request, "admin/players/importjob/progress.html", job_context(self._job(request, job_id)))

    def rejected_view(self, request: HttpRequest, job_id: int) -> FileResponse:
        """Return the rows that were not imported, with the reason in their last column."""
        return _download(self._job(request, job_id).rejected_file)

    def uploaded_view(self, request: HttpRequest, job_id: int) -> FileResponse:
        """Return the file as it was uploaded."""
        return _download(self._job(request, job_id).stored_file)

    def restart_view(self, request: HttpRequest, job_id: int) -> HttpResponse:
        """Hand a job to the workers again whose worker died; a running one is not run twice."""
        job = self._job(request, job_id)
        if request.method != "POST" or not request.user.has_perm("players.add_importjob"):
            raise PermissionDenied
        if job.status in _UNFINISHED:
            run_soon(run_import_job, job.pk)
            messages.success(request, "The import was started again.")
        return HttpResponseRedirect(reverse("admin:players_importjob_change", args=[job.pk]))

    def _job(self, request: HttpRequest, job_id: int) -> ImportJob:
        job = ImportJob.objects.select_related("created_by", "duplicate_of").filter(pk=job_id).first()
        if job is None:
            raise Http404
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        return job


def job_context(job: ImportJob) -> dict[str, Any]:
    """Return what the changing part of a job's page shows."""
    return {
        "job": job,
        "is_unfinished": job.status in _UNFINISHED,
        "errors": job.errors[:ERRORS_SHOWN_MAX],
        "errors_total": max(len(job.errors), job.counts.get("problems", 0)),
        "totals": ImportPlayerTotals.objects.filter(job=job).order_by("pk")[:10],
    }


def _download(file: Any) -> FileResponse:
    if not file:
        raise Http404
    return FileResponse(file.open("rb"), as_attachment=True)


@admin.register(ImportPlayerTotals)
class ImportPlayerTotalsAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "job_link",
        "row_number",
        "deposited_was",
        "deposited_is",
        "wagered_was",
        "wagered_is",
        "won_was",
        "won_is",
    )
    list_display_links = ("row_number",)
    list_filter = (PlayerFilter,)
    number_searched = "job_id"
    search_help_text = "Number of the import"

    player_link = player_link
    deposited_was = number("deposited_before", description="deposited before")
    deposited_is = number("deposited_after", description="after")
    wagered_was = number("wagered_before", description="turnover before")
    wagered_is = number("wagered_after", description="after")
    won_was = number("won_before", description="won before")
    won_is = number("won_after", description="after")

    @display(description="import", ordering="job_id")
    def job_link(self, totals: ImportPlayerTotals) -> SafeString:
        return link_to("players_importjob", totals.job_id)
