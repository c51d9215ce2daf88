"""What rules would cost, in the API: ask for a simulation, a back-test or the overlap map; read what came of it."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import WholeNumberField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.background import run_soon
from core.errors import NotFoundError
from rewards.models import RewardRule, RuleForecast
from rewards.simulation.forecasts import ask_backtest, ask_overlaps, ask_simulation, latest_overlaps
from rewards.tasks import run_forecast


class SimulationRequestSerializer(RequestSerializer):
    """The night to simulate."""

    on = serializers.DateField(required=False, help_text="Business date of the night; today where it is not given.")


class BacktestRequestSerializer(RequestSerializer):
    """The period to replay, and the version of the rule to compare with."""

    since = serializers.DateField(help_text="First business date.")
    until = serializers.DateField(help_text="Last business date, at most 366 days in all.")
    compared_version = WholeNumberField(
        required=False, allow_null=True, min_value=1, help_text="Say in money what differs from this version."
    )


class ForecastSerializer(serializers.ModelSerializer[RuleForecast]):
    """A question and its answer: `status` is PENDING, RUNNING, SUCCEEDED or FAILED, then `error` says why.

    `result` holds amounts as texts. A simulation names `total`, `by_rule`, `by_segment`, `by_tier`, `beneficiaries`,
    `refusals` and `budgets`; a back-test `replay` with its `days`, `compared`, `difference`, `assumption` and what is
    `unreconstructed`; an overlap map `pairs`.
    """

    forecast_id = serializers.IntegerField(source="pk")
    rule_id = serializers.CharField(allow_null=True)
    result = serializers.JSONField(allow_null=True)

    class Meta:
        model = RuleForecast
        fields = (
            "forecast_id",
            "kind",
            "rule_id",
            "rule_version",
            "compared_version",
            "on",
            "since",
            "until",
            "status",
            "error",
            "asked_at",
            "started_at",
            "finished_at",
            "result",
        )
        read_only_fields = fields


class RuleSimulate(Endpoint):
    """What a rule would give in one night, among all active ones."""

    permissions_by_method = {"POST": "rewards.change_rewardrule"}

    @extend_schema(
        operation_id="rules_simulate", request=SimulationRequestSerializer, responses={202: ForecastSerializer}
    )
    def post(self, request: Request, rule_id: str) -> Response:
        """Simulate the rule as it stands, a draft in the place of its active version; nothing is given.

        Ask `/api/rules/forecasts/{forecast_id}` for the result.
        """
        rule = _rule(rule_id)
        asked = read_body(request, SimulationRequestSerializer)
        now = timezone.now()
        on = asked.get("on", timezone.localdate(now))
        return _accepted(ask_simulation(rule=rule, on=on, asked_by=user_of(request), at=now))


class RuleBacktest(Endpoint):
    """What a rule would have given in the past."""

    permissions_by_method = {"POST": "rewards.change_rewardrule"}

    @extend_schema(
        operation_id="rules_backtest", request=BacktestRequestSerializer, responses={202: ForecastSerializer}
    )
    def post(self, request: Request, rule_id: str) -> Response:
        """Replay the rule as it stands over a period, night by night; nothing is given.

        Ask `/api/rules/forecasts/{forecast_id}` for the result.
        """
        rule = _rule(rule_id)
        asked = read_body(request, BacktestRequestSerializer)
        return _accepted(ask_backtest(rule=rule, asked_by=user_of(request), at=timezone.now(), **asked))


class RuleForecastDetail(Endpoint):
    """What came of a question."""

    permissions_by_method = {"GET": "rewards.view_ruleforecast"}

    @extend_schema(operation_id="rules_forecast", responses=ForecastSerializer)
    def get(self, request: Request, forecast_id: int) -> Response:
        """Show a simulation, back-test or overlap map."""
        forecast = RuleForecast.objects.filter(pk=forecast_id).first()
        if forecast is None:
            raise NotFoundError(f"there is no forecast {forecast_id}", forecast_id=forecast_id)
        return Response(ForecastSerializer(forecast).data)


class RuleOverlaps(Endpoint):
    """Which active rules would pay the same players."""

    permissions_by_method = {"GET": "rewards.view_ruleforecast", "POST": "rewards.change_rewardrule"}

    @extend_schema(operation_id="rules_overlap_read", responses=ForecastSerializer)
    def get(self, request: Request) -> Response:
        """Show the newest overlap map; 404 before the first one was asked for."""
        forecast = latest_overlaps()
        if forecast is None:
            raise NotFoundError("there is no overlap map yet; ask for one with POST")
        return Response(ForecastSerializer(forecast).data)

    @extend_schema(
        operation_id="rules_overlap_map", request=SimulationRequestSerializer, responses={202: ForecastSerializer}
    )
    def post(self, request: Request) -> Response:
        """Map the overlaps of the rules in force on a business date; nothing is given."""
        asked = read_body(request, SimulationRequestSerializer)
        now = timezone.now()
        return _accepted(ask_overlaps(on=asked.get("on", timezone.localdate(now)), asked_by=user_of(request), at=now))


def _accepted(forecast: RuleForecast) -> Response:
    run_soon(run_forecast, forecast.pk)
    forecast.refresh_from_db()
    return Response(ForecastSerializer(forecast).data, status=status.HTTP_202_ACCEPTED)


def _rule(rule_id: str) -> RewardRule:
    rule = RewardRule.objects.filter(pk=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    return rule
