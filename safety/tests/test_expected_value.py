"""What one reward costs and brings: worked examples, the same figures as the night's, and the unknown is refused."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.policies import save_policy
from players.models import GameCategory
from players.tests.factories import ON, make_day
from rewards.tests.factories import decision, evaluate, make_player, make_rule
from safety.derivation import derivation
from safety.expected_value import ExpectedValue, Reward, calculate_expected_value, validate_reward_profitability
from safety.models import RetentionMultiplier, UnitValue
from safety.profitability import RewardTerms
from safety.tests.factories import set_baseline

pytestmark = pytest.mark.django_db
FIVE_TIMES_ON_SLOTS: dict[str, Any] = {"wagering_requirement": Decimal(5), "eligible_games": ("slots",)}


def value_of(amount: str, *, player_id: str = "alice", **terms: Any) -> ExpectedValue:
    given = {"reward_type": "BONUS_BALANCE", **terms}
    reward = Reward(amount=Decimal(amount), terms=RewardTerms(**given))
    return calculate_expected_value(player_id=player_id, reward=reward, on=ON)


def test_example_one_a_bonus_without_requirement_against_the_documented_player() -> None:
    make_player()
    set_baseline("LOSING", "600.00")

    found = value_of("300.00")

    # 600 × 6 × 1.8 × 0.05 = 324.00, and all of 300.00 is a cost.
    assert (found.expected_margin, found.expected_cost, found.expected_value) == (
        Decimal("324.00"),
        Decimal("300.00"),
        Decimal("24.00"),
    )
    assert found.is_safe
    assert value_of("350.00").obstacles == ("UNPROFITABLE",)
    assert validate_reward_profitability(player_id="alice", reward_amount=Decimal("323.99"), on=ON)
    assert not validate_reward_profitability(player_id="alice", reward_amount=Decimal("324.00"), on=ON)


def test_example_two_wagered_by_the_players_own_mix_of_the_eligible_games() -> None:
    make_player(games_played={"slots": 60, "roulette": 20, "blackjack": 20})
    set_baseline("LOSING", "600.00")
    GameCategory.objects.filter(code="roulette").update(contribution_weight=Decimal("0.5"))

    found = value_of("100.00", wagering_requirement=Decimal(10), eligible_games=("slots", "roulette"))

    # Of 80 bets on eligible games 60 keep 0.05 and count in full, 20 keep 0.027 and count half:
    # (60 × 0.05 + 20 × 0.027) ÷ (60 + 20 × 0.5) = 3.54 ÷ 70 = 0.0505714…; 1 − 10 × that = 0.4942857…
    assert round(found.edge_kept, 7) == Decimal("0.0505714")
    assert found.expected_cost == Decimal("49.43")
    # The margin's edge is that of the whole mix: 0.6 × 0.05 + 0.2 × 0.027 + 0.2 × 0.005 = 0.0364; 600 × 6 × 1.8 × it.
    assert found.expected_margin == Decimal("235.87")


def test_many_small_bets_on_slots_do_not_hide_large_ones_on_blackjack() -> None:
    make_player(games_played={"slots": 1000, "blackjack": 10}, games_wagered={"slots": 100.0, "blackjack": 9900.0})
    set_baseline("LOSING", "600.00")

    found = value_of("100.00", wagering_requirement=Decimal(10))

    # By stakes: 0.01 × 0.05 + 0.99 × 0.005 = 0.00545; 600 × 6 × 1.8 × it. By bets it would be 321.11.
    assert round(found.house_edge or Decimal(0), 5) == Decimal("0.00545")
    assert found.expected_margin == Decimal("35.32")
    # Stakes on blackjack count a tenth: k = 0.00545 ÷ (0.01 + 0.99 × 0.1) = 0.05, by bets 0.0496.
    assert (found.edge_kept, found.expected_cost) == (Decimal("0.05"), Decimal("50.00"))
    assert found.obstacles == ("UNPROFITABLE",)
    make_rule(reward={"amount": 100})
    evaluate(ON)
    assert decision().expected_margin == Decimal("35.32")


def test_example_three_a_conversion_cap_bounds_the_cost_and_the_floor_holds_below_it() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    terms: dict[str, Any] = {"wagering_requirement": Decimal(40), "eligible_games": ("slots",)}

    # 1 − 40 × 0.05 is below 0: the floor of 0.30 holds.
    assert value_of("500.00", **terms).expected_cost == Decimal("150.00")
    # No more than 100.00 can ever be paid.
    capped = value_of("500.00", **terms, max_conversion=Decimal("100.00"))
    assert capped.expected_cost == Decimal("100.00")
    assert ("Expected cost", "500.00 × 0.3, at most 100.00 that can become real money = 100.00") in derivation(capped)


def test_what_is_certain_to_be_staked_bounds_what_wagering_earns_where_winnings_become_real() -> None:
    make_player(games_played={"slots": 60, "roulette": 20})
    set_baseline("LOSING", "600.00")
    GameCategory.objects.filter(code="roulette").update(contribution_weight=Decimal("0.5"))
    terms: dict[str, Any] = {"wagering_requirement": Decimal(10), "eligible_games": ("slots", "roulette")}
    assert dict(derivation(value_of("100.00", **terms)))["Turnover"] == (
        "all 10 times; what it wins becomes real at once, so that only 1 is certain (BONUS_COST_TURNOVER = CERTAIN "
        "would reckon with that)"
    )

    save_policy(name="BONUS_COST_TURNOVER", value="CERTAIN", saved_by=None)

    # One turnover of it, on games that keep (60 × 0.05 + 20 × 0.027) ÷ 80 = 0.04425 of a stake.
    found = value_of("100.00", **terms)
    assert (found.share_kept, found.expected_cost) == (Decimal("0.04425"), Decimal("95.58"))
    assert dict(derivation(found))["Turnover"] == (
        "1 of the 10 times are certain, for what it wins becomes real: 0.04425 of the bonus is kept"
    )
    # A requirement below one turnover is bounded by itself: 0.5 × 3.54 ÷ 70.
    assert value_of("100.00", **{**terms, "wagering_requirement": Decimal("0.5")}).expected_cost == Decimal("97.47")
    # Where what it wins stays in the bonus, all of the requirement is played.
    save_policy(name="BONUS_WINNINGS_TO", value="ALL_TO_BONUS", saved_by=None)
    assert value_of("100.00", **terms).expected_cost == Decimal("49.43")
    assert "Turnover" not in dict(derivation(value_of("100.00", **terms)))


def test_stakes_of_real_money_that_count_first_take_nothing_off_the_cost() -> None:
    make_player(games_played={"slots": 1})
    set_baseline("LOSING", "600.00")
    save_policy(name="WAGERING_BASIS", value="DEPOSIT_AND_BONUS", saved_by=None)

    # What the house keeps of them is the margin of the player's own play already.
    found = value_of("100.00", **FIVE_TIMES_ON_SLOTS)
    assert found.expected_cost == Decimal("100.00")
    assert dict(derivation(found))["Turnover"].startswith("none of it")
    save_policy(name="BET_FUNDS_ORDER", value="BONUS_FIRST", saved_by=None)
    assert value_of("100.00", **FIVE_TIMES_ON_SLOTS).expected_cost == Decimal("75.00")
    # A bonus with a basis of its own is judged by that.
    save_policy(name="BET_FUNDS_ORDER", value="REAL_FIRST", saved_by=None)
    assert value_of("100.00", **FIVE_TIMES_ON_SLOTS, wagering_basis="BONUS").expected_cost == Decimal("75.00")


def test_rewards_too_small_for_a_cent_are_counted_as_one() -> None:
    make_player()
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="0.02", saved_by=None)
    for number in range(4):
        make_rule(f"TINY{number}", reward={"type": "LOYALTY_POINTS", "amount": "0.4"}, priority=-number)

    evaluate(ON)

    # Each is worth 0.004: counted as nothing, there would be no end of them.
    given = [decision(rule_id=f"TINY{number}") for number in range(4)]
    assert [one.verdict for one in given] == ["APPROVED", "APPROVED", "REJECTED", "REJECTED"]
    assert [(one.money_value, one.expected_cost) for one in given[:2]] == [(Decimal("0.01"), Decimal("0.01"))] * 2
    found = value_of("0.40", reward_type="LOYALTY_POINTS")
    assert (found.money_value, found.expected_cost, found.granted_cost) == (
        Decimal("0.01"),
        Decimal("0.01"),
        Decimal("0.02"),
    )


def test_none_of_the_eligible_games_played_means_the_cheapest() -> None:
    make_player(games_played={"blackjack": 5})
    set_baseline("LOSING", "600.00")

    found = value_of("100.00", wagering_requirement=Decimal(10), eligible_games=("slots", "roulette"))

    # Roulette counts a fifth: 0.027 ÷ 0.2 is more than what slots keep.
    assert (found.own_edge, found.edge_kept) == (None, Decimal("0.05"))
    assert found.expected_cost == Decimal("50.00")


@pytest.mark.parametrize(
    ("terms", "rate", "cost"),
    [
        ({"reward_type": "CASHBACK"}, "1", "100.00"),
        ({"reward_type": "CASHBACK", "is_cash": True, "wagering_requirement": Decimal(10)}, "1", "100.00"),
        (
            {"reward_type": "CASHBACK", "wagering_requirement": Decimal(5), "eligible_games": ("slots",)},
            "0.75",
            "75.00",
        ),
        (
            {"reward_type": "FREE_PLAY", "wagering_requirement": Decimal(5), "eligible_games": ("slots",)},
            "0.75",
            "75.00",
        ),
        ({"reward_type": "LOYALTY_POINTS"}, "1", "1.00"),
        ({"reward_type": "TICKETS"}, "1", "100.00"),
        ({"reward_type": "VIP_PERKS"}, "1", "0.00"),
    ],
)
def test_the_cost_of_each_type(terms: dict[str, Any], rate: str, cost: str) -> None:
    make_player()

    found = value_of("100.00", **terms)

    assert (found.cost_rate, found.expected_cost) == (Decimal(rate), Decimal(cost))


def test_points_that_are_never_redeemed_cost_nothing_only_where_a_policy_says_so() -> None:
    make_player()
    save_policy(name="POINTS_REDEEMED_RATE", value="0.8", saved_by=None)

    assert value_of("1000", reward_type="LOYALTY_POINTS").expected_cost == Decimal("8.00")
    assert value_of("10.00").expected_cost == Decimal("10.00")


def test_a_reward_must_add_more_than_it_costs_where_staff_say_so() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    save_policy(name="PROFIT_BASIS", value="INCREMENTAL", saved_by=None)

    # 600 × 6 × (1.8 − 1) × 0.05.
    assert value_of("10.00").expected_margin == Decimal("144.00")
    # Tickets are assumed to add nothing.
    assert value_of("1", reward_type="TICKETS").obstacles == ("UNPROFITABLE",)


def test_the_derivation_shows_every_step_and_what_the_other_basis_would_say() -> None:
    make_player()
    set_baseline("LOSING", "600.00")

    steps = dict(derivation(value_of("300.00")))

    assert steps["Stake per active day"] == "(15000 staked + 10 × 600, the mean of LOSING) ÷ (25 sessions + 10) = 600"
    assert steps["Active days"] == "6 of 30 days are assumed where no daily rows are known: 6"
    assert steps["Retention"] == "1.8, of bonus money to LOSING"
    assert steps["House edge"] == "0.05, that of other: no games are known"
    assert steps["Expected margin"] == "600 × 6 × 1.8 × 0.05 = 324.00"
    # 324.00 × 0.8 ÷ 1.8.
    assert steps["What it adds"] == (
        "144.00 of the margin come from rewarding: it costs as much or more than that "
        "(PROFIT_BASIS = INCREMENTAL would refuse it)"
    )
    save_policy(name="PROFIT_BASIS", value="INCREMENTAL", saved_by=None)
    assert dict(derivation(value_of("143.99")))["Profitable"] == "0.00 granted before + 143.99 < 144.00"
    assert "What it adds" not in dict(derivation(value_of("143.99")))


def test_the_derivation_of_known_days_counts_them() -> None:
    alice = make_player(games_played={"slots": 1}, days_from=ON - timedelta(days=60))
    make_day(alice, ON - timedelta(days=3), wagered="700.00")
    set_baseline("LOSING", "500.00")

    steps = dict(derivation(value_of("1.00")))

    # (700 + 10 × 500) ÷ (1 + 10); (1 × 30 + 6 × 10) ÷ 40.
    assert steps["Stake per active day"] == (
        "(700 staked + 10 × 500, the mean of LOSING) ÷ (1 active days + 10) = 518.181818"
    )
    assert steps["Active days"] == "(1 of the last 30 × 30 + 6 × 10) ÷ 40 = 2.25 in 30 days"
    assert steps["House edge"] == "0.05, of the player's own mix of games"


@pytest.mark.parametrize("name", ["MAX_DAILY_REWARD_PER_PLAYER", "RULE_GUARD_VALUE", "PRIOR_WEIGHT_DAYS"])
def test_a_policy_too_large_to_be_compared_with_is_refused_when_saved(name: str) -> None:
    with pytest.raises(InvalidInputError, match="at most"):
        save_policy(name=name, value="1" + "0" * 30, saved_by=None)


def test_the_night_decides_by_the_same_figures_and_keeps_them() -> None:
    alice = make_player(games_played={"slots": 3, "roulette": 1}, days_from=ON - timedelta(days=60))
    make_day(alice, ON - timedelta(days=3), wagered="700.00")
    set_baseline("LOSING", "500.00")
    reward = {"amount": 20, "wagering_requirement": 8, "eligible_games": ["slots", "roulette"], "max_conversion": 14}
    make_rule(reward=reward)
    asked = value_of(
        "20.00",
        wagering_requirement=Decimal(8),
        eligible_games=("slots", "roulette"),
        max_conversion=Decimal(14),
    )

    evaluate()

    kept = decision()
    for name in ("expected_cost", "expected_margin", "granted_cost", "assumptions_version"):
        assert getattr(kept, name) == getattr(asked, name), name
    for name in ("wager_per_active_day", "active_days", "retention_multiplier", "house_edge", "cost_rate"):
        assert getattr(kept, name) == round(getattr(asked, name), 4 if name in _FOUR else 10), name
    assert kept.verdict == "APPROVED"
    # What was granted counts against the next one.
    assert value_of("1.00").granted_cost == kept.expected_cost


_FOUR = {"wager_per_active_day", "active_days", "retention_multiplier"}


def test_a_reward_cut_by_a_cap_costs_what_is_left_of_it_under_its_conversion_cap() -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="80", saved_by=None)
    make_rule(reward={"amount": 100, "wagering_requirement": 4, "eligible_games": ["slots"], "max_conversion": 60})

    evaluate()

    # 100 × 0.8 would cost 60.00 at most; 80 × 0.8 = 64.00, so still 60.00 and not 48.00.
    assert (decision().amount_given, decision().expected_cost) == (Decimal("80.00"), Decimal("60.00"))


def forget_multiplier() -> None:
    RetentionMultiplier.objects.filter(segment="LOSING").delete()


def forget_default_edge() -> None:
    GameCategory.objects.filter(code="other").delete()


def forget_unit_value() -> None:
    UnitValue.objects.filter(currency_type="BONUS").delete()


def forget_eligible_game() -> None:
    GameCategory.objects.filter(code="roulette").delete()


@pytest.mark.parametrize(
    ("forget", "code", "missing"),
    [
        (forget_multiplier, "MARGIN_UNKNOWN", "the retention multiplier of the segment"),
        (forget_default_edge, "MARGIN_UNKNOWN", "the house edge of the player's games"),
        (forget_unit_value, "COST_UNKNOWN", "the unit value of BONUS"),
        (forget_eligible_game, "COST_UNKNOWN", "the game category roulette"),
    ],
)
def test_what_is_not_known_is_refused_by_name_and_never_approved(forget: Any, code: str, missing: str) -> None:
    make_player()
    set_baseline("LOSING", "600.00")
    make_rule(reward={"amount": 1, "wagering_requirement": 2, "eligible_games": ["slots", "roulette"]})
    forget()

    asked = value_of("1.00", wagering_requirement=Decimal(2), eligible_games=("slots", "roulette"))
    evaluate()

    assert code in asked.obstacles
    assert not asked.is_profitable
    assert (decision().verdict, decision().reason) == ("REJECTED", code)
    assert decision().reasons == [{"code": code, "missing": missing}]


def test_questions_that_cannot_be_answered_say_why() -> None:
    make_player()

    with pytest.raises(NotFoundError, match="no active player 'nobody'"):
        value_of("1.00", player_id="nobody")
    with pytest.raises(InvalidInputError, match=r"amount is 0\.001"):
        value_of("0.001")
    with pytest.raises(InvalidInputError, match="reward_type is 'GOLD'"):
        value_of("1.00", reward_type="GOLD")


def test_one_question_costs_a_fixed_number_of_statements(django_assert_num_queries: Any) -> None:
    make_player()
    terms: dict[str, Any] = {"wagering_requirement": Decimal(10), "eligible_games": ("slots", "roulette")}

    value_of("20.00", **terms)

    # Policies, the fingerprint of all constants, whether cash was granted, and the question.
    with django_assert_num_queries(4):
        value_of("20.00", **terms)


def test_a_mix_that_is_no_round_figure_is_the_same_asked_and_decided() -> None:
    make_player(games_played={"other": 92.5, "roulette": 1, "blackjack": 92.5}, total_wagered=Decimal(999999))
    set_baseline("LOSING", "600.00")
    make_rule(reward={"amount": 10})

    evaluate(ON)

    # It has no end and is rounded to six decimals: (92.5 × 0.05 + 0.027 + 92.5 × 0.005) ÷ 186 = 0.027497.
    assert value_of("10.00").house_edge == decision().house_edge == Decimal("0.027497")
    assert value_of("10.00").expected_margin == decision().expected_margin


def test_points_from_play_are_taken_off_the_margin_where_staff_say_so() -> None:
    make_player("alice")
    make_player("bob", games_played={"blackjack": 1})
    set_baseline("LOSING", "600.00")
    assert value_of("1.00").expected_margin == Decimal("324.00")
    save_policy(name="PROFIT_LESS_POINTS_FROM_PLAY", value="yes", saved_by=None)

    # 0.1 points a unit, worth 0.01: 600 × 6 × 1.8 × (0.05 − 0.001), and of blackjack × (0.005 − 0.001).
    assert value_of("1.00").expected_margin == Decimal("317.52")
    assert value_of("1.00", player_id="bob").expected_margin == Decimal("25.92")
    assert dict(derivation(value_of("1.00")))["House edge"] == (
        "0.049, that of other: no games are known, less the points that play earns"
    )
    # What the house keeps while a bonus is wagered is not touched: 1 − 5 × 0.05.
    assert value_of("100.00", **FIVE_TIMES_ON_SLOTS).expected_cost == Decimal("75.00")
    # Points dearer than the edge leave nothing to expect, and never less than that.
    GameCategory.objects.update(lp_per_unit_staked=Decimal(9))
    assert value_of("1.00").expected_margin == 0
    make_rule(reward={"amount": 1})
    evaluate(ON)
    assert decision().reason == "UNPROFITABLE"
