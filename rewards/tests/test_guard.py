"""The guard over all rules: what they give a player together in any window of days, whatever the caps leave."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import transaction

from core.policies import save_policy
from players.tests.factories import AT, ON
from rewards.events import activity_event, evaluate_events
from rewards.models import RewardDecision
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player, make_rule, verdicts
from safety.grants import credit_bonus
from wallet.corrections import reverse_operation
from wallet.models import LedgerEntry, Operation

pytestmark = pytest.mark.django_db


def guard(value: str, *, days: int = 7) -> None:
    save_policy(name="RULE_GUARD_VALUE", value=value, saved_by=None)
    save_policy(name="RULE_GUARD_DAYS", value=str(days), saved_by=None)


def test_a_reward_is_cut_to_what_the_guard_leaves_and_the_next_rule_gets_nothing() -> None:
    guard("15")
    make_player()
    make_rule("FIRST", priority=3)
    make_rule("SECOND", priority=2)
    make_rule("THIRD", priority=1)

    evaluate()

    assert verdicts() == {"FIRST": "APPROVED", "SECOND": "REDUCED", "THIRD": "REJECTED RULE_GUARD"}
    assert decision(rule_id="SECOND").amount_given == 5
    assert decision(rule_id="SECOND").reasons == [{"code": "RULE_GUARD_CUT", "room": 5.0, "from": 10.0, "to": 5.0}]
    assert decision(rule_id="THIRD").reasons == [{"code": "RULE_GUARD", "room": 0.0}]


def test_rewards_of_the_window_count_and_older_ones_do_not() -> None:
    guard("15", days=3)
    make_player()
    make_rule(frequency_period="DAY")

    given = [evaluate(ON + timedelta(days=day)) and decision().amount_given for day in range(5)]

    # 10; 15 − 10 = 5; 15 − 15 = 0; the first is out: 10; the second is out: 15 − 10 = 5.
    assert given == [10, 5, 0, 10, 5]


def test_rewards_of_later_dates_count_for_an_earlier_one() -> None:
    guard("15", days=3)
    make_player()
    make_rule("LATER", starts_on=ON + timedelta(days=2))
    make_rule("EARLIER", ends_on=ON)
    evaluate(ON + timedelta(days=2))

    evaluate(ON)

    assert decision(rule_id="EARLIER").amount_given == 5


def test_cash_paid_for_one_event_counts_for_the_next() -> None:
    guard("15")
    make_player()
    cash = {"type": "CASHBACK", "amount": 8, "withdrawable": True}
    make_rule(reward=cash, is_live=True, trigger="DEPOSIT", frequency_period="DAY", frequency_max=9)

    for number in ("1", "2", "3"):
        event = activity_event(player_id="alice", trigger="DEPOSIT", source="feed", event_id=number)
        evaluate_events([event], on=ON, at=AT)

    given = RewardDecision.objects.order_by("id").values_list("amount_given", flat=True)
    # 8; 15 − 8 = 7; 15 − 15 = 0.
    assert list(given) == [8, 7, 0]


def test_credits_by_hand_do_not_count() -> None:
    guard("10")
    make_player()
    make_rule()
    credit_bonus(player_id="alice", amount=50, wagering_requirement=Decimal(0), expiry=None, key="k", actor="staff")

    evaluate()

    assert verdicts() == {"GIFT": "APPROVED"}


def test_a_reward_that_was_taken_back_counts_no_more() -> None:
    guard("10")
    make_player()
    make_rule(frequency_period="DAY")
    evaluate()
    reverse_operation(operation_id=Operation.objects.get().pk, reason="A mistake", key="undo", actor="staff")

    evaluate(ON + timedelta(days=1))

    assert decision().amount_given == 10


@pytest.mark.parametrize(("value", "days"), [("0", 7), ("5", 0)])
def test_without_value_or_days_there_is_no_guard(value: str, days: int) -> None:
    guard(value, days=days)
    make_player()
    make_rule()

    evaluate()

    assert verdicts() == {"GIFT": "APPROVED"}


def test_the_caps_say_their_own_reason_where_they_are_tighter() -> None:
    guard("500")
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="4", saved_by=None)
    make_player()
    make_rule()

    evaluate()

    assert decision().reasons == [{"code": "CAP_CUT", "room": 4.0, "from": 10.0, "to": 4.0, "cap": "day"}]


def test_what_another_run_gave_meanwhile_is_seen_under_the_lock() -> None:
    guard("15", days=7)
    make_player()
    make_rule("GIFT", priority=1)
    with transaction.atomic():
        run = allocate(ON + timedelta(days=1))
    make_rule("OTHER", priority=2)
    make_rule("GIFT", status="PAUSED")
    evaluate(ON)
    make_rule("GIFT", status="ACTIVE")
    make_rule("OTHER", status="PAUSED")

    assert issue(run) == {"REJECTED": 1}

    refused = RewardDecision.objects.get(rule__rule_id="GIFT")
    assert (refused.verdict, refused.reason) == ("REJECTED", "RULE_GUARD")
    assert refused.reasons == [{"code": "RULE_GUARD", "room": 5.0, "guard": 15.0, "days": 7}]
    assert LedgerEntry.objects.count() == 1
