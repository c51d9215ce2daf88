"""The words for how far a value is from what is asked: every operator, exact at its boundary."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from rewards.conditions import Comparison, parse_conditions
from rewards.explaining.distances import distance_in_words, requirement_in_words
from rewards.explaining.explanation import Truth
from rewards.explaining.figures import field_label, shown_figure
from rewards.fields import FIELDS


def only_comparison(raw: dict[str, Any]) -> Comparison:
    conditions, problems = parse_conditions(raw)
    assert not problems
    found: Any = conditions
    return found.members[0]  # type: ignore[no-any-return]


def words(raw: dict[str, Any], actual: Any, *, holds: bool | None) -> str:
    return distance_in_words(only_comparison(raw), actual=actual, truth=Truth.of(holds))


@pytest.mark.parametrize(
    ("raw", "actual", "expected"),
    [
        ({"net_loss_min": 100}, Decimal("63.00"), "37.00 more net loss needed"),
        ({"net_loss_min": 100}, Decimal("99.99"), "0.01 more net loss needed"),
        ({"net_loss_max": 100}, Decimal("112.50"), "12.50 less net loss needed"),
        ({"net_loss": {"gt": 100}}, Decimal("100.00"), "is exactly 100.00, more than that is needed"),
        ({"net_loss": {"gt": 100}}, Decimal("63.00"), "more than 37.00 more net loss needed"),
        ({"net_loss": {"lt": 100}}, Decimal("100.00"), "is exactly 100.00, less than that is needed"),
        ({"net_loss": {"lt": 100}}, Decimal("100.01"), "more than 0.01 less net loss needed"),
        ({"sessions": {"min": 10}}, 9, "1 more total sessions needed"),
        ({"sessions": {"min": 9.5}}, 9, "1 more total sessions needed"),
        ({"sessions": {"gt": 10}}, 10, "1 more total sessions needed"),
        ({"sessions": {"max": 9.5}}, 10, "1 less total sessions needed"),
        ({"sessions": {"lt": 10}}, 10, "1 less total sessions needed"),
        ({"days_since_last_deposit": {"max": 7}}, 10, "3 days too long ago"),
        ({"days_since_last_deposit": {"max": 7}}, 8, "1 day too long ago"),
        ({"days_since_registration": {"min": 30}}, 28, "2 days too recent"),
        ({"win_loss_ratio_30d": {"min": 1}}, Decimal("0.99999999999999999999"), "0.000000000001 more"),
        ({"segment": "WINNING"}, "LOSING", "is LOSING, WINNING is needed"),
        ({"segment": {"not": "LOSING"}}, "LOSING", "is LOSING, anything else is needed"),
        ({"tier": ["GOLD", "PLATINUM"]}, "BRONZE", "is BRONZE, one of GOLD, PLATINUM is needed"),
        ({"tier": {"not_in": ["GOLD", "SILVER"]}}, "GOLD", "is GOLD, anything but GOLD, SILVER is needed"),
        ({"kyc_completed": True}, False, "is no, yes is needed"),
        ({"sessions": 12}, 10, "is 10, 12 is needed: 2 more"),
        ({"sessions": 12}, 15, "is 15, 12 is needed: 3 less"),
        ({"tags": "vip"}, [], "has none of vip, one is needed"),
        ({"tags": ["vip", "beta"]}, ["new"], "has none of vip, beta, one is needed"),
        ({"tags": {"not": "vip"}}, ["vip", "new"], "has vip, which must be missing"),
        ({"tags": {"not_in": ["vip", "beta"]}}, ["beta"], "has beta, which must be missing"),
    ],
    ids=str,
)
def test_what_is_missing_is_said_with_the_figure(raw: dict[str, Any], actual: Any, expected: str) -> None:
    assert words(raw, actual, holds=False).startswith(expected)


@pytest.mark.parametrize(
    ("raw", "actual", "expected"),
    [
        ({"net_loss_min": 100}, Decimal("100.00"), "exactly the least that holds"),
        ({"net_loss_max": 100}, Decimal("100.00"), "exactly the most that holds"),
        ({"net_loss_min": 100}, Decimal("2950.00"), "2,850.00 above 100.00"),
        ({"net_loss": {"lt": 100}}, Decimal("99.99"), "0.01 below 100.00"),
        ({"net_loss": {"gt": 100}}, Decimal("100.01"), "0.01 above 100.00"),
        ({"sessions": {"equals": 12}}, 12, "is 12"),
        ({"tier": ["GOLD"]}, "GOLD", "is GOLD"),
        ({"segment": {"not": "VIP"}}, "NEW", "is NEW"),
        ({"tags": {"not_in": ["vip"]}}, [], "has none of vip"),
        ({"tags": "vip"}, ["vip"], "has vip"),
    ],
    ids=str,
)
def test_what_holds_says_by_how_much(raw: dict[str, Any], actual: Any, expected: str) -> None:
    assert words(raw, actual, holds=True) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"total_wagered_30d_min": 1}, "not known: no daily rows reach back 30 days"),
        ({"days_since_last_deposit": {"max": 7}}, "not known: no deposit was reported"),
        ({"avg_bet_size_min": 1}, "not known: there are no bets to divide by"),
        ({"age_min": 18}, "not known: no age was reported"),
        (
            {"net_loss_since_last_reward_min": 1},
            "not known: the last reward's decision kept no total to compare with",
        ),
        ({"country": "DE"}, "not known: nothing was reported"),
    ],
    ids=str,
)
def test_what_is_not_known_says_why_where_the_registry_can_tell(raw: dict[str, Any], expected: str) -> None:
    assert words(raw, None, holds=None) == expected


def test_a_window_of_a_quotient_names_both_reasons() -> None:
    assert words({"avg_bet_size_7d_min": 1}, None, holds=None) == (
        "not known: no daily rows reach back 7 days, or there are no bets to divide by"
    )


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"net_loss_min": 100}, "at least 100.00"),
        ({"net_loss": {"lt": 0.5}}, "less than 0.50"),
        ({"segment": "VIP"}, "VIP"),
        ({"segment": {"not": "VIP"}}, "anything but VIP"),
        ({"tags": {"not_in": ["a", "b"]}}, "none of a, b"),
    ],
    ids=str,
)
def test_what_is_asked_is_said_in_words(raw: dict[str, Any], expected: str) -> None:
    assert requirement_in_words(only_comparison(raw)) == expected


def test_a_list_of_a_thousand_values_is_not_read_out() -> None:
    said = words({"country": [f"C{number}" for number in range(1000)]}, "DE", holds=False)

    assert said == "is DE, one of C0, C1, C2, C3, C4, C5, C6, C7, C8, C9 and 990 more is needed"


def test_every_field_has_a_label_of_words() -> None:
    assert field_label(FIELDS["net_loss_30d"]) == "net loss in 30 days"
    assert field_label(FIELDS["total_wagered_since_last_reward"]) == "total wagered since the last reward"
    assert field_label(FIELDS["lp_balance"]) == "LP balance"
    assert all("_" not in field_label(field) for field in FIELDS.values())


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("1234567.5", "money", "1,234,567.50"),
        ("0", "money", "0.00"),
        ("3", "sessions", "3"),
        ("0.001", "money", "0.001"),
        ("-0.0000000000000001", "ratio", "-0.000000000001"),
        ("999999999999999.999999999999999999", "money", "1,000,000,000,000,000.00"),
    ],
)
def test_a_figure_is_never_cut_to_nothing(value: str, unit: str, expected: str) -> None:
    assert shown_figure(Decimal(value), unit=unit) == expected
