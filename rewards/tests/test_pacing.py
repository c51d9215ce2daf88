"""Pacing: a total budget is spread over the days it has left, and what a day does not use carries over."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import given
from hypothesis import strategies as st

from core.tests.threads import run_together
from loyalty.pipeline import process_players
from players.tests.factories import ON
from rewards.budgets import budget_room, paced_allowance
from rewards.models import RewardDecision, RuleBudgetDay
from rewards.occasions import occasion_of_night
from rewards.problems import RuleInvalidError
from rewards.rules import active_rules
from rewards.tests.factories import allocate, evaluate, issue, make_player, make_rule, new_run

CENT = Decimal("0.01")
amounts = st.decimals(min_value=0, max_value=10**9, places=2, allow_nan=False, allow_infinity=False)


def make_players(count: int) -> None:
    for number in range(count):
        make_player(f"P{number:02d}")


def make_paced_rule(**content: Any) -> None:
    paced: dict[str, Any] = {
        "total_budget": 100,
        "budget_pacing": "EVEN",
        "starts_on": ON,
        "ends_on": ON + timedelta(days=3),
    }
    make_rule(**{"frequency_period": "DAY", **paced, **content})


def given_on(day: int) -> int:
    return RewardDecision.objects.filter(first_on=ON + timedelta(days=day), amount_given__gt=0).count()


@pytest.mark.django_db
def test_each_day_gives_its_share_and_what_it_leaves_is_spread_over_the_rest() -> None:
    make_players(12)
    make_paced_rule()

    # 100 ÷ 4 = 25.00: two of ten. 80 ÷ 3 = 26.67: two. 60 ÷ 2 = 30.00: three. The last day may give the 30 left.
    for day in range(4):
        evaluate(ON + timedelta(days=day))

    assert [given_on(day) for day in range(4)] == [2, 2, 3, 3]


@pytest.mark.django_db
def test_a_day_on_which_nobody_plays_leaves_its_share_to_the_others() -> None:
    make_players(12)
    make_paced_rule()

    # Nothing on two days: 100 ÷ 2 = 50.00.
    evaluate(ON + timedelta(days=2))

    assert given_on(2) == 5


@pytest.mark.django_db
def test_who_comes_after_the_days_share_is_told_the_figures() -> None:
    make_players(4)
    make_paced_rule()

    evaluate()

    refused = RewardDecision.objects.filter(reason="PACING")
    assert sorted(row.reasons[0]["needed"] for row in refused) == [30.0, 40.0]
    assert {name: refused[0].reasons[0][name] for name in ("allowance", "total_left", "days_left", "budget_left")} == {
        "allowance": 25.0,
        "total_left": 100.0,
        "days_left": 4,
        "budget_left": 25.0,
    }


@pytest.mark.django_db
def test_a_daily_budget_below_the_share_still_holds() -> None:
    make_players(4)
    make_paced_rule(daily_budget=10)

    evaluate()

    assert given_on(0) == 1
    assert RewardDecision.objects.filter(reason="BUDGET").count() == 3


@pytest.mark.django_db
def test_what_a_day_has_given_counts_against_its_share_of_the_same_day() -> None:
    make_players(4)
    make_paced_rule()
    evaluate()
    rule, occasion = active_rules(on=ON)[0], occasion_of_night(run_id=1, on=ON)

    room = budget_room(rule, occasion=occasion)
    assert room is not None
    assert (str(room.left), room.code, str(room.figures["allowance"])) == ("5.00", "PACING", "25.00")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("content", "suggestion"),
    [
        ({"total_budget": None}, "set total_budget, or choose NONE"),
        ({"ends_on": None}, "set ends_on, or choose NONE"),
        ({"budget_pacing": "FAST"}, "one of NONE, EVEN"),
    ],
)
def test_a_pace_needs_a_total_and_an_end(content: dict[str, object], suggestion: str) -> None:
    with pytest.raises(RuleInvalidError) as refused:
        make_paced_rule(**content)

    assert [(problem.path, problem.suggestion) for problem in refused.value.problems] == [("budget_pacing", suggestion)]


def test_the_share_is_rounded_up_to_the_cent() -> None:
    assert paced_allowance(Decimal(100), days_left=3) == Decimal("33.34")
    assert paced_allowance(Decimal("66.66"), days_left=2) == Decimal("33.33")
    assert paced_allowance(Decimal("33.33"), days_left=1) == Decimal("33.33")
    assert paced_allowance(Decimal(-5), days_left=3) == 0
    assert paced_allowance(Decimal(7), days_left=-4) == 7


@given(total=amounts, days=st.integers(min_value=1, max_value=400))
def test_days_that_give_all_they_may_give_the_budget_exactly_and_evenly(total: Decimal, days: int) -> None:
    left, shares = total, []
    for day in range(days):
        shares.append(paced_allowance(left, days_left=days - day))
        left -= shares[-1]

    assert sum(shares) == total
    assert max(shares) - min(shares) <= CENT


@given(total=amounts, used=st.lists(st.decimals(min_value=0, max_value=1, places=3), min_size=1, max_size=60))
def test_whatever_days_use_the_budget_holds_and_unused_money_is_never_lost(total: Decimal, used: list[Decimal]) -> None:
    left = total
    for day, rate in enumerate(used):
        allowance = paced_allowance(left, days_left=len(used) - day)
        assert 0 <= allowance <= left
        assert allowance * (len(used) - day) >= left
        left -= (allowance * rate).quantize(CENT, rounding="ROUND_DOWN")

    assert left >= 0
    assert paced_allowance(left, days_left=1) == left


@pytest.mark.django_db(transaction=True)
def test_eight_players_who_ask_at_once_do_not_overspend_the_day() -> None:
    make_players(8)
    make_paced_rule()

    outcomes = run_together(*[lambda name=f"P{n:02d}": process_players(player_ids=[name], on=ON) for n in range(8)])

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert given_on(0) == 2
    assert RuleBudgetDay.objects.get().given_value == 20


@pytest.mark.django_db
def test_what_a_day_does_not_use_after_all_is_there_again() -> None:
    make_players(4)
    make_paced_rule()
    run = allocate()
    assert RuleBudgetDay.objects.get().given_value == 20
    with transaction.atomic():
        make_rule("OTHER")
        issue(run)
    RuleBudgetDay.objects.update(given_value=0, given_count=0)

    rule = active_rules(on=ON)[0]
    assert rule.rule_id == "GIFT"
    room = budget_room(rule, occasion=occasion_of_night(run_id=new_run().pk, on=ON))
    assert room is not None
    assert room.left == 25
