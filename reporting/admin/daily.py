"""The figures of each business date as the night wrote them."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateFilter

from core.admin.base import ReadOnlyAdmin
from core.admin.columns import run_link
from reporting.models import DailySummary


@admin.register(DailySummary)
class DailySummaryAdmin(ReadOnlyAdmin):
    list_display = ("on", "run_link", "created_at")
    list_filter = (("on", RangeDateFilter),)
    date_hierarchy = "on"
    readonly_fields = ("run_link",)
    fields = (("on", "run_link", "created_at"), "figures")

    run_link = run_link()
