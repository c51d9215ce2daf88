"""Tiers follow the points ever earned, by the environment's thresholds or staff's."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import run_together
from players.models import Player, Tier, TierChange
from players.tests.factories import ON, make_player
from rewards.tests.factories import new_run
from rewards.tiers import evaluate_tiers, tier_thresholds
from wallet.models import LoyaltyBalance

pytestmark = pytest.mark.django_db


def make_holder(player_id: str, earned: str, *, tier: str = "BRONZE", balance: str = "0.00") -> None:
    player = make_player(player_id, tier=tier)
    LoyaltyBalance.objects.create(player=player, lp_earned=Decimal(earned), lp_balance=Decimal(balance))


def tier_of(player_id: str) -> str:
    return Player.objects.get(pk=player_id).tier


@pytest.mark.parametrize(
    ("earned", "tier"),
    [
        ("0.00", "BRONZE"),
        ("999.99", "BRONZE"),
        ("1000.00", "SILVER"),
        ("9999.99", "SILVER"),
        ("10000.00", "GOLD"),
        ("49999.99", "GOLD"),
        ("50000.00", "PLATINUM"),
        ("99999999.00", "PLATINUM"),
    ],
)
def test_the_documented_ranges_have_no_gap(earned: str, tier: str) -> None:
    make_holder("alice", earned)

    evaluate_tiers(on=ON)

    assert tier_of("alice") == tier


def test_points_spent_do_not_cost_a_tier() -> None:
    make_holder("alice", "12000.00", balance="3.00")

    evaluate_tiers(on=ON)

    assert tier_of("alice") == "GOLD"


def test_a_player_without_a_balance_is_in_the_lowest_tier() -> None:
    make_player("alice", tier="GOLD")

    assert evaluate_tiers(on=ON) == 1

    assert tier_of("alice") == "BRONZE"


def test_only_what_changes_is_written_and_each_change_is_kept() -> None:
    make_holder("alice", "1000.00")
    make_holder("bob", "50000.00", tier="PLATINUM")
    run = new_run()

    assert evaluate_tiers(on=ON, run_id=run.pk) == 1
    assert evaluate_tiers(on=ON, run_id=run.pk) == 0

    change = TierChange.objects.get()
    assert (change.player_id, change.tier_before, change.tier_after) == ("alice", "BRONZE", "SILVER")
    assert (change.on, change.run_id) == (ON, run.pk)


@pytest.mark.django_db(transaction=True)
def test_two_who_rank_at_once_write_each_change_once() -> None:
    for number in range(200):
        make_holder(f"player{number:03}", "1000.00")

    changed = run_together(*[lambda: evaluate_tiers(on=ON)] * 4)

    assert sum(changed) == 200
    assert TierChange.objects.count() == 200


def test_a_range_or_named_players_alone() -> None:
    for player_id in ("alice", "bob", "dora"):
        make_holder(player_id, "1000.00")

    assert evaluate_tiers(on=ON, keys=KeyRange(lower="b", upper="d")) == 1
    assert evaluate_tiers(on=ON, player_ids=["dora"]) == 1
    assert [tier_of(player_id) for player_id in ("alice", "bob", "dora")] == ["BRONZE", "SILVER", "SILVER"]


def test_the_environments_threshold_holds_until_staff_save_the_tier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIER_SILVER_LP", "500")
    make_holder("alice", "600.00")

    evaluate_tiers(on=ON)
    assert tier_of("alice") == "SILVER"

    Tier.objects.filter(tier_level="SILVER").update(lp_min=700, is_saved_by_staff=True)
    evaluate_tiers(on=ON)
    assert tier_of("alice") == "BRONZE"


def test_a_saved_policy_holds_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIER_GOLD_LP", "5000")
    save_policy(name="TIER_GOLD_LP", value="20000", saved_by=None)

    assert tier_thresholds() == {"BRONZE": 0, "SILVER": 1000, "GOLD": 20000, "PLATINUM": 50000}


def test_staff_may_add_a_tier_above_or_between() -> None:
    Tier.objects.create(tier_level="DIAMOND", lp_min=100_000, is_saved_by_staff=True)
    Tier.objects.create(tier_level="RUBY", lp_min=20_000, is_saved_by_staff=True)
    make_holder("alice", "100000.00")
    make_holder("bob", "20000.00", tier="GOLD")

    evaluate_tiers(on=ON)

    assert (tier_of("alice"), tier_of("bob")) == ("DIAMOND", "RUBY")
