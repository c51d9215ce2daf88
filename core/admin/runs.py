"""Runs with their steps and chunks, to watch and to understand, never to edit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.utils import timezone
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateFilter
from unfold.decorators import display

from core.admin.base import HugeReadOnlyAdmin, NumberSearch, ReadOnlyAdmin, ReadOnlyInline
from core.admin.columns import NOTHING, badge, link_to
from core.models import Run, RunChunk, RunStep


@display(description="took")
def duration(_: Any, row: Any) -> str:
    """Show how long it took, or has been going on."""
    if row.started_at is None:
        return NOTHING
    seconds = ((row.finished_at or timezone.now()) - row.started_at) // timedelta(seconds=1)
    running = "" if row.finished_at else " so far"
    return f"{timedelta(seconds=seconds)}{running}"


class RunStepInline(ReadOnlyInline):
    model = RunStep
    fields = ("position", "name", "started_at", "finished_at", "duration")
    readonly_fields = ("duration",)
    verbose_name_plural = "Steps"
    duration = duration


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = (
        "id",
        "kind",
        "business_date",
        "status_badge",
        "started_at",
        "duration",
        "started_by",
        "error_start",
    )
    list_display_links = ("id", "kind")
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("status", ChoicesDropdownFilter),
        ("business_date", RangeDateFilter),
    )
    list_select_related = ("started_by",)
    date_hierarchy = "business_date"
    inlines = (RunStepInline,)
    readonly_fields = ("duration",)
    fieldsets = (
        (None, {"fields": (("kind", "business_date"), ("status", "started_by"))}),
        ("Time", {"fields": (("started_at", "finished_at"), "duration")}),
        ("What came of it", {"fields": ("counts", "error", "parameters")}),
    )

    status_badge = badge("status")
    duration = duration

    @display(description="error")
    def error_start(self, run: Run) -> str:
        """Show the first words; the run's page has all of them."""
        return run.error[:80] or NOTHING


@admin.register(RunStep)
class RunStepAdmin(NumberSearch, ReadOnlyAdmin):
    list_display = ("name", "run_number", "position", "started_at", "finished_at", "duration")
    number_searched = "run_id"
    search_help_text = "Number of the run"
    ordering = ("-run_id", "position")
    list_filter = (("started_at", RangeDateFilter),)

    duration = duration

    @display(description="run", ordering="run_id")
    def run_number(self, step: RunStep) -> str:
        return link_to("core_run", step.run_id)


@admin.register(RunChunk)
class RunChunkAdmin(NumberSearch, HugeReadOnlyAdmin):
    list_display = ("id", "step", "number", "lower_key", "upper_key", "is_done", "finished_at")
    list_select_related = ("step",)
    list_filter = ("is_done",)
    number_searched = "step__run_id"
    search_help_text = "Number of the run"
