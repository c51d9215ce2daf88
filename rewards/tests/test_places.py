"""Places: a rule with `max_players` never pays more different players, whoever asks at once; unused places go back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction

from core.tests.threads import run_together
from loyalty.pipeline import process_players
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.budgets import settle_budget
from rewards.models import RewardDecision, RewardRule, RuleAllocation, RulePlace
from rewards.occasions import occasion_of_night
from rewards.places import places_used, release_places
from rewards.rules import active_rules
from rewards.tests.factories import allocate, evaluate, issue, make_player, make_rule, verdicts
from wallet.models import LedgerEntry

TOMORROW = ON + timedelta(days=1)


def make_players(count: int) -> None:
    for number in range(count):
        make_player(f"P{number:02d}")


def paid() -> set[str]:
    return set(RewardDecision.objects.filter(amount_given__gt=0).values_list("player_id", flat=True))


@pytest.mark.django_db
def test_a_rule_pays_no_more_different_players_than_it_may() -> None:
    make_players(8)
    make_rule(max_players=3)

    assert evaluate() == {"APPROVED": 3, "REJECTED": 5}

    reasons = sorted(row.reasons[0]["place"] for row in RewardDecision.objects.filter(reason="MAX_PLAYERS"))
    assert reasons == [4, 5, 6, 7, 8]
    refused = RewardDecision.objects.filter(reason="MAX_PLAYERS").latest("id")
    assert refused.reasons[0]["max_players"] == refused.reasons[0]["places_left"] == 3


@pytest.mark.django_db
def test_who_was_paid_before_needs_no_place_and_nobody_else_gets_one() -> None:
    make_players(6)
    make_rule(max_players=2, frequency_period="DAY")
    evaluate(ON)
    first = paid()

    assert evaluate(TOMORROW) == {"APPROVED": 2, "REJECTED again": 4}

    assert paid() == first
    assert places_used(rule_number=RewardRule.objects.get().number) == 2
    assert LedgerEntry.objects.count() == 4


@pytest.mark.django_db
def test_a_place_that_was_not_used_goes_to_the_next_player() -> None:
    make_players(3)
    make_rule(max_players=1, frequency_period="DAY")
    run = allocate()
    lucky = RuleAllocation.objects.get(run_id=run.pk, amount_given__gt=0).player_id
    restrict(Player.objects.get(pk=lucky))

    assert issue(run) == {"REJECTED": 3}
    assert not RulePlace.objects.exists()

    assert evaluate(TOMORROW)["APPROVED"] == 1
    assert lucky not in paid()


@pytest.mark.django_db
def test_players_whom_the_budget_does_not_reach_take_no_place() -> None:
    make_players(6)
    make_rule(max_players=4, total_budget=20)

    assert evaluate() == {"APPROVED": 2, "REJECTED": 4}

    assert RulePlace.objects.filter(is_paid=True).count() == RulePlace.objects.count() == 2
    assert sorted(RewardDecision.objects.filter(amount_given=0).values_list("reason", flat=True)) == [
        "BUDGET",
        "BUDGET",
        "MAX_PLAYERS",
        "MAX_PLAYERS",
    ]


@pytest.mark.django_db
def test_held_out_players_take_no_place() -> None:
    make_players(4)
    make_rule(max_players=2, holdout_percent=100)

    evaluate()

    assert RewardDecision.objects.filter(verdict="HELD_OUT").count() == 4
    assert not RulePlace.objects.exists()


@pytest.mark.django_db
def test_a_limit_set_later_counts_those_who_were_paid_before() -> None:
    make_players(3)
    make_rule(frequency_period="DAY")
    evaluate(ON)
    for number in range(3, 6):
        make_player(f"P{number:02d}")
    make_rule(frequency_period="DAY", max_players=4)

    assert evaluate(TOMORROW) == {"APPROVED": 4, "REJECTED": 2}

    assert {"P00", "P01", "P02"} < paid()
    assert RewardRule.objects.get().are_places_counted


@pytest.mark.django_db
def test_a_limit_taken_off_and_set_again_counts_those_who_were_paid_between() -> None:
    make_players(2)
    make_rule(frequency_period="DAY", max_players=1)
    evaluate(ON)
    make_rule(frequency_period="DAY", max_players=None)
    evaluate(TOMORROW)
    make_rule(frequency_period="DAY", max_players=2)
    make_player("P02")

    evaluate(TOMORROW + timedelta(days=1))

    assert paid() == {"P00", "P01"}
    assert verdicts("P02") == {"GIFT": "REJECTED MAX_PLAYERS"}


@pytest.mark.django_db
def test_a_run_that_is_begun_again_gives_its_places_back() -> None:
    make_players(2)
    make_rule(max_players=1)
    run = allocate()
    assert RulePlace.objects.count() == 1

    release_places(run_id=run.pk)

    assert not RulePlace.objects.exists()


@pytest.mark.django_db
def test_perks_that_wait_for_approval_take_places() -> None:
    make_players(3)
    make_rule(reward={"type": "VIP_PERKS", "amount": 1}, max_players=2)

    assert evaluate() == {"PENDING_REVIEW": 2, "REJECTED": 1}
    assert RulePlace.objects.filter(is_paid=True).count() == 2


@pytest.mark.django_db(transaction=True)
def test_eight_players_who_ask_at_once_for_three_places_get_three() -> None:
    make_players(8)
    make_rule(max_players=3)

    outcomes = run_together(*[lambda name=f"P{n:02d}": process_players(player_ids=[name], on=ON) for n in range(8)])

    assert [outcome for outcome in outcomes if isinstance(outcome, BaseException)] == []
    assert len(paid()) == LedgerEntry.objects.count() == 3
    assert RulePlace.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_two_runs_that_reserve_one_player_use_one_place_and_give_back_only_their_own() -> None:
    make_players(1)
    make_rule(max_players=1)
    with transaction.atomic():
        run = allocate(TOMORROW)
    process_players(player_ids=["P00"], on=ON)
    number = RewardRule.objects.get().number
    assert (RulePlace.objects.count(), places_used(rule_number=number)) == (2, 1)

    with transaction.atomic():
        assert issue(run) == {"REJECTED": 1}

    assert RulePlace.objects.get().is_paid
    with transaction.atomic():
        settle_budget(active_rules(on=ON)[0], occasion=occasion_of_night(run_id=run.pk, on=TOMORROW))
    assert places_used(rule_number=number) == 1
