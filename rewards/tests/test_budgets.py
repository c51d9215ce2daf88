"""Budgets: never overspent, the last of one drawn by a stable hash, and what is not given goes back."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from threading import Thread
from typing import Any

import pytest
from django.db import connection, transaction

from core.policies import save_policy
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.allocation import allocate_rules
from rewards.budgets import budget_room, recount_budgets, settle_budget
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.judging import judge_matches
from rewards.models import RewardDecision, RuleAllocation, RuleBudgetDay
from rewards.occasions import occasion_of_night
from rewards.rules import active_rules
from rewards.tests.factories import allocate, evaluate, issue, make_player, make_rule, new_run, verdicts
from wallet.bonuses import add_bonus_balance

TOMORROW = ON + timedelta(days=1)


def make_players(count: int) -> None:
    for number in range(count):
        make_player(f"P{number:02d}")


def given(on: date = ON) -> set[str]:
    rows = RewardDecision.objects.filter(first_on=on, amount_given__gt=0)
    return set(rows.values_list("player_id", flat=True))


def spent(on: date = ON, rule_id: str = "GIFT") -> tuple[Any, int]:
    day = RuleBudgetDay.objects.get(rule_id=rule_id, on=on)
    return day.given_value, day.given_count


@pytest.mark.django_db
def test_a_daily_budget_is_for_its_business_date() -> None:
    make_players(8)
    make_rule(daily_budget=35, frequency_period="DAY")

    assert evaluate(ON) == {"APPROVED": 3, "REJECTED": 5}
    assert evaluate(TOMORROW)["APPROVED"] == 3

    assert spent(ON) == spent(TOMORROW) == (30, 3)


@pytest.mark.django_db
def test_a_total_budget_is_for_ever() -> None:
    make_players(8)
    make_rule(total_budget=50, daily_budget=30, frequency_period="DAY")

    assert [len(given(on)) for on in (ON, TOMORROW, ON + timedelta(days=2)) if evaluate(on)] == [3, 2, 0]


@pytest.mark.django_db
def test_who_is_beyond_the_budget_is_told_what_was_left_and_needed() -> None:
    make_players(3)
    make_rule(total_budget=15)

    evaluate()

    beyond = RewardDecision.objects.filter(reason="BUDGET")
    needed = sorted(row.reasons[0]["needed"] for row in beyond)
    assert needed == [20.0, 30.0]
    assert {row.reasons[0]["budget_left"] for row in beyond} == {15.0}
    assert {row.verdict for row in beyond} == {"REJECTED"}


@pytest.mark.django_db
def test_the_order_is_the_same_however_often_it_is_drawn_and_another_on_another_day() -> None:
    make_players(20)
    make_rule(daily_budget=100, frequency_period="DAY")

    def drawn(on: date) -> set[str]:
        run = allocate(on)
        rows = RuleAllocation.objects.filter(run_id=run.pk, amount_given__gt=0)
        found = set(rows.values_list("player_id", flat=True))
        RuleBudgetDay.objects.all().delete()
        return found

    first = drawn(ON)

    assert drawn(ON) == first
    assert len(first) == 10
    assert drawn(TOMORROW) != first


@pytest.mark.django_db
def test_a_budget_rule_leaves_room_to_later_rules_for_those_it_did_not_reach() -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="10", saved_by=None)
    make_players(4)
    make_rule("SCARCE", priority=2, total_budget=20, exclusive_group="one")
    make_rule("PLENTY", priority=1, exclusive_group="one")

    evaluate()

    assert sorted(" ".join(verdicts(f"P{number:02d}").values()) for number in range(4)) == [
        "APPROVED REJECTED EXCLUSIVE_GROUP",
        "APPROVED REJECTED EXCLUSIVE_GROUP",
        "REJECTED BUDGET APPROVED",
        "REJECTED BUDGET APPROVED",
    ]


@pytest.mark.django_db
def test_budgets_count_money_value_and_not_points() -> None:
    make_players(3)
    make_rule(reward={"type": "LOYALTY_POINTS", "amount": 100}, total_budget=2)

    assert evaluate() == {"APPROVED": 2, "REJECTED": 1}
    assert spent() == (2, 2)


@pytest.mark.django_db
def test_held_out_and_refused_players_consume_no_budget() -> None:
    make_players(6)
    make_player("Z-abuser", bonus_abuse_score=90)
    make_rule(total_budget=10, holdout_percent=100)

    evaluate()

    assert RewardDecision.objects.filter(verdict="HELD_OUT").count() == 7
    assert spent() == (0, 0)


@pytest.mark.django_db
def test_what_was_reserved_for_a_player_restricted_meanwhile_goes_back() -> None:
    make_players(4)
    make_rule(total_budget=20)
    run = allocate()
    lucky = RuleAllocation.objects.filter(run_id=run.pk, amount_given__gt=0).values_list("player_id", flat=True)
    assert spent() == (20, 2)
    restrict(Player.objects.get(pk=lucky[0]))

    assert issue(run) == {"APPROVED": 1, "REJECTED": 3}

    assert spent() == (10, 1)


@pytest.mark.django_db
def test_what_was_reserved_for_a_player_crowded_out_of_a_cap_goes_back() -> None:
    make_player()
    make_rule(total_budget=20)
    run = allocate()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="10", saved_by=None)
    add_bonus_balance(
        player_id="alice", amount=5, wagering_requirement=Decimal(0), expiry=None, key="k", actor="staff", on=ON
    )

    assert issue(run) == {"REJECTED": 1}

    assert verdicts() == {"GIFT": "REJECTED CAP"}
    assert spent() == (0, 0)


@pytest.mark.django_db
def test_a_budget_that_was_lowered_below_what_is_spent_gives_nothing_more() -> None:
    make_players(4)
    make_rule(total_budget=20, frequency_period="DAY")
    evaluate(ON)
    make_rule(total_budget=10, frequency_period="DAY")

    evaluate(TOMORROW)

    assert given(TOMORROW) == set()
    assert spent(TOMORROW) == (0, 0)


@pytest.mark.django_db
def test_a_recount_says_what_the_decisions_say() -> None:
    make_players(4)
    make_rule(total_budget=30)
    evaluate()
    RuleBudgetDay.objects.update(given_value=999, given_count=99)

    recount_budgets(on=ON)

    assert spent() == (30, 3)


@pytest.mark.django_db(transaction=True)
def test_two_who_settle_at_once_do_not_overspend() -> None:
    make_players(8)
    make_rule(total_budget=50)
    rule = active_rules(on=ON)[0]
    occasions = []
    for number in range(2):
        run = new_run(ON)
        occasion = occasion_of_night(run_id=run.pk, on=ON)
        half = [f"P{player:02d}" for player in range(number * 4, number * 4 + 4)]
        fill_facts(run_id=run.pk, on=ON, columns=needed_columns([rule]), player_ids=half)
        match_rules([rule], run_id=run.pk)
        judge_matches([rule], occasion=occasion)
        allocate_rules([rule], occasion=occasion)
        occasions.append(occasion)
    cuts: list[int] = []

    def settle(number: int) -> None:
        try:
            with transaction.atomic():
                cuts.append(settle_budget(rule, occasion=occasions[number]))
        finally:
            connection.close()

    # The first holds the rule's row; the second waits for it, and only then looks at what is left.
    with transaction.atomic():
        cuts.append(settle_budget(rule, occasion=occasions[0]))
        second = Thread(target=settle, args=(1,))
        second.start()
        second.join(timeout=0.5)
        assert second.is_alive()
    second.join(timeout=120)

    assert sorted(cuts) == [0, 3]
    assert spent() == (50, 5)
    room = budget_room(rule, occasion=occasions[0])
    assert room is not None
    assert room.left == 0
