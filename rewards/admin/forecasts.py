"""What rules would cost: every question that was asked, its answer as a page, and the overlap map."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import action, display

from core.admin.base import ReadOnlyAdmin
from core.admin.columns import NOTHING, badge, figure, link_to
from core.background import run_soon
from core.models import RunStatus
from players.policies import OPERATOR_CURRENCY
from rewards.models import ForecastKind, RuleForecast
from rewards.simulation.forecasts import ask_overlaps, latest_overlaps
from rewards.tasks import run_forecast

_OPEN = (RunStatus.PENDING, RunStatus.RUNNING)
_TOP_SHARE_WARNED = Decimal("0.5")


@admin.register(RuleForecast)
class RuleForecastAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "rule_link", "version", "dates", "status_badge", "cost", "asked_by", "asked_at")
    list_display_links = ("id", "kind")
    list_select_related = ("asked_by",)
    list_filter = (
        ("kind", ChoicesDropdownFilter),
        ("rule", RelatedDropdownFilter),
        ("status", ChoicesDropdownFilter),
    )
    ordering = ("-pk",)
    actions_list = ("overlaps",)

    status_badge = badge("status")

    @display(description="rule", ordering="rule_id")
    def rule_link(self, forecast: RuleForecast) -> SafeString:
        return link_to("rewards_rewardrule", forecast.rule_id) if forecast.rule_id else SafeString("all active rules")

    @display(description="version")
    def version(self, forecast: RuleForecast) -> str:
        compared = f" against {forecast.compared_version}" if forecast.compared_version else ""
        return f"{forecast.rule_version}{compared}" if forecast.rule_version else "–"

    @display(description="dates")
    def dates(self, forecast: RuleForecast) -> str:
        return str(forecast.on) if forecast.on else f"{forecast.since} to {forecast.until}"

    @display(description="money value")
    def cost(self, forecast: RuleForecast) -> SafeString:
        total = _total(forecast)
        return figure(Decimal(total["money_value"])) if total else NOTHING

    def get_urls(self) -> list[URLPattern]:
        """Add what the page of a forecast asks for until there is an answer."""
        progress = self.admin_site.admin_view(self.progress_view)
        own = path("<int:forecast_id>/progress/", progress, name="rewards_ruleforecast_progress")
        return [own, *super().get_urls()]

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the question and its answer."""
        if object_id is None or request.method == "POST":
            raise PermissionDenied
        forecast = self.get_object(request, unquote(object_id))
        if forecast is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if not self.has_view_permission(request, forecast):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": f"{forecast.get_kind_display()} {forecast.pk}",
            "opts": self.opts,
            **forecast_context(forecast),
        }
        return TemplateResponse(request, "admin/rewards/ruleforecast/change.html", context)

    def progress_view(self, request: HttpRequest, forecast_id: int) -> HttpResponse:
        """Return the part of the page that changes; the page asks for it until there is an answer."""
        forecast = RuleForecast.objects.select_related("rule").filter(pk=forecast_id).first()
        if forecast is None:
            raise Http404
        if not self.has_view_permission(request, forecast):
            raise PermissionDenied
        return render(request, "admin/rewards/ruleforecast/answer.html", forecast_context(forecast))

    @action(
        description="Overlap map", url_path="overlaps", icon="join_inner", permissions=["rewards.view_ruleforecast"]
    )
    def overlaps(self, request: HttpRequest) -> HttpResponse:
        """Show which active rules would pay the same players, by the newest map; map anew when asked to."""
        if request.method == "POST":
            if not request.user.has_perm("rewards.change_rewardrule"):
                raise PermissionDenied
            now = timezone.now()
            forecast = ask_overlaps(on=timezone.localdate(now), asked_by=request.user, at=now)  # type: ignore[arg-type]
            run_soon(run_forecast, forecast.pk)
            messages.success(request, "The active rules are simulated; the map stands here when it is done.")
            return HttpResponseRedirect(reverse("admin:rewards_ruleforecast_change", args=[forecast.pk]))
        forecast_found = latest_overlaps()
        context = {
            **self.admin_site.each_context(request),
            "title": "Overlap map",
            "opts": self.opts,
            "may_ask": request.user.has_perm("rewards.change_rewardrule"),
            **(forecast_context(forecast_found) if forecast_found else {}),
        }
        return TemplateResponse(request, "admin/rewards/ruleforecast/overlaps.html", context)


def forecast_context(forecast: RuleForecast) -> dict[str, Any]:
    """Return what the pages of a forecast show."""
    result = forecast.result or {}
    return {
        "forecast": forecast,
        "result": result,
        "total": _total(forecast),
        "is_open": forecast.status in _OPEN,
        "currency": OPERATOR_CURRENCY.value(),
        "warnings": _warnings(forecast) if result else [],
        **(_curve(result) if forecast.kind == ForecastKind.BACKTEST and result else {}),
        **(_pairs(result) if forecast.kind == ForecastKind.OVERLAP and result else {}),
    }


def _total(forecast: RuleForecast) -> dict[str, Any]:
    result = forecast.result or {}
    total: dict[str, Any] = (result.get("replay") or result).get("total") or {}
    return total


def _curve(result: dict[str, Any]) -> dict[str, Any]:
    """Return the days with what the version compared with gave on each, and the largest figure, for the chart."""
    others = result["compared"]["days"] if result["compared"] else []
    days = [
        {**day, "compared": others[number]["money_value"] if others else None}
        for number, day in enumerate(result["replay"]["days"])
    ]
    figures = [Decimal(day["money_value"]) for day in [*days, *others]]
    return {"days": days, "day_max": max(figures, default=Decimal(0))}


def _pairs(result: dict[str, Any]) -> dict[str, Any]:
    return {"pair_max": max((Decimal(pair["cost_together"]) for pair in result["pairs"]), default=Decimal(0))}


def _warnings(forecast: RuleForecast) -> list[str]:
    """Return what somebody who is about to let the rule go live must not overlook."""
    if forecast.kind == ForecastKind.OVERLAP:
        return []
    result, total, found = forecast.result or {}, _total(forecast), []
    newest = forecast.rule and (forecast.rule.pending_version or forecast.rule.version)
    if newest is not None and newest != forecast.rule_version:
        found.append(f"The rule has changed since: this is version {forecast.rule_version}, not {newest}.")
    if not total["rewards"]:
        found.append("Nobody would be given anything.")
    if total["rewards"] and Decimal(total["expected_cost"]) >= Decimal(total["expected_margin"]):
        found.append("It would cost more than the margin expected from the players who are paid.")
    return [*found, *_top_warnings(result, total), *_budget_warnings(result)]


def _top_warnings(result: dict[str, Any], total: dict[str, Any]) -> list[str]:
    top = result.get("beneficiaries") or []
    most = sum((Decimal(row["money_value"]) for row in top), Decimal(0))
    value = Decimal(total["money_value"])
    if len(top) < total["players"] and value and most > value * _TOP_SHARE_WARNED:
        return [f"The {len(top)} players who get most would get {100 * most / value:.0f} % of it."]
    return []


def _budget_warnings(result: dict[str, Any]) -> list[str]:
    budgets = (result.get("replay") or {}).get("budgets", [])
    used_up = [f"The total budget would be used up on {row['exhausted_on']}." for row in budgets if row["exhausted_on"]]
    cut = [f"The day's budget would refuse players on {row['days_cut']} day(s)." for row in budgets if row["days_cut"]]
    return used_up + cut
