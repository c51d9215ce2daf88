"""The liability in the admin: the roll-forward of a period and its days."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone

from core.admin.base import ReadOnlyAdmin
from core.admin.columns import run_link
from core.errors import LoyaltyError
from players.policies import OPERATOR_CURRENCY
from reporting.admin.periods import PeriodForm
from reporting.admin.statements import EXPORT_PERMISSION
from reporting.csv_files import csv_response
from reporting.liability import RollForward, held_now, liability_rows
from reporting.liability_days import stored_days, summed_days
from reporting.models import LINES, LiabilityDay
from reporting.periods import FIRST_ON, first_of_month, named_periods

DAYS_SHOWN_MAX = 400


@admin.register(LiabilityDay)
class LiabilityDayAdmin(ReadOnlyAdmin):
    """The list is the roll-forward of a period; rows are what the night wrote."""

    readonly_fields = ("run_link",)
    fieldsets = (
        (None, {"fields": (("on", "currency_type", "unit_value"), "opening", *LINES, "closing")}),
        ("Written", {"fields": (("run_link", "created_at", "revised_at"),)}),
    )

    run_link = run_link()

    def get_urls(self) -> list[URLPattern]:
        """Add the .csv."""
        own = path("csv/", self.admin_site.admin_view(self.csv_view), name="reporting_liabilityday_csv")
        return [own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the roll-forward of the period and the closings of its days."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        since, until, form = self._period(request)
        days = self._days(request, since, until)
        context = {
            **self.admin_site.each_context(request),
            "title": "Liability",
            "opts": self.opts,
            "form": form,
            "held_now": held_now(),
            "days": days_page(days)[:DAYS_SHOWN_MAX],
            "days_max": DAYS_SHOWN_MAX,
            "roll_forward": roll_forward_page(summed_days(days)),
            "since": days[0].since if days else since,
            "until": days[-1].until if days else until,
            "currency": OPERATOR_CURRENCY.value(),
            "periods": _period_links(since, until),
            "can_export": request.user.has_perm(EXPORT_PERMISSION),
            "csv_url": f"{reverse('admin:reporting_liabilityday_csv')}?since={since}&until={until}",
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/reporting/liabilityday/list.html", context)

    def csv_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send the days of the period, one line per date and currency."""
        if not (self.has_view_permission(request) and request.user.has_perm(EXPORT_PERMISSION)):
            raise PermissionDenied
        since, until, form = self._period(request)
        try:
            days = stored_days(since=since, until=until) if form.is_valid() else None
        except LoyaltyError as error:
            messages.error(request, error.message)
            days = None
        if days is None:
            return HttpResponseRedirect(reverse("admin:reporting_liabilityday_changelist"))
        return csv_response(liability_rows(days), file_name=f"liability-{since}-{until}.csv")

    def _period(self, request: HttpRequest) -> tuple[date, date, PeriodForm]:
        """Return the period asked for; without one, the month of the last day there is."""
        last = LiabilityDay.objects.values_list("on", flat=True).first() or timezone.localdate()
        given = {name: request.GET.get(name) for name in ("since", "until")}
        form = PeriodForm({"since": first_of_month(last), "until": last} if not any(given.values()) else given)
        if not form.is_valid():
            return first_of_month(last), last, form
        return form.cleaned_data["since"] or FIRST_ON, form.cleaned_data["until"] or last, form

    def _days(self, request: HttpRequest, since: date, until: date) -> list[RollForward]:
        try:
            return stored_days(since=since, until=until)
        except LoyaltyError as error:
            messages.error(request, error.message)
            return []


def roll_forward_page(rolled: list[RollForward]) -> dict[str, Any]:
    """Return the table of a period: a row per line, in it units and money of each currency and the money together."""
    money = [row.money() for row in rolled]
    rows = [
        {
            "title": line.replace("_", " ").capitalize(),
            "is_edge": line in {"opening", "closing"},
            "cells": [(row.amounts()[line], worth[line]) for row, worth in zip(rolled, money, strict=True)],
            "together": sum((worth[line] or Decimal(0) for worth in money), Decimal(0)),
        }
        for line in ("opening", *LINES, "closing")
    ]
    return {"currencies": rolled, "rows": rows if rolled else []}


def days_page(days: list[RollForward]) -> list[dict[str, Any]]:
    """Return the closings of each date, the newest first."""
    by_date: dict[date, list[RollForward]] = {}
    for day in days:
        by_date.setdefault(day.since, []).append(day)
    return [
        {
            "on": on,
            "closings": {day.currency: day.closing for day in own},
            "together": sum((day.money()["closing"] or Decimal(0) for day in own), Decimal(0)),
        }
        for on, own in sorted(by_date.items(), reverse=True)
    ]


def _period_links(since: date, until: date) -> list[dict[str, Any]]:
    return [
        {"title": title, "since": first, "until": last, "is_chosen": (since, until) == (first, last)}
        for title, first, last in named_periods(timezone.localdate())
        if first and last
    ]
