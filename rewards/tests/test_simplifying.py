"""Conditions rewritten for the scan: less to evaluate, and the same players."""

from __future__ import annotations

from typing import Any

import pytest

from rewards.conditions import AllOf, Comparison, Condition, comparisons, parse_conditions
from rewards.conditions.simplifying import cheapest_first, foreseen, given, named_values
from rewards.definitions import RuleDefinition, define_rule
from rewards.evaluation import _branched_sql, _plain_sql
from rewards.models import RewardRule


def read(raw: dict[str, Any]) -> Condition:
    condition, problems = parse_conditions(raw)
    assert not problems
    return condition


def definition(number: int, raw: dict[str, Any]) -> RuleDefinition:
    reward = {"type": "LOYALTY_POINTS", "amount": 1}
    rule = RewardRule(rule_id=str(number), number=number, name="x", conditions=raw, reward_config=reward)
    found, problems = define_rule(rule)
    assert found is not None, problems
    return found


def left_of(raw: dict[str, Any], *, segment: str) -> Condition | None:
    return given(read(raw), field_name="segment", value=segment)


def asked(condition: Condition | None) -> list[str]:
    assert condition is not None
    return [comparison.field.name for comparison in comparisons(condition)]


@pytest.mark.parametrize(
    ("raw", "segment", "left"),
    [
        ({"segment": "VIP", "age_min": 30}, "VIP", ["age"]),
        ({"segment": "VIP", "age_min": 30}, "NEW", None),
        ({"segment": ["VIP", "LOSING"]}, "LOSING", []),
        ({"segment": {"not_in": ["VIP"]}, "age_min": 30}, "VIP", None),
        ({"segment": {"not": "VIP"}, "age_min": 30}, "NEW", ["age"]),
        ({"any": [{"segment": "VIP"}, {"age_min": 30}]}, "VIP", []),
        ({"any": [{"segment": "VIP"}, {"age_min": 30}]}, "NEW", ["age"]),
        ({"any": [{"segment": "VIP"}, {"segment": "NEW"}]}, "LOSING", None),
        ({"not": {"segment": "VIP"}, "age_min": 30}, "VIP", None),
        ({"not": {"segment": "VIP", "age_min": 30}}, "VIP", ["age"]),
        ({"not": {"any": [{"segment": "VIP"}, {"age_min": 30}]}}, "NEW", ["age"]),
        ({"age_min": 30}, "VIP", ["age"]),
    ],
)
def test_a_known_segment_answers_its_part_of_the_conditions(
    raw: dict[str, Any], segment: str, left: list[str] | None
) -> None:
    found = left_of(raw, segment=segment)

    assert found is None if left is None else asked(found) == left


def test_what_always_holds_is_left_as_the_condition_for_everybody() -> None:
    assert left_of({"segment": "VIP"}, segment="VIP") == AllOf(())


def test_the_values_a_field_is_compared_with_are_found_wherever_they_stand() -> None:
    condition = read({"any": [{"segment": ["VIP", "NEW"]}, {"not": {"segment": "LOSING"}}], "country": "DE"})

    assert named_values(condition, field_name="segment") == {"VIP", "NEW", "LOSING"}


def test_a_lookup_comes_last_and_a_result_after_plain_columns() -> None:
    condition = read({"wagered_since_last_reward_min": 5, "net_loss_7d_min": 10, "tags": "a", "total_won_min": 1})

    assert asked(cheapest_first(condition)) == ["total_won", "tags", "net_loss_7d", "total_wagered_since_last_reward"]


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


def test_every_comparison_keeps_its_path() -> None:
    found = left_of({"any": [{"age_min": 30, "segment": "VIP"}]}, segment="VIP")

    assert isinstance(found, Comparison)
    assert found.path == "conditions.any[0].age_min"


def test_rules_with_long_lists_are_written_once() -> None:
    lists = {"segment": "VIP", "total_wagered": {"in": list(range(1000))}}
    rules = tuple(definition(number, lists) for number in range(3))

    sql, params = _branched_sql(rules)

    assert sql == _plain_sql(rules)[0]
    assert len(params) < 3_100
