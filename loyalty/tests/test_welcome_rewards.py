"""Welcome rewards: a live rule that waits for a tier, decided by the night and by batch runs once per tier ever."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.tests.threads import run_together
from loyalty.pipeline import open_night, process_players, work_on_night
from loyalty.tests import cast
from players.models import Player, Tier
from players.tests.factories import restrict
from rewards.models import RewardDecision, RewardRule, RuleBudgetDay
from wallet.models import LoyaltyBalance
from wallet.points import add_loyalty_points

ON = date(2025, 12, 21)


def make_welcome(level: str = "SILVER", amount: int = 25, **content: Any) -> RewardRule:
    return cast.make_rule(
        f"WELCOME_{level}",
        is_live=True,
        trigger="TIER_REACHED",
        conditions={"tier": level},
        reward_config={"type": "BONUS_BALANCE", "amount": amount},
        **content,
    )


def earn(points: int, *, player_id: str = "alice", key: str = "earned") -> None:
    add_loyalty_points(player_id=player_id, amount=points, source="Play", key=f"{player_id}:{key}", actor="tests")


def night(on: date = ON) -> None:
    work_on_night(open_night(business_date=on))


def bonus(player_id: str = "alice") -> Decimal:
    return LoyaltyBalance.objects.get(player=player_id).bonus_balance


def welcomes() -> list[tuple[str, str, str]]:
    rows = RewardDecision.objects.order_by("id").values_list("rule__rule_id", "occasion", "verdict")
    return [(str(rule), str(occasion), str(verdict)) for rule, occasion, verdict in rows]


@pytest.mark.django_db
def test_the_night_welcomes_whom_it_lifts() -> None:
    cast.make_player("alice")
    cast.make_player("bob")
    earn(1500)
    earn(10, player_id="bob")
    make_welcome()

    night()

    assert welcomes() == [("WELCOME_SILVER", "tier:SILVER", "APPROVED")]
    assert (bonus(), bonus("bob")) == (Decimal("25.00"), Decimal("0.00"))


@pytest.mark.django_db
def test_who_holds_the_tier_already_is_not_welcomed() -> None:
    cast.make_player("alice", tier="SILVER")
    earn(1500)
    make_welcome()

    night()

    assert welcomes() == []


@pytest.mark.django_db
def test_falling_and_rising_again_pays_nothing_more() -> None:
    cast.make_player("alice")
    earn(1500)
    make_welcome(frequency_period="DAY")
    night()
    silver = Tier.objects.get(tier_level="SILVER")

    Tier.objects.filter(pk=silver.pk).update(lp_min=5000, is_saved_by_staff=True)
    night(ON + timedelta(days=1))
    assert Player.objects.get(pk="alice").tier == "BRONZE"
    Tier.objects.filter(pk=silver.pk).update(lp_min=1000)
    night(ON + timedelta(days=2))

    assert Player.objects.get(pk="alice").tier == "SILVER"
    assert welcomes() == [("WELCOME_SILVER", "tier:SILVER", "APPROVED")]


@pytest.mark.django_db
def test_who_jumps_a_tier_is_welcomed_into_the_one_reached() -> None:
    cast.make_player("alice")
    earn(15000)
    make_welcome("SILVER")
    make_welcome("GOLD", amount=40)

    night()

    assert welcomes() == [("WELCOME_GOLD", "tier:GOLD", "APPROVED")]
    assert bonus() == Decimal("40.00")


@pytest.mark.django_db
def test_safety_and_limits_hold_for_a_welcome() -> None:
    for player_id in ("alice", "bob", "dora", "erin"):
        cast.make_player(player_id)
        earn(1500, player_id=player_id)
    make_welcome(total_budget=50)
    restrict(Player.objects.get(pk="dora"), "COOL_OFF")

    night()

    verdicts = dict(RewardDecision.objects.values_list("player_id", "reason"))
    assert verdicts["dora"] == "RESTRICTED"
    assert sorted(verdicts.values()) == ["", "", "BUDGET", "RESTRICTED"]
    assert RuleBudgetDay.objects.get().given_value == Decimal("50.00")


@pytest.mark.django_db
def test_a_held_out_player_is_measured_and_gets_nothing() -> None:
    cast.make_player("alice")
    earn(1500)
    make_welcome(holdout_percent=100)

    night()

    assert welcomes() == [("WELCOME_SILVER", "tier:SILVER", "HELD_OUT")]


@pytest.mark.django_db
def test_a_batch_run_welcomes_and_the_night_does_not_again() -> None:
    cast.make_player("alice")
    earn(1500)
    make_welcome()

    counts = process_players(player_ids=["alice"], on=ON)
    night()

    assert counts["welcome rewards"] == {"APPROVED": 1}
    assert bonus() == Decimal("25.00")


@pytest.mark.django_db(transaction=True)
def test_a_night_and_batch_runs_at_once_welcome_once() -> None:
    players = [f"player{number}" for number in range(6)]
    for player_id in players:
        cast.make_player(player_id)
        earn(1500, player_id=player_id)
    make_welcome(frequency_period="DAY", frequency_max=9)

    run_together(night, *[lambda: process_players(player_ids=players, on=ON)] * 3)

    assert [bonus(player_id) for player_id in players] == [Decimal("25.00")] * 6
    assert RewardDecision.objects.count() == 6
