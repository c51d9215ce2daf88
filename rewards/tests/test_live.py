"""One rule for one player now, and what the documented names of the engine's steps answer."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.errors import NotFoundError
from core.models import Run
from players.tests.factories import ON
from rewards.live import apply_reward
from rewards.models import (
    PlayerFacts,
    RewardDecision,
    RewardHistory,
    RewardRule,
    RuleAllocation,
    RuleCandidate,
    RuleMatch,
)
from rewards.preview import calculate_reward, evaluate_rule, get_applicable_rules
from rewards.rule_life.errors import RuleNotInForceError
from rewards.tests.factories import balance, evaluate, make_player, make_rule

pytestmark = pytest.mark.django_db


def test_a_rule_is_told_apart_from_one_that_does_not_match() -> None:
    make_player()
    cashback = {"formula": "net_loss * 0.1", "max_amount": 500}
    matching = make_rule("LOSING", conditions={"segment": "LOSING"}, reward=cashback)
    other = make_rule("VIP", conditions={"segment": "VIP"})

    assert evaluate_rule(rule=matching, player_id="alice", on=ON) is True
    assert evaluate_rule(rule=other, player_id="alice", on=ON) is False
    assert calculate_reward(rule=matching, player_id="alice", on=ON) == Decimal("300.00")
    assert calculate_reward(rule=other, player_id="alice", on=ON) is None


def test_applicable_rules_come_in_the_order_they_are_decided() -> None:
    make_player()
    make_rule("LATER", priority=1)
    make_rule("FIRST", priority=9, conditions={"net_loss_min": 3000})
    make_rule("NOT_FOR_HER", priority=8, conditions={"net_loss_min": 3001})
    make_rule("PAUSED", priority=7, status="PAUSED")

    assert get_applicable_rules(player_id="alice", on=ON) == ["FIRST", "LATER"]
    assert not Run.objects.exists()


def test_a_reward_is_applied_once_a_date_and_leaves_no_working_rows() -> None:
    make_player()
    rule = make_rule(frequency_period="DAY")

    given = apply_reward(player_id="alice", rule=rule, on=ON)
    again = apply_reward(player_id="alice", rule=rule, on=ON)

    assert given is not None
    assert (given.verdict, given.amount_given) == ("APPROVED", Decimal("10.00"))
    assert again == given
    assert evaluate() == {}
    assert (balance().bonus_balance, RewardHistory.objects.count()) == (Decimal("10.00"), 1)
    for table in (PlayerFacts, RuleMatch, RuleCandidate, RuleAllocation):
        assert not table.objects.exclude(run_id=Run.objects.latest("id").pk).exists()


def test_the_next_date_is_another_occasion() -> None:
    make_player()
    rule = make_rule(frequency_period="DAY")
    apply_reward(player_id="alice", rule=rule, on=ON)

    apply_reward(player_id="alice", rule=rule, on=ON + timedelta(days=1))

    assert balance().bonus_balance == Decimal("20.00")


@pytest.mark.parametrize("status", ["DRAFT", "PENDING_APPROVAL", "PAUSED", "ARCHIVED"])
def test_a_rule_that_does_not_run_is_not_applied(status: str) -> None:
    make_player()
    rule = make_rule()
    RewardRule.objects.update(status=status)

    with pytest.raises(RuleNotInForceError, match=f"it is {status}; an active rule within its dates is needed"):
        apply_reward(player_id="alice", rule=rule, on=ON)

    assert not RewardDecision.objects.exists()
    assert not Run.objects.exists()


@pytest.mark.parametrize("dates", [{"starts_on": ON + timedelta(days=1)}, {"ends_on": ON - timedelta(days=1)}])
def test_a_rule_out_of_its_dates_is_not_applied(dates: dict[str, date]) -> None:
    make_player()
    rule = make_rule(**{name: day.isoformat() for name, day in dates.items()})

    with pytest.raises(RuleNotInForceError, match="rule GIFT gives nothing on 2025-12-21"):
        apply_reward(player_id="alice", rule=rule, on=ON)


def test_what_is_applied_is_the_version_that_runs_not_what_was_changed_of_the_object() -> None:
    make_player()
    rule = make_rule()
    rule.reward_config = {"type": "BONUS_BALANCE", "amount": 99}

    given = apply_reward(player_id="alice", rule=rule, on=ON)

    assert given is not None
    assert given.amount_given == 10


def test_a_draft_may_be_tried() -> None:
    make_player()

    assert calculate_reward(rule=make_rule(status="DRAFT"), player_id="alice", on=ON) == 10


def test_where_the_conditions_do_not_hold_nothing_is_decided() -> None:
    make_player()

    assert apply_reward(player_id="alice", rule=make_rule(conditions={"segment": "VIP"}), on=ON) is None


def test_a_refusal_is_returned_with_its_reason() -> None:
    make_player()
    rule = make_rule(reward={"amount": 10**6})

    refused = apply_reward(player_id="alice", rule=rule, on=ON)

    assert refused is not None
    assert (refused.verdict, refused.reason) == ("REJECTED", "UNPROFITABLE")


def test_a_live_rule_gives_nothing_without_what_it_waits_for() -> None:
    make_player()
    rule = make_rule(is_live=True, trigger="DEPOSIT")

    with pytest.raises(RuleNotInForceError, match="it gives something when DEPOSIT happens; report that instead"):
        apply_reward(player_id="alice", rule=rule, on=ON)
    assert not RewardDecision.objects.exists()


@pytest.mark.parametrize("act", [apply_reward, evaluate_rule])
def test_an_unknown_player_is_named(act: object) -> None:
    assert callable(act)
    with pytest.raises(NotFoundError, match="there is no active player 'nobody'"):
        act(player_id="nobody", rule=make_rule(), on=ON)
