"""Back-test: what rules would have given, and cost, on the days of the past."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from core.models import RunKind
from rewards.definitions import RuleDefinition
from rewards.facts import needed_columns
from rewards.simulation.history import Scope, unreconstructed
from rewards.simulation.periods import check_period
from rewards.simulation.replaying import Replay, replay
from rewards.simulation.sandbox import sandbox
from safety.policies import PROFIT_HORIZON_DAYS

ASSUMPTION = (
    "Behaviour is assumed unchanged: players are taken to have played exactly as they did, whatever they would have "
    "been given, and to have kept it."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDifference:
    """What one day would have cost more (or less) than by the rules compared with."""

    on: date
    money_value: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The rules under test less those compared with: below 0 where they give less. Money."""

    rewards: int
    players: int
    money_value: Decimal
    expected_cost: Decimal
    days: list[DayDifference]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backtest:
    """What rules would have given in a period, beside others where these were named; what is not known of the past."""

    since: date
    until: date
    at: datetime
    margin_days: int
    replay: Replay
    compared: Replay | None
    difference: Difference | None
    assumption: str
    unreconstructed: list[str]


def backtest(
    rules: Sequence[RuleDefinition],
    *,
    since: date,
    until: date,
    at: datetime,
    compared_with: Sequence[RuleDefinition] | None = None,
) -> Backtest:
    """Return what the rules would have given had they begun on `since`, night by night up to `until`.

    What these rules really gave is left out; what others gave counts in caps, guard and the profit horizon. Validity
    dates are not looked at: a paced budget is spread over the period. Nothing is written that lasts. Raises
    PeriodError's kinds.
    """
    check_period(since=since, until=until, today=timezone.localdate(at))
    rules = _spread_to(until, rules)
    compared_with = None if compared_with is None else _spread_to(until, compared_with)
    together = [*rules, *(compared_with or ())]
    scope = Scope(
        since=since,
        until=until,
        rule_numbers=tuple(sorted({rule.number for rule in together})),
        columns=tuple(needed_columns(together)),
    )
    with sandbox(kind=RunKind.BACKTEST, on=until) as run:
        unknown = unreconstructed(scope, has_groups=any(rule.limits.exclusive_group for rule in together))
        replayed = replay(rules, run=run, scope=scope)
    compared = None
    if compared_with is not None:
        # In a sandbox of its own: its run compiles the statements of the other rules.
        with sandbox(kind=RunKind.BACKTEST, on=until) as run:
            compared = replay(compared_with, run=run, scope=scope)
    return Backtest(
        since=since,
        until=until,
        at=at,
        margin_days=PROFIT_HORIZON_DAYS.value(),
        replay=replayed,
        compared=compared,
        difference=None if compared is None else _difference(replayed, compared),
        assumption=ASSUMPTION,
        unreconstructed=unknown,
    )


def _spread_to(until: date, rules: Sequence[RuleDefinition]) -> list[RuleDefinition]:
    return [replace(rule, limits=replace(rule.limits, ends_on=until)) for rule in rules]


def _difference(tested: Replay, compared: Replay) -> Difference:
    return Difference(
        rewards=tested.total.rewards - compared.total.rewards,
        players=tested.total.players - compared.total.players,
        money_value=tested.total.money_value - compared.total.money_value,
        expected_cost=tested.total.expected_cost - compared.total.expected_cost,
        days=[
            DayDifference(on=day.on, money_value=day.money_value - other.money_value)
            for day, other in zip(tested.days, compared.days, strict=True)
        ],
    )
