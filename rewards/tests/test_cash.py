"""Cashback paid as cash: an outgoing event and no lot, and it counts wherever a credited reward does."""

from __future__ import annotations

from typing import Any

import pytest

from core.models import OutboxEvent
from core.policies import save_policy
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.models import RewardDecision, RewardHistory, RuleBudgetDay
from rewards.problems import RuleInvalidError
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.caps import check_reward_caps, granted_value
from safety.models import CashGrant
from wallet.models import LedgerEntry, Lot
from wallet.reconciliation import reconcile

pytestmark = pytest.mark.django_db


def make_cash_rule(rule_id: str = "GIFT", **content: Any) -> None:
    reward = {"type": "CASHBACK", "formula": "net_loss * 0.01", "max_amount": 500, "withdrawable": True}
    make_rule(rule_id, reward=reward, **content)


def test_the_platform_is_told_to_pay_and_nothing_is_credited() -> None:
    make_player()
    make_cash_rule()

    # 15,000 − 12,000 lost, of which 1 %.
    assert evaluate() == {"APPROVED": 1}

    row, event, history = decision(), OutboxEvent.objects.get(), RewardHistory.objects.get()
    assert row.amount_given == row.money_value == row.expected_cost == 30
    assert event.topic == "reward.cash"
    assert event.payload == {
        "player_id": "alice",
        "amount": "30.00",
        "currency": "EUR",
        "rule_id": "GIFT",
        "decision_id": row.pk,
        "business_date": "2025-12-21",
    }
    assert (history.currency_type, history.status) == ("CASH", "COMPLETED")
    assert history.amount == 30
    assert (history.decision_id, history.lot_id, history.metadata) == (row.pk, None, {"event_key": event.key})
    assert history.completed_at == history.issued_at
    assert not LedgerEntry.objects.exists()
    assert not Lot.objects.exists()
    assert reconcile()["entries"] == 0


def test_cash_counts_towards_caps_and_budget() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="35", saved_by=None)
    make_player()
    make_cash_rule(total_budget=100)
    evaluate()

    assert granted_value(player_id="alice", since=ON, until=ON) == 30
    assert check_reward_caps(player_id="alice", on=ON) == 5
    assert RuleBudgetDay.objects.get().given_value == 30

    make_rule("LATER")
    evaluate()
    assert decision(rule_id="LATER").amount_given == 5


def test_cash_counts_towards_what_a_player_has_cost() -> None:
    make_player()
    make_cash_rule()
    evaluate()
    # 15,000 ÷ (25 + 10) × 6 × 1.8 × 0.05 = 231.43 expected of a bonus: 30 in cash leave less than 201.43.
    make_rule("JUST", reward={"amount": "201.43"})
    make_rule("BELOW", reward={"amount": "201.42"})

    evaluate()

    assert verdicts() == {"GIFT": "APPROVED", "JUST": "REJECTED UNPROFITABLE", "BELOW": "APPROVED"}


def test_cash_given_meanwhile_crowds_out_of_a_cap() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="35", saved_by=None)
    make_player()
    make_rule("LATER")
    run = allocate()
    make_rule("LATER", status="PAUSED")
    make_cash_rule()
    evaluate()
    make_rule("LATER", status="ACTIVE")

    assert issue(run) == {"REJECTED": 1}
    assert verdicts()["LATER"] == "REJECTED CAP"


def test_a_player_restricted_meanwhile_is_told_nothing() -> None:
    make_player("alice")
    make_player("bob")
    make_cash_rule(total_budget=100)
    run = allocate()
    restrict(Player.objects.get(pk="alice"))

    assert issue(run) == {"APPROVED": 1, "REJECTED": 1}

    assert decision("alice").reasons == [{"code": "RESTRICTED", "restriction": "SELF_EXCLUDED"}]
    assert OutboxEvent.objects.get().payload["player_id"] == "bob"
    assert CashGrant.objects.get().player_id == RewardHistory.objects.get().player_id == "bob"
    assert RuleBudgetDay.objects.get().given_value == 30


def test_cash_and_credit_of_one_run_are_both_given_once() -> None:
    make_player()
    make_cash_rule()
    make_rule("CREDIT")
    run = allocate()

    assert issue(run) == {"APPROVED": 2}
    assert issue(run) == {}
    assert evaluate() == {}

    assert OutboxEvent.objects.count() == LedgerEntry.objects.count() == CashGrant.objects.count() == 1
    assert RewardHistory.objects.count() == RewardDecision.objects.count() == 2


@pytest.mark.parametrize(
    ("reward", "path"),
    [
        ({"type": "BONUS_BALANCE", "amount": 5, "withdrawable": True}, "reward_config.withdrawable"),
        ({"type": "CASHBACK", "amount": 5, "withdrawable": "yes"}, "reward_config.withdrawable"),
        ({"type": "CASHBACK", "amount": 5, "withdrawable": True, "max_bet": 5}, "reward_config.max_bet"),
        (
            {"type": "CASHBACK", "amount": 5, "withdrawable": True, "wagering_requirement": 1},
            "reward_config.wagering_requirement",
        ),
        ({"type": "CASHBACK", "amount": 5, "withdrawable": True, "expiry_hours": 1}, "reward_config.expiry_hours"),
    ],
)
def test_only_cashback_without_conditions_is_withdrawable(reward: dict[str, object], path: str) -> None:
    with pytest.raises(RuleInvalidError) as refused:
        make_rule(reward=reward)

    assert [problem.path for problem in refused.value.problems] == [path]


def test_cashback_that_may_not_be_withdrawn_is_a_lot_as_before() -> None:
    make_player()
    make_rule(reward={"type": "CASHBACK", "amount": 5, "withdrawable": False, "wagering_requirement": 2})

    evaluate()

    assert Lot.objects.get().kind == "CASHBACK"
    assert not OutboxEvent.objects.exists()
