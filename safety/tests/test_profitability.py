"""What a player is expected to earn the house, and what a reward is expected to cost it: figures worked by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.errors import NotFoundError
from core.expressions import compile_expression, fetch_rows
from core.policies import save_policy
from players.models import GameCategory
from rewards.models import AllocationCandidate
from safety.models import RetentionMultiplier, UnitValue
from safety.profitability import (
    RewardTerms,
    cost_rate,
    currency_value,
    expected_cost_expression,
    expected_margin_expression,
    get_house_edge,
    is_profitable_expression,
    unit_value,
)
from safety.tests.factories import set_baseline

pytestmark = pytest.mark.django_db

# The documented player: 15,000 turnover in 25 sessions, LOSING; no daily rows, no known games.
DOCUMENTED = {
    "segment": "'LOSING'",
    "reward_family": "'BONUS'",
    "total_wagered": "15000::numeric",
    "total_sessions": "25",
    "total_wagered_30d": "NULL::numeric",
    "active_days_30d": "NULL::integer",
    "house_edge_rate": "NULL::numeric",
}


def value_of(expression: Any, **columns: str) -> Any:
    sql, params = compile_expression(expression, model=AllocationCandidate)
    row = ", ".join(f"{value} AS {name}" for name, value in columns.items())
    return fetch_rows(f"SELECT {sql} FROM (SELECT {row}) candidate", params)[0][0]


def margin(**changed: str) -> Decimal:
    return Decimal(value_of(expected_margin_expression(), **{**DOCUMENTED, **changed}))


def test_the_documented_players_margin() -> None:
    set_baseline("LOSING", "600.00")

    # 600 a day × 6 days × 1.8 × 0.05.
    assert margin() == Decimal("324.00")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        # Cashback moves a losing player less than a bonus: × 1.5; tickets have no figure: × 1.
        ({"reward_family": "'CASHBACK'"}, "270.00"),
        ({"reward_family": "'OTHER'"}, "180.00"),
        # (15,000 + 10 × 0) ÷ 35 a day, in a segment without a baseline, × 6 × 1.1 × 0.05.
        ({"segment": "'WINNING'"}, "141.43"),
        # The player's own games: blackjack earns a tenth of slots.
        ({"house_edge_rate": "0.005"}, "32.40"),
        # 4,000 on 5 days: (4,000 + 6,000) ÷ 15 a day; (5 × 30 + 6 × 10) ÷ 40 days.
        ({"total_wagered_30d": "4000::numeric", "active_days_30d": "5"}, "315.00"),
        # Days are known and nobody played: the segment's mean, but few days.
        ({"total_wagered_30d": "0::numeric", "active_days_30d": "0"}, "81.00"),
        # Turnover of no counted session says nothing about a day.
        ({"total_sessions": "0"}, "324.00"),
    ],
)
def test_what_moves_the_margin(changed: dict[str, str], expected: str) -> None:
    set_baseline("LOSING", "600.00")

    assert margin(**changed) == Decimal(expected)


def test_the_horizon_scales_the_margin() -> None:
    set_baseline("LOSING", "600.00")
    save_policy(name="PROFIT_HORIZON_DAYS", value="60", saved_by=None)

    assert margin() == Decimal("648.00")


def test_without_a_multiplier_for_the_segment_the_margin_is_unknown() -> None:
    set_baseline("LOSING", "600.00")
    RetentionMultiplier.objects.filter(segment="LOSING", reward_family="BONUS").delete()

    assert value_of(expected_margin_expression(), **DOCUMENTED) is None


@pytest.mark.parametrize("segment", ["'WHALE'", "NULL::text"])
@pytest.mark.parametrize("family", ["'BONUS'", "'OTHER'"])
def test_of_a_segment_nobody_knows_the_margin_is_unknown(segment: str, family: str) -> None:
    columns = {**DOCUMENTED, "segment": segment, "reward_family": family}

    assert value_of(expected_margin_expression(), **columns) is None


@pytest.mark.parametrize(
    ("kind", "requirement", "games", "rate"),
    [
        ("BONUS_BALANCE", "0", None, "1"),
        # Slots and roulette: 10 × 0.027 would be cheapest for the player.
        ("BONUS_BALANCE", "10", ("slots", "roulette"), "0.73"),
        ("BONUS_BALANCE", "10", ("slots",), "0.50"),
        # Not below the floor, however high the requirement.
        ("BONUS_BALANCE", "40", ("slots",), "0.30"),
        ("FREE_PLAY", "10", ("slots",), "0.50"),
        # Points and tickets are not wagered.
        ("LOYALTY_POINTS", "10", None, "1"),
        ("TICKETS", "10", None, "1"),
    ],
)
def test_the_cost_of_a_bonus_shrinks_by_what_its_wagering_earns(
    kind: str, requirement: str, games: tuple[str, ...] | None, rate: str
) -> None:
    GameCategory.objects.update(contribution_weight=1)
    terms = RewardTerms(reward_type=kind, wagering_requirement=Decimal(requirement), eligible_games=games)

    assert cost_rate(terms) == Decimal(rate)


def test_a_category_that_counts_half_needs_twice_the_turnover() -> None:
    GameCategory.objects.filter(code="slots").update(contribution_weight=Decimal("0.5"))
    terms = RewardTerms(reward_type="BONUS_BALANCE", wagering_requirement=Decimal(5), eligible_games=("slots",))

    # 1 − 5 × 0.05 ÷ 0.5.
    assert cost_rate(terms) == Decimal("0.5")


def test_a_bonus_that_no_game_can_wager_costs_all_of_it() -> None:
    GameCategory.objects.update(contribution_weight=0)
    terms = RewardTerms(reward_type="BONUS_BALANCE", wagering_requirement=Decimal(50))

    assert cost_rate(terms) == 1


def test_the_expected_cost_is_rounded_to_the_cent() -> None:
    figures = {"amount": "33.33", "unit_value": "0.01", "cost_rate": "0.75", "cost_max": "NULL::numeric"}
    cost = value_of(expected_cost_expression(), **figures)

    assert cost == Decimal("0.25")


@pytest.mark.parametrize(
    ("granted", "given", "cost", "margin_left", "holds"),
    [
        ("0", "0", "323.99", "324.00", True),
        ("0", "0", "324.00", "324.00", False),
        ("100.00", "0", "224.00", "324.00", False),
        ("100.00", "100.00", "123.99", "324.00", True),
        ("0", "0", "1", "NULL::numeric", False),
    ],
)
def test_profitable_is_below_the_margin_with_everything_granted_before(
    granted: str, given: str, cost: str, margin_left: str, holds: bool
) -> None:
    figures = {"granted_cost": granted, "given_cost_run": given, "expected_cost": cost, "expected_margin": margin_left}

    assert value_of(is_profitable_expression(), **figures) is holds


def test_house_edges_by_category() -> None:
    assert get_house_edge("roulette") == Decimal("0.027")
    with pytest.raises(NotFoundError, match="there is no game category 'bingo'"):
        get_house_edge("bingo")


def test_what_has_no_value_counts_in_full_and_perks_for_nothing() -> None:
    UnitValue.objects.filter(currency_type="RP").delete()

    assert currency_value("RP") == 1
    assert unit_value(RewardTerms(reward_type="VIP_PERKS")) == 0
