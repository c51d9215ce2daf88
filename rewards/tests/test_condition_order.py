"""In what order conditions are looked at; that this changes no verdict, random rules and players show elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from rewards.conditions import Condition, comparisons, parse_conditions
from rewards.conditions.ordering import cheapest_first, foreseen


def read(raw: dict[str, Any]) -> Condition:
    condition, problems = parse_conditions(raw)
    assert not problems
    return condition


def asked(condition: Condition) -> list[str]:
    return [comparison.field.name for comparison in comparisons(condition)]


def test_a_lookup_comes_last_and_a_result_after_plain_columns() -> None:
    condition = read({"wagered_since_last_reward_min": 5, "net_loss_7d_min": 10, "tags": "a", "total_won_min": 1})

    assert asked(cheapest_first(condition)) == ["total_won", "tags", "net_loss_7d", "total_wagered_since_last_reward"]


def test_a_group_stands_by_the_sum_of_its_members() -> None:
    condition = read({"any": [{"net_loss_7d_min": 10}, {"total_won_min": 1}], "not": {"age_min": 60}, "tags": "a"})

    assert asked(cheapest_first(condition)) == ["age", "tags", "total_won", "net_loss_7d"]


def test_play_since_the_last_reward_is_looked_up_only_where_all_play_is_enough() -> None:
    found = cheapest_first(foreseen(read({"wagered_since_last_reward": {"gt": 15000}})))

    assert asked(found) == ["total_wagered", "total_wagered_since_last_reward"]


@pytest.mark.parametrize(
    "raw",
    [
        {"not": {"wagered_since_last_reward": {"gt": 15000}}},
        {"wagered_since_last_reward": {"lt": 15000}},
        {"net_loss_since_last_reward": {"gt": 15000}},
    ],
)
def test_nothing_is_foreseen_of_a_negation_a_highest_bound_or_a_result(raw: dict[str, Any]) -> None:
    assert foreseen(read(raw)) == read(raw)
