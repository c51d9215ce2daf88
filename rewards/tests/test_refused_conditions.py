"""What is no condition is refused with its path in the JSON and what would be right, everything at once."""

from __future__ import annotations

from typing import Any

import pytest

from rewards.conditions import parse_conditions

REFUSALS: list[tuple[Any, str]] = [
    # unknown names, with the nearest valid one
    ({"net_lost_min": 5}, "conditions.net_lost_min: unknown field 'net_lost_min' (did you mean 'net_loss'?)"),
    ({"segmnt": "NEW"}, "conditions.segmnt: unknown field 'segmnt' (did you mean 'segment'?)"),
    (
        {"session_counts": 3},
        "conditions.session_counts: unknown field 'session_counts' (did you mean 'session_count'?)",
    ),
    ({"xyzzy": 1}, "conditions.xyzzy: unknown field 'xyzzy'"),
    ({"segment": "LOOSING"}, "conditions.segment: unknown segment 'LOOSING' (did you mean 'LOSING'?)"),
    (
        {"segment": ["NEW", "losing"]},
        "conditions.segment[1]: unknown segment 'losing' (one of NEW, WINNING, BREAKEVEN, LOSING, VIP)",
    ),
    ({"sessions": {"mim": 3}}, "conditions.sessions.mim: unknown comparison 'mim' (did you mean 'min'?)"),
    (
        {"sessions": {">": 3}},
        "conditions.sessions.>: unknown comparison '>' (one of min, max, gt, lt, equals, not, in, not_in)",
    ),
    # wrong types
    (
        {"net_loss_min": "100"},
        "conditions.net_loss_min: '100' is not a number from −1,000,000,000,000,000 to 1,000,000,000,000,000",
    ),
    ({"age_min": True}, "conditions.age_min: True is not a number"),
    ({"age_min": None}, "conditions.age_min: None is not a number"),
    ({"age": {"min": [18]}}, "conditions.age.min: a list of 1 is not a number"),
    ({"net_loss_min": {"min": 5}}, "conditions.net_loss_min: an object is not a number"),
    ({"kyc_completed": "yes"}, "conditions.kyc_completed: 'yes' is not a truth value, true or false"),
    ({"kyc_completed": 1}, "conditions.kyc_completed: 1 is not a truth value, true or false"),
    ({"country": 5}, "conditions.country: 5 is not a text of 1 to 200 characters"),
    ({"country": ""}, "conditions.country: '' is not a text of 1 to 200 characters"),
    ({"tags": [3]}, "conditions.tags[0]: 3 is not a text of 1 to 200 characters"),
    ({"segment_min": "NEW"}, 'conditions.segment_min: segment is a text and has no order (use "equals" or "in")'),
    ({"tier": {"gt": "GOLD"}}, 'conditions.tier.gt: tier is a text and has no order (use "equals" or "in")'),
    # wrong shapes
    ([], 'conditions: a list of 0 is not an object (write {"field": value})'),
    ("segment", "conditions: 'segment' is not an object (write {\"field\": value})"),
    (None, 'conditions: None is not an object (write {"field": value})'),
    ({"not": ["x"]}, 'conditions.not: a list of 1 is not an object (write {"field": value})'),
    ({"not": {}}, "conditions.not: an empty object would hold for every player (write a condition or remove it)"),
    ({"any": [{}]}, "conditions.any[0]: an empty object would hold for every player (write a condition or remove it)"),
    ({"any": []}, 'conditions.any: a list of 1 to 200 conditions is needed ("any": [{…}, {…}])'),
    ({"all": {"age_min": 3}}, 'conditions.all: a list of 1 to 200 conditions is needed ("all": [{…}, {…}])'),
    ({"age": []}, "conditions.age: a list of 1 to 1000 values is needed, not a list of 0"),
    ({"age": {"in": 3}}, "conditions.age.in: a list of 1 to 1000 values is needed, not 3"),
    ({"age": {}}, 'conditions.age: no comparison (write for example {"min": 10})'),
    # what nobody can satisfy
    (
        {"net_loss": {"min": 100, "max": 50}},
        "conditions: no value of net_loss can satisfy all its conditions (widen or remove one of them)",
    ),
    ({"net_loss_min": 100, "net_loss": {"lt": 100}}, "conditions: no value of net_loss can satisfy all"),
    ({"sessions_min": 10, "session_count_max": 9}, "conditions: no value of total_sessions can satisfy all"),
    ({"sessions": {"gt": 3, "lt": 4}}, "conditions: no value of total_sessions can satisfy all"),
    ({"sessions": 2.5}, "conditions: no value of total_sessions can satisfy all"),
    ({"sessions": {"min": 3, "max": 4, "not_in": [3, 4]}}, "conditions: no value of total_sessions can satisfy all"),
    ({"net_loss": {"min": 5, "max": 5, "not": 5}}, "conditions: no value of net_loss can satisfy all"),
    ({"age": [18, 19], "age_min": 20}, "conditions: no value of age can satisfy all"),
    ({"segment": ["NEW", "VIP"], "all": [{"segment": "LOSING"}]}, "conditions: no value of segment can satisfy all"),
    ({"all": [{"segment": "NEW"}, {"segment": "VIP"}]}, "conditions.all: no value of segment can satisfy all"),
    ({"any": [{"age": 3}, {"age": 3, "age_min": 4}]}, "conditions.any[1]: no value of age can satisfy all"),
    (
        {"segment": {"not_in": ["NEW", "WINNING", "BREAKEVEN", "LOSING", "VIP"]}},
        "conditions: no value of segment can satisfy all",
    ),
    ({"kyc_completed": {"not_in": [True, False]}}, "conditions: no value of kyc_completed can satisfy all"),
    ({"tags": {"equals": "vip", "not": "vip"}}, "conditions: no value of tags can satisfy all"),
    ({"segment": "NEW", "not": {"segment": "NEW"}}, "conditions: no value of segment can satisfy all"),
    ({"age_min": 18, "not": {"age": {"gt": 17.5}}}, "conditions: no value of age can satisfy all"),
    ({"age": [18, 19], "not": {"age": {"not_in": [20, 21]}}}, "conditions: no value of age can satisfy all"),
    ({"tags": "vip", "not": {"tags": {"in": ["vip", "new"]}}}, "conditions: no value of tags can satisfy all"),
    ({"age_min": 18, "any": [{"age_max": 17}]}, "conditions: no value of age can satisfy all"),
]
ACCEPTED: list[dict[str, Any]] = [
    {"net_loss": {"min": 5, "max": 5}},
    {"net_loss": {"gt": 3, "lt": 4}},
    {"sessions": {"gt": 3, "lt": 5}},
    {"sessions": {"min": 3, "max": 4, "not_in": [3, 3.5]}},
    {"any": [{"segment": "NEW"}, {"segment": "VIP"}]},
    {"segment": "NEW", "not": {"segment": "VIP"}},
    {"segment": "NEW", "not": {"segment": "NEW", "age_min": 18}},
    {"segment": "NEW", "any": [{"segment": "VIP"}, {"segment": "NEW"}]},
    {"age_min": 18, "not": {"age_min": 30}},
    {"tags": "vip", "not": {"tags": ["new", "gone"]}},
    {"tags": {"equals": "vip"}, "all": [{"tags": "beta"}, {"tags": {"not": "gone"}}]},
    {"kyc_completed": {"not": False}},
]


@pytest.mark.parametrize(("conditions", "message"), REFUSALS, ids=lambda value: str(value)[:60])
def test_it_is_refused_and_says_where_and_what_would_be_right(conditions: Any, message: str) -> None:
    _, problems = parse_conditions(conditions)

    assert len(problems) == 1
    assert str(problems[0]).startswith(message)


@pytest.mark.parametrize("conditions", ACCEPTED, ids=str)
def test_what_somebody_can_satisfy_is_accepted(conditions: dict[str, Any]) -> None:
    assert parse_conditions(conditions)[1] == []


def test_every_problem_is_named_at_once_in_order() -> None:
    _, problems = parse_conditions(
        {"segmnt": "NEW", "age": {"mim": 1, "max": "x"}, "all": [{"net_loss_min": 1}, {"net_lost": 2}]}
    )

    assert [problem.path for problem in problems] == [
        "conditions.segmnt",
        "conditions.age.mim",
        "conditions.age.max",
        "conditions.all[1].net_lost",
    ]
