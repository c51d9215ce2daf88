"""Questions what rules would cost: asked, answered in the background, kept with who asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from core.errors import LoyaltyError, NotFoundError
from core.models import RunStatus
from rewards.definitions import RuleDefinition
from rewards.models import ForecastKind, RewardRule, RewardRuleVersion, RuleForecast
from rewards.rules import active_rules, define_version, rules_of_versions, validate_rule
from rewards.simulation.backtesting import backtest
from rewards.simulation.overlaps import map_overlaps
from rewards.simulation.periods import check_period, check_simulated_date
from rewards.simulation.simulating import rules_with, simulate

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_OPEN = (RunStatus.PENDING, RunStatus.RUNNING)


def ask_simulation(*, rule: RewardRule, on: date, asked_by: User | None, at: datetime) -> RuleForecast:
    """Keep the question what a rule, as it stands, would give in the night of a business date; return it to be run.

    Raises RuleInvalidError and SimulationDateError.
    """
    definition = _newest_version(rule)
    check_simulated_date(on, today=timezone.localdate(at))
    return RuleForecast.objects.create(
        kind=ForecastKind.SIMULATION, rule=rule, rule_version=definition.version, on=on, asked_by=asked_by
    )


def ask_backtest(
    *,
    rule: RewardRule,
    since: date,
    until: date,
    asked_by: User | None,
    at: datetime,
    compared_version: int | None = None,
) -> RuleForecast:
    """Keep the question what a rule, as it stands, would have given in a period; return it to be run.

    Raises RuleInvalidError, the kinds of PeriodError, and NotFoundError for a version the rule never had.
    """
    definition = _newest_version(rule)
    check_period(since=since, until=until, today=timezone.localdate(at))
    if compared_version is not None:
        _check_version(rule, compared_version)
    return RuleForecast.objects.create(
        kind=ForecastKind.BACKTEST,
        rule=rule,
        rule_version=definition.version,
        compared_version=compared_version,
        since=since,
        until=until,
        asked_by=asked_by,
    )


def _newest_version(rule: RewardRule) -> RuleDefinition:
    """Return the draft beside a rule that runs, where there is one: its cost is asked before it is approved."""
    if rule.pending_version is None:
        return validate_rule(rule)
    return define_version(RewardRuleVersion.objects.select_related("rule").get(rule=rule, version=rule.pending_version))


def ask_overlaps(*, on: date, asked_by: User | None, at: datetime) -> RuleForecast:
    """Keep the question which rules would pay the same players in the night of a business date; return it to be run.

    Raises SimulationDateError.
    """
    check_simulated_date(on, today=timezone.localdate(at))
    return RuleForecast.objects.create(kind=ForecastKind.OVERLAP, on=on, asked_by=asked_by)


def latest_overlaps() -> RuleForecast | None:
    """Return the newest overlap map that is done."""
    return RuleForecast.objects.filter(kind=ForecastKind.OVERLAP, status=RunStatus.SUCCEEDED).order_by("-pk").first()


def run_forecast(forecast_id: int) -> RuleForecast:
    """Answer a question and keep the answer, or why there is none; one that is answered is left alone.

    Given out twice at once it is answered twice, which costs time and changes nothing. Raises NotFoundError.
    """
    forecast = RuleForecast.objects.select_related("rule").filter(pk=forecast_id).first()
    if forecast is None:
        raise NotFoundError(f"there is no forecast {forecast_id}", forecast_id=forecast_id)
    if forecast.status not in _OPEN:
        return forecast
    at = timezone.now()
    RuleForecast.objects.filter(pk=forecast_id, status__in=_OPEN).update(status=RunStatus.RUNNING, started_at=at)
    try:
        result = _answer(forecast, at=at)
    except LoyaltyError as error:
        _close(forecast, status=RunStatus.FAILED, error=error.message)
    except Exception as error:
        _close(forecast, status=RunStatus.FAILED, error=f"{type(error).__name__}: {error}")
        raise
    else:
        _close(forecast, status=RunStatus.SUCCEEDED, result=result)
    forecast.refresh_from_db()
    return forecast


def _answer(forecast: RuleForecast, *, at: datetime) -> Mapping[str, Any]:
    # Each column that a kind needs is there: constraints of the table see to it.
    match forecast.kind, forecast.on, forecast.since, forecast.until:
        case ForecastKind.SIMULATION, date() as on, _, _:
            rules = rules_with(_version(forecast, forecast.rule_version), on=on)
            return asdict(simulate(rules, on=on, at=at, rule_id=forecast.rule_id))
        case ForecastKind.BACKTEST, _, date() as since, date() as until:
            compared = forecast.compared_version
            return asdict(
                backtest(
                    [_version(forecast, forecast.rule_version)],
                    since=since,
                    until=until,
                    at=at,
                    compared_with=None if compared is None else [_version(forecast, compared)],
                )
            )
        case _, date() as on, _, _:
            return asdict(map_overlaps(active_rules(on=on), on=on, at=at))
    raise AssertionError(f"forecast {forecast.pk} lacks its dates")


def _version(forecast: RuleForecast, version: int | None) -> RuleDefinition:
    return rules_of_versions([{"rule_id": forecast.rule_id, "version": version}])[0]


def _check_version(rule: RewardRule, version: int) -> None:
    if not RewardRuleVersion.objects.filter(rule=rule, version=version).exists():
        raise NotFoundError(
            f"{rule.pk} has no version {version}; its newest is {rule.version}", rule_id=rule.pk, version=version
        )


def _close(forecast: RuleForecast, **outcome: Any) -> None:
    RuleForecast.objects.filter(pk=forecast.pk, status__in=_OPEN).update(**outcome, finished_at=timezone.now())
