"""The guardrail: a rule that reaches twice its forecast for a business date pauses itself and says so."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.models import OutboxEvent
from core.policies import save_policy
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.live import apply_reward
from rewards.models import RewardRule, RuleBudgetDay, RuleEvent
from rewards.preview import test_rule as try_rule
from rewards.rule_life.errors import EditorMayNotApproveError, RuleNotInForceError
from rewards.rule_life.stopping import resume_rule
from rewards.tests.factories import allocate, evaluate, issue, make_player, verdicts
from rewards.tests.rule_life.people import acts, approved_by, changed_by, person, running_rule, submitted_by
from wallet.models import Lot

pytestmark = pytest.mark.django_db

TOMORROW = ON + timedelta(days=1)


def make_players(count: int) -> None:
    for number in range(count):
        make_player(f"P{number:02d}")


def given_value() -> Decimal:
    return RuleBudgetDay.objects.get(on=ON).given_value


@pytest.mark.parametrize("budget", [{}, {"daily_budget": 1000}], ids=["no budget", "budget"])
def test_a_rule_that_would_pass_twice_its_forecast_gives_that_much_and_pauses_itself(
    budget: dict[str, Any],
) -> None:
    make_players(8)
    running_rule(forecast_cost="25.00", **budget)

    assert evaluate() == {"APPROVED": 5, "REJECTED": 3}

    rule = RewardRule.objects.get()
    assert (rule.status, rule.is_stopped_by_guardrail) == ("PAUSED", True)
    assert given_value() == 50
    assert Lot.objects.count() == 5
    assert sorted({verdicts(f"P{number:02d}")["GIFT"] for number in range(8)}) == ["APPROVED", "REJECTED GUARDRAIL"]


def test_it_says_so_with_the_figures() -> None:
    make_players(8)
    running_rule(forecast_cost="25.00")

    evaluate()

    event = RuleEvent.objects.get(act="STOPPED_BY_GUARDRAIL")
    assert event.reason == f"It reached 50.00 on {ON}; 25.00 was forecast"
    figures = {name: event.details[name] for name in ("forecast_cost", "limit", "given", "refused")}
    assert figures == {"forecast_cost": "25.00", "limit": "50.00", "given": "50.00", "refused": "30.00"}
    told = OutboxEvent.objects.get(topic="rule.paused").payload
    assert (told["rule_id"], told["cause"], told["limit"], told["by"]) == ("GIFT", "GUARDRAIL", "50.00", None)


def test_a_rule_that_exactly_reaches_the_limit_pauses_itself() -> None:
    make_players(5)
    running_rule(forecast_cost="25.00")

    assert evaluate() == {"APPROVED": 5}
    assert RewardRule.objects.get().status == "PAUSED"


def test_a_rule_below_its_limit_goes_on_and_the_next_date_counts_anew() -> None:
    make_players(4)
    running_rule(forecast_cost="25.00", frequency_period="DAY")

    assert evaluate() == {"APPROVED": 4}
    assert evaluate(TOMORROW) == {"APPROVED": 4}
    assert RewardRule.objects.get().status == "ACTIVE"


def test_a_rule_without_a_forecast_has_no_guardrail() -> None:
    make_players(8)
    running_rule()

    assert evaluate() == {"APPROVED": 8}
    assert not RuleBudgetDay.objects.exists()


def test_how_many_times_is_a_policy() -> None:
    make_players(8)
    running_rule(forecast_cost="25.00")
    save_policy(name="RULE_GUARDRAIL_TIMES", value="3", saved_by=None)

    assert evaluate() == {"APPROVED": 7, "REJECTED": 1}


def test_live_rewards_count_for_the_same_guardrail() -> None:
    make_players(4)
    rule = running_rule(forecast_cost="10.00")

    found = [apply_reward(player_id=f"P0{number}", rule=rule, on=ON) for number in range(2)]
    with pytest.raises(RuleNotInForceError):
        apply_reward(player_id="P02", rule=rule, on=ON)

    assert [one and one.verdict for one in found] == ["APPROVED", "APPROVED"]
    assert RewardRule.objects.get().is_stopped_by_guardrail is True
    assert given_value() == 20


def test_what_was_refused_at_posting_does_not_count() -> None:
    make_players(4)
    running_rule(forecast_cost="25.00")
    night = allocate()
    restrict(Player.objects.get(pk="P00"))

    issue(night)

    assert given_value() == 30


def test_trying_a_rule_on_a_player_never_pauses_it() -> None:
    make_player("alice")
    rule = running_rule(forecast_cost="1.00")

    result = try_rule(rule=rule, player_id="alice", on=ON)

    assert [reason["code"] for reason in result.reasons] == ["GUARDRAIL"]
    assert RewardRule.objects.get().status == "ACTIVE"


def test_who_wrote_it_does_not_resume_a_rule_that_its_guardrail_stopped() -> None:
    make_players(8)
    running_rule(forecast_cost="25.00")
    evaluate()

    with pytest.raises(EditorMayNotApproveError, match="somebody else must resume it"):
        resume_rule(rule_id="GIFT", by=person("ann"))

    rule = resume_rule(rule_id="GIFT", by=person("ben"))
    assert (rule.status, rule.is_stopped_by_guardrail) == ("ACTIVE", False)
    assert acts()[-1] == "RESUMED v1 ben"


def test_a_rule_resumed_on_the_date_it_was_stopped_stops_again() -> None:
    make_players(8)
    running_rule(forecast_cost="25.00", frequency_period="DAY")
    evaluate()
    resume_rule(rule_id="GIFT", by=person("ben"))
    make_player("late")

    rule = RewardRule.objects.get()
    decision = apply_reward(player_id="late", rule=rule, on=ON)

    assert decision is not None
    assert decision.reason == "GUARDRAIL"
    assert RewardRule.objects.get().status == "PAUSED"
    assert given_value() == 50


def test_a_new_approval_brings_its_own_forecast() -> None:
    make_players(8)
    running_rule(forecast_cost="25.00")
    changed_by("ann", priority=5)
    approved_by("ben", submitted_by("ann", forecast_cost="400.00"))

    assert evaluate() == {"APPROVED": 8}


@pytest.mark.parametrize(
    ("forecast", "given", "status"),
    [("60.00", 100, "ACTIVE"), ("50.00", 100, "PAUSED"), ("25.00", 50, "PAUSED"), (None, 100, "ACTIVE")],
)
def test_the_worked_table_of_the_guide(forecast: str | None, given: int, status: str) -> None:
    make_players(10)
    running_rule(forecast_cost=forecast)

    evaluate()

    assert sum(lot.amount for lot in Lot.objects.all()) == given
    assert RewardRule.objects.get().status == status
