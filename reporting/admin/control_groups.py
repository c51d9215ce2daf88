"""Control groups in the admin: each experiment with both groups, what they bring, and how sure that is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from core.admin.base import ReadOnlyAdmin
from players.policies import OPERATOR_CURRENCY
from reporting.control_groups import MEASURES, Experiment, experiments, measure_control_groups
from reporting.models import ControlGroupResult

MEASURE_PERMISSION = "reporting.add_controlgroupresult"
_TITLES = {"wagered": "Wagered", "ggr": "GGR", "ngr": "NGR"}


@admin.register(ControlGroupResult)
class ControlGroupResultAdmin(ReadOnlyAdmin):
    """The list is a page of all experiments; a row is what one measurement found."""

    list_display = ("key", "percent", "since", "until", "measured_at")
    fields = (("key", "percent"), ("since", "until", "measured_at"), "contaminated", "figures")

    def get_urls(self) -> list[URLPattern]:
        """Add the button that measures."""
        view = self.admin_site.admin_view(require_POST(self.measure_view))
        return [path("measure/", view, name="reporting_controlgroupresult_measure"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Show the experiments in force, then those that have ended."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        in_force = experiments(today=timezone.localdate())
        results = {result.key: result for result in ControlGroupResult.objects.select_related("rule")}
        ended = [results[key] for key in results.keys() - {one.key for one in in_force}]
        context = {
            **self.admin_site.each_context(request),
            "title": "Control groups",
            "opts": self.opts,
            "groups": [experiment_page(one, results.get(one.key)) for one in in_force],
            "ended": [result_page(result) for result in sorted(ended, key=lambda result: result.key)],
            "currency": OPERATOR_CURRENCY.value(),
            "can_measure": request.user.has_perm(MEASURE_PERMISSION),
            "measure_url": reverse("admin:reporting_controlgroupresult_measure"),
            "contaminations_url": reverse("admin:safety_contamination_changelist"),
            "policies_url": reverse("admin:core_policyvalue_changelist"),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/reporting/controlgroupresult/list.html", context)

    def measure_view(self, request: HttpRequest) -> HttpResponseBase:
        """Measure every experiment up to today."""
        if not (self.has_view_permission(request) and request.user.has_perm(MEASURE_PERMISSION)):
            raise PermissionDenied
        measured = measure_control_groups(until=timezone.localdate(), at=timezone.now())
        messages.success(request, f"{len(measured)} experiment(s) measured.")
        return HttpResponseRedirect(reverse("admin:reporting_controlgroupresult_changelist"))


def experiment_page(experiment: Experiment, result: ControlGroupResult | None) -> dict[str, Any]:
    """Return the card of an experiment in force, measured or not."""
    rule = experiment.rule
    card = {
        "title": rule.name if rule else "All rules",
        "rule_url": reverse("admin:rewards_rewardrule_change", args=[rule.pk]) if rule else None,
        "percent": experiment.percent.normalize(),
        "since": experiment.since,
    }
    return {**result_page(result), **card} if result else {**card, "rows": []}


def result_page(result: ControlGroupResult) -> dict[str, Any]:
    """Return the card of a measured experiment: a row per measure."""
    figures = result.figures
    return {
        "title": result.rule.name if result.rule else result.key,
        "rule_url": reverse("admin:rewards_rewardrule_change", args=[result.rule_id]) if result.rule_id else None,
        "percent": result.percent.normalize(),
        "since": result.since,
        "until": result.until,
        "measured_at": result.measured_at,
        "treated": figures["treated"],
        "held_out": figures["held_out"],
        "contaminated": result.contaminated,
        "rows": [{"title": _TITLES[name], **_row(figures["measures"][name])} for name in MEASURES],
    }


def _row(figures: dict[str, str | None]) -> dict[str, Any]:
    low, high = figures["low"], figures["high"]
    if low is None or high is None:
        return {**figures, "says": "too few players"}
    if Decimal(low) > 0:
        return {**figures, "says": "more"}
    return {**figures, "says": "less" if Decimal(high) < 0 else "not told apart"}
