"""The page of a rule that asks what it would cost: simulate now, back-test a period, compare two versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminSingleDateWidget

from core.background import run_soon
from core.errors import LoyaltyError
from rewards.models import RewardRule, RewardRuleVersion, RuleForecast
from rewards.simulation.forecasts import ask_backtest, ask_simulation
from rewards.tasks import run_forecast

_FORECASTS_SHOWN = 20
_PERIOD_DAYS = 30


class SimulationForm(forms.Form):
    """The night to simulate."""

    prefix = "simulation"
    on = forms.DateField(label="Business date of the night", widget=UnfoldAdminSingleDateWidget())

    def ask(self, rule: RewardRule, request: HttpRequest) -> RuleForecast:
        """Keep the question. Raises what `ask_simulation` raises."""
        return ask_simulation(rule=rule, asked_by=request.user, at=timezone.now(), **self.cleaned_data)  # type: ignore[arg-type]


class BacktestForm(forms.Form):
    """The period to replay, and the version to compare with."""

    prefix = "backtest"
    since = forms.DateField(label="From", widget=UnfoldAdminSingleDateWidget())
    until = forms.DateField(label="To", widget=UnfoldAdminSingleDateWidget(), help_text="366 days at most.")
    compared_version = forms.TypedChoiceField(
        label="Compare with", required=False, coerce=int, empty_value=None, widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, *args: Any, rule: RewardRule, **options: Any) -> None:
        super().__init__(*args, **options)
        versions = RewardRuleVersion.objects.filter(rule=rule).exclude(version=rule.version).order_by("-version")
        choices = [(number, f"version {number}") for number in versions.values_list("version", flat=True)]
        self.fields["compared_version"].choices = [("", "nothing"), *choices]  # type: ignore[attr-defined]

    def ask(self, rule: RewardRule, request: HttpRequest) -> RuleForecast:
        """Keep the question. Raises what `ask_backtest` raises."""
        return ask_backtest(rule=rule, asked_by=request.user, at=timezone.now(), **self.cleaned_data)  # type: ignore[arg-type]


class CostPage:
    """What the admin of rules gets: the action that opens the page."""

    @action(
        description="What would it cost?",
        url_path="cost",
        icon="query_stats",
        permissions=["rewards.view_ruleforecast"],
    )
    def what_would_it_cost(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a question about the rule's cost and lead to its answer; show those asked before."""
        admin: Any = self
        rule = admin.get_object(request, unquote(object_id))
        if rule is None:
            raise Http404
        if not admin.has_view_permission(request, rule):
            raise PermissionDenied
        simulation, backtest = _forms(request, rule)
        if request.method == "POST":
            if not request.user.has_perm("rewards.change_rewardrule"):
                raise PermissionDenied
            form = backtest if backtest.is_bound else simulation
            if (forecast := _asked(form, rule, request)) is not None:
                return HttpResponseRedirect(reverse("admin:rewards_ruleforecast_change", args=[forecast.pk]))
        forecasts = RuleForecast.objects.filter(rule=rule).select_related("asked_by").defer("result")
        context = {
            **admin.admin_site.each_context(request),
            "title": f"What would {rule.pk} cost?",
            "opts": admin.opts,
            "rule": rule,
            "simulation": simulation,
            "backtest": backtest,
            "may_ask": request.user.has_perm("rewards.change_rewardrule"),
            "forecasts": forecasts.order_by("-pk")[:_FORECASTS_SHOWN],
            "rule_url": reverse("admin:rewards_rewardrule_change", args=[object_id]),
        }
        return TemplateResponse(request, "admin/rewards/rewardrule/cost.html", context)


def _forms(request: HttpRequest, rule: RewardRule) -> tuple[SimulationForm, BacktestForm]:
    """Return both forms, the one that was sent bound to what was sent."""
    today = timezone.localdate()
    yesterday = today - timedelta(days=1)
    period = {"since": yesterday - timedelta(days=_PERIOD_DAYS - 1), "until": yesterday}
    sent = request.POST.get("ask") if request.method == "POST" else None
    return (
        SimulationForm(request.POST if sent == "simulation" else None, initial={"on": today}),
        BacktestForm(request.POST if sent == "backtest" else None, rule=rule, initial=period),
    )


def _asked(form: SimulationForm | BacktestForm, rule: RewardRule, request: HttpRequest) -> RuleForecast | None:
    if not form.is_valid():
        return None
    try:
        forecast = form.ask(rule, request)
    except LoyaltyError as error:
        form.add_error(None, error.message)
        return None
    run_soon(run_forecast, forecast.pk)
    return forecast
