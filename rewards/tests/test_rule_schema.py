"""The JSON Schema of rules: whatever the parser takes validates, so what the schema refuses the parser refuses too."""

from __future__ import annotations

import copy
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from players.models import GameCategory, Tier
from rewards.fields import ALIASES, FIELDS
from rewards.models import RewardRule
from rewards.reward_keys import REWARD_KEYS
from rewards.rules import CONTENT_FIELDS, check_rule
from rewards.schema import current_rule_schema, describe_fields, operators_of, rule_schema
from rewards.tests.naive_evaluator import rendered
from rewards.tests.test_conditions import TABLE
from rewards.tests.test_formulas import AMOUNTS
from rewards.tests.test_refused_conditions import ACCEPTED, REFUSALS
from rewards.tests.test_rule_properties import conditions, formulas, names, ordinary, texts

TIERS = ["BRONZE", "SILVER", "GOLD", "PLATINUM"]
GAMES = ["slots", "roulette", "blackjack", "poker", "other"]
VALIDATOR = jsonschema.Draft202012Validator(rule_schema(tiers=TIERS, games=GAMES))
FULL: dict[str, Any] = {
    "name": "Cashback of the week",
    "description": "",
    "status": "ACTIVE",
    "priority": -5,
    "conditions": {
        "segment": ["LOSING", "BREAKEVEN"],
        "net_loss_7d_min": 100,
        "sessions": {"min": 3, "not_in": [4, 5.5]},
        "days_since_last_deposit": {"max": 7},
        "any": [{"tier": "GOLD"}, {"not": {"tags": ["gone"], "kyc_completed": False}}],
    },
    "reward_config": {
        "type": "CASHBACK",
        "formula": "min(net_loss_7d * 0.10, 300) * cashback_multiplier",
        "max_amount": "500.00",
        "min_amount": 0.5,
        "wagering_requirement": 10,
        "expiry_hours": 48,
        "eligible_games": ["slots", "roulette"],
        "max_bet": None,
        "max_conversion": 1000,
        "withdrawable": False,
        "perk": "",
    },
    "is_live": False,
    "trigger": "",
    "budget_pacing": "NONE",
    "max_players": None,
    "starts_on": "2025-12-01",
    "ends_on": None,
    "frequency_period": "WEEK",
    "frequency_max": 1,
    "cooldown_days": 7,
    "daily_budget": "1000.00",
    "total_budget": 50000,
    "exclusive_group": "cashback",
    "jurisdictions": ["DEFAULT"],
    "holdout_percent": 2.5,
}
PLAIN = {"type": "BONUS_BALANCE", "amount": 10}


@pytest.fixture(autouse=True)
def tiers_and_games_of_the_schema(db: None) -> None:
    assert set(Tier.objects.values_list("tier_level", flat=True)) == set(TIERS)
    assert set(GameCategory.objects.values_list("code", flat=True)) == set(GAMES)


def is_refused_by_schema(content: dict[str, Any]) -> bool:
    return not VALIDATOR.is_valid({"rule_id": "NEW", **content})


def check_agreement(content: dict[str, Any]) -> tuple[bool, bool]:
    """Return whether schema and parser refuse the content; the first without the second is a mistake of the schema."""
    by_schema, by_parser = is_refused_by_schema(content), bool(check_rule(content))
    errors = [error.message[:200] for error in VALIDATOR.iter_errors({"rule_id": "NEW", **content})]
    assert by_parser or not by_schema, (content, errors)
    return by_schema, by_parser


def test_the_schema_is_one_of_its_dialect() -> None:
    jsonschema.Draft202012Validator.check_schema(current_rule_schema())
    assert current_rule_schema()["$defs"]["tier_test"]["anyOf"][0] == {"enum": TIERS}


def test_every_declared_name_stands_in_the_schema() -> None:
    schema = rule_schema(tiers=TIERS, games=GAMES)
    named = schema["$defs"]["conditions"]["properties"]

    assert set(schema["properties"]) == {"rule_id", "status", "is_active", "reward", *CONTENT_FIELDS}
    assert set(schema["$defs"]["reward_config"]["properties"]) == set(REWARD_KEYS)
    assert set(named) == {*FIELDS, *ALIASES, "all", "any", "not"}
    assert all(named[name]["description"] for name in named)


def test_a_rule_that_uses_every_key_is_taken_by_both() -> None:
    assert set(FULL) == {"status", *CONTENT_FIELDS}
    assert set(FULL["reward_config"]) == set(REWARD_KEYS) - {"amount"}
    assert check_agreement(FULL) == (False, False)


def test_every_field_is_taken_by_both_under_all_its_names_and_with_all_its_comparisons() -> None:
    for field in describe_fields():
        value = {"boolean": True, "text": "GOLD", "tags": "x"}.get(field["kind"], 5)
        value = "LOSING" if field["name"] == "segment" else value
        for name in [field["name"], *field["aliases"]]:
            wanted = [{name: value}, {name: [value]}]
            wanted += [{name: {o: [value] if "in" in o.split("_") else value}} for o in field["operators"]]
            wanted += [{name + suffix: value} for suffix in ("_min", "_max") if field["is_usable_in_formulas"]]
            for conditions_of_name in wanted:
                content = {"conditions": conditions_of_name, "reward": PLAIN}
                assert check_agreement(content) == (False, False), conditions_of_name


def test_the_tables_of_conditions_and_formulas_are_taken_by_both() -> None:
    for accepted in [*(line for line, _ in TABLE), *ACCEPTED]:
        assert check_agreement({"conditions": accepted, "reward": PLAIN}) == (False, False), accepted
    for formula, _ in AMOUNTS:
        reward = {"type": "CASHBACK", "formula": formula, "max_amount": 5}
        assert check_agreement({"reward": reward}) == (False, False), formula


def test_what_has_the_wrong_shape_is_refused_by_the_schema_as_well() -> None:
    shapes = [refused for refused, message in REFUSALS if "can satisfy all" not in message]

    assert len(shapes) > 25
    assert [refused for refused in shapes if not is_refused_by_schema({"conditions": refused, "reward": PLAIN})] == []


@pytest.mark.parametrize(
    "content",
    [
        {"reward": {"type": "BONUS_BALANCE"}},
        {"reward": {"amount": 10}},
        {"reward": {**PLAIN, "formula": "1", "max_amount": 5}},
        {"reward": {"type": "CASHBACK", "formula": "net_loss"}},
        {"reward": {"type": "CASHBACK", "formula": "net_loss", "max_amount": None}},
        {"reward": {"type": "CASHBACK", "formula": "net_loss % 2", "max_amount": 5}},
        {"reward": {"type": "TICKETS", "amount": 1, "wagering_requirement": 2}},
        {"reward": {**PLAIN, "amount": 0}},
        {"reward": {**PLAIN, "amount": True}},
        {"reward": {**PLAIN, "expiry_hours": 1.5}},
        {"reward": {**PLAIN, "eligible_games": ["slot"]}},
        {"reward": {**PLAIN, "wagering_requirement": 1001}},
        {"reward": {**PLAIN, "wagering": 1}},
        {"reward": PLAIN, "reward_config": PLAIN},
        {"reward": PLAIN, "conditions": {"tier": "GOLDD"}},
        {"reward": PLAIN, "name": ""},
        {"reward": PLAIN, "priority": "high"},
        {"reward": PLAIN, "priority": 2**31},
        {"reward": PLAIN, "starts_on": "20251221"},
        {"reward": PLAIN, "frequency_period": "YEAR"},
        {"reward": PLAIN, "cooldown_days": None},
        {"reward": PLAIN, "number": 3},
        {},
    ],
    ids=str,
)
def test_both_refuse(content: dict[str, Any]) -> None:
    assert check_agreement(content) == (True, True)


JUNK: list[Any] = [None, True, False, 0, 1, -1, 2.5, 1e16, "", "x", "5", "5.00", "2025-12-21", "NEW", "a\x00b", [], {}]
JUNK += [[1], ["x"], [None], {"min": 1}, {"x": 1}, {"in": []}, {"equals": None}, "net_loss", "x" * 1001]
KEYS = [
    "x",
    "min",
    "in",
    "not",
    "all",
    "age",
    "age_min",
    "segment_min",
    "reward",
    "amount",
    "formula",
    "status",
    "type",
]


def places(document: Any) -> list[tuple[Any, Any]]:
    """Return every container in a document with each of its keys."""
    if not isinstance(document, dict | list):
        return []
    keys = list(document) if isinstance(document, dict) else list(range(len(document)))
    return [(document, key) for key in keys] + [place for key in keys for place in places(document[key])]


def mutate(document: Any, chance: random.Random) -> None:
    """Change, remove, rename or add one thing anywhere in the document."""
    container, key = chance.choice(places(document))
    match chance.randrange(4):
        case 0 | 1:
            container[key] = copy.deepcopy(chance.choice(JUNK))
        case 2:
            del container[key]
        case _ if isinstance(container, dict):
            container[chance.choice(KEYS)] = copy.deepcopy(chance.choice([*JUNK, container[key]]))
        case _:
            container.append(copy.deepcopy(chance.choice(JUNK)))


def test_what_the_schema_refuses_of_a_thousand_mutated_rules_the_parser_refuses() -> None:
    chance, refusals = random.Random(20251221), []
    for _ in range(1000):
        content = copy.deepcopy(FULL)
        for _ in range(chance.choice([1, 1, 2, 3])):
            mutate(content, chance)
        refusals.append(check_agreement(content))

    assert refusals.count((True, True)) > 500
    assert refusals.count((False, False)) > 50
    # What only the parser can know: sums, contradictions, dates in order, words of a formula.
    assert refusals.count((False, True)) < 100


@ordinary
@given(conditions, formulas)
def test_random_rules_that_the_parser_takes_validate(wanted: dict[str, Any], formula: Any) -> None:
    reward = {"type": "CASHBACK", "formula": rendered(formula), "max_amount": 5}

    check_agreement({"conditions": wanted, "reward": reward})


# What JSON can say; that it cannot say NaN is the business of those who read it.
numbers = st.one_of(st.integers(), st.floats(allow_nan=False, allow_infinity=False))
anything = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts, st.sampled_from(["LOSING", "VIP", "5.00"])),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=20,
)


@ordinary
@given(
    st.dictionaries(st.sampled_from(["conditions", "reward", "name", "priority", "starts_on", "x"]), anything),
    st.dictionaries(st.sampled_from([*REWARD_KEYS, "x"]), anything),
)
def test_anything_at_all_that_the_parser_takes_validates(content: dict[str, Any], reward: dict[str, Any]) -> None:
    check_agreement(content)
    check_agreement({"reward": {**PLAIN, **reward}})


def test_the_list_of_fields_says_what_each_may_be_compared_with() -> None:
    fields = {field["name"]: field for field in describe_fields()}

    assert list(fields) == list(FIELDS)
    assert fields["segment"]["operators"] == ["equals", "not", "in", "not_in"]
    assert fields["total_sessions"]["aliases"] == ["session_count", "sessions"]
    assert (fields["net_loss_7d"]["window_days"], fields["net_loss_7d"]["unit"]) == (7, "money")
    assert all(
        field["operators"] == [str(o) for o in operators_of(FIELDS[name].kind)] for name, field in fields.items()
    )
    assert all(field["help"].endswith(".") and field["unit"] for field in fields.values())


def test_checking_writes_nothing() -> None:
    assert check_rule(FULL) == []
    assert not RewardRule.objects.exists()
