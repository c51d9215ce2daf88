"""What a changed tier would do, before it is saved."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError
from core.policies import save_policy
from core.runs import ALL_KEYS
from players.models import Player, Tier
from players.tests.factories import ON, make_day
from players.tiers import save_tier
from rewards.tests.factories import make_player, make_rule
from rewards.tier_preview import TierPreview, preview_tier
from rewards.tiers import evaluate_tiers
from safety.models import UnitValue
from wallet.models import LoyaltyBalance
from wallet.tests.factories import credit

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def three_players() -> None:
    """Alice has earned 600 and is BRONZE, bob 1500 and SILVER, dora 12000 and GOLD; a point is worth 0.01."""
    UnitValue.objects.update_or_create(currency_type="LP", defaults={"money_value": Decimal("0.01")})
    for player_id, earned, tier in (("alice", 600, "BRONZE"), ("bob", 1500, "SILVER"), ("dora", 12000, "GOLD")):
        player = make_player(player_id, tier=tier)
        LoyaltyBalance.objects.create(player=player, lp_earned=Decimal(earned))


def preview(level: str, **change: Any) -> TierPreview:
    tier = Tier.objects.get(tier_level=level)
    given = {"lp_min": tier.lp_min, "benefits": tier.benefits, **change}
    return preview_tier(tier_id=tier.pk, tier_level=level, on=ON, **given)


def moves(shown: TierPreview) -> list[tuple[str, str, int]]:
    return [(move.tier_before, move.tier_after, move.players) for move in shown.moves]


def test_a_lowered_threshold_lifts_those_it_reaches() -> None:
    shown = preview("SILVER", lp_min=500)

    assert moves(shown) == [("BRONZE", "SILVER", 1)]
    assert shown.players_moving == 1
    counts = [(one.level, one.lp_min, one.before, one.after) for one in shown.by_tier]
    assert counts == [("BRONZE", 0, 1, 0), ("SILVER", 500, 1, 2), ("GOLD", 10000, 1, 1), ("PLATINUM", 50000, 0, 0)]


def test_what_is_shown_is_what_saving_it_then_does() -> None:
    shown = preview("GOLD", lp_min=1200)
    gold = Tier.objects.get(tier_level="GOLD")

    save_tier(tier_id=gold.pk, tier_level="GOLD", lp_min=1200, benefits=gold.benefits)
    changed = evaluate_tiers(on=ON, keys=ALL_KEYS)

    assert changed == shown.players_moving == 1
    assert Player.objects.get(pk="bob").tier == "GOLD"


def test_nothing_is_written() -> None:
    preview("SILVER", lp_min=500)

    assert Tier.objects.get(tier_level="SILVER").lp_min == 1000
    assert Player.objects.get(pk="alice").tier == "BRONZE"


def test_moves_that_come_anyway_are_not_the_changes() -> None:
    LoyaltyBalance.objects.filter(player="alice").update(lp_earned=Decimal(5000))

    shown = preview("PLATINUM", lp_min=60000)

    assert moves(shown) == []
    assert [one.before for one in shown.by_tier] == [0, 2, 1, 0]


def test_with_grace_a_raised_threshold_moves_nobody_yet() -> None:
    save_policy(name="TIER_DOWNGRADE", value="GRACE", saved_by=None)

    shown = preview("GOLD", lp_min=20000)

    assert moves(shown) == []
    assert [(one.tier_before, one.players, one.kept) for one in shown.stay_at_changed_terms] == [("GOLD", 1, 1)]


def test_the_multiplier_on_points_is_worth_what_play_of_the_last_30_days_says() -> None:
    Tier.objects.filter(tier_level="BRONZE").update(benefits={"lp_multiplier": "1"})
    Tier.objects.filter(tier_level="SILVER").update(benefits={"lp_multiplier": "1.5"})
    make_day(Player.objects.get(pk="alice"), lp_due="4000.00")

    # 4,000 points × 0.01 × (1.5 − 1)
    assert preview("SILVER", lp_min=500).points_cost == Decimal("20.00")


def test_cashback_is_worth_what_rules_with_the_multiplier_gave() -> None:
    Tier.objects.filter(tier_level="BRONZE").update(benefits={"cashback_multiplier": "1"})
    Tier.objects.filter(tier_level="SILVER").update(benefits={"cashback_multiplier": "1.2"})
    rule = make_rule(reward={"formula": "net_loss * 0.01 * cashback_multiplier", "max_amount": 100})
    other = make_rule("OTHER", reward={"amount": 10})
    for one, amount in ((rule, "50.00"), (other, "70.00")):
        terms: dict[str, Any] = {"promotional_value": Decimal(amount), "rule_number": one.number}
        credit("alice", amount, key=one.pk, currency="BONUS", **terms)

    assert preview("SILVER", lp_min=500).cashback_cost == Decimal("10.00")


def test_benefits_alone_cost_those_who_stay() -> None:
    make_day(Player.objects.get(pk="bob"), lp_due="1000.00")
    Tier.objects.filter(tier_level="SILVER").update(benefits={})

    shown = preview("SILVER", benefits={"lp_multiplier": 2})

    assert moves(shown) == []
    assert shown.points_cost == Decimal("10.00")


def test_welcome_rewards_are_counted_at_their_most() -> None:
    reward = {"type": "BONUS_BALANCE", "formula": "net_loss", "max_amount": 30}
    live = {"is_live": True, "trigger": "TIER_REACHED"}
    make_rule("WELCOME_SILVER", conditions={"tier": "SILVER"}, reward=reward, **live)
    make_rule("WELCOME_GOLD", conditions={"tier": ["GOLD", "PLATINUM"]}, **live)

    found = preview("SILVER", lp_min=500).welcomes

    assert [(one.tier_level, one.players, one.rule_ids, one.value_max) for one in found] == [
        ("SILVER", 1, ["WELCOME_SILVER"], Decimal("30.00"))
    ]


def test_what_could_not_be_saved_cannot_be_previewed() -> None:
    with pytest.raises(InvalidInputError, match="GOLD starts there"):
        preview("SILVER", lp_min=10000)
