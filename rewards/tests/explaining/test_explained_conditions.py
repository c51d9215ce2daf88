"""Random rules and players: what is explained is what the night matches, node by node."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given

from players.tests.factories import ON
from rewards.definitions import RuleDefinition, define_rule
from rewards.evaluation import match_rules
from rewards.explaining import ExplainedComparison, ExplainedGroup, Group, Truth, walk
from rewards.explaining.nodes import ask_facts, explain_conditions
from rewards.explaining.sources import RunFacts
from rewards.models import PlayerFacts, RewardRule, RuleMatch
from rewards.tests.naive_evaluator import holds, rendered
from rewards.tests.test_rule_properties import conditions, facts, formulas, run_ids, thorough

TRUTHS = {True: Truth.HOLDS, False: Truth.DOES_NOT_HOLD, None: Truth.UNKNOWN}


def combined(group: ExplainedGroup) -> Truth:
    """Return what three-valued logic makes of the members."""
    members = [member.truth for member in group.members]
    if group.group is Group.NOT:
        turned = {Truth.HOLDS: Truth.DOES_NOT_HOLD, Truth.DOES_NOT_HOLD: Truth.HOLDS}
        return turned.get(members[0], Truth.UNKNOWN)
    decides = Truth.DOES_NOT_HOLD if group.group is Group.ALL else Truth.HOLDS
    if decides in members:
        return decides
    if Truth.UNKNOWN in members:
        return Truth.UNKNOWN
    return Truth.HOLDS if group.group is Group.ALL else Truth.DOES_NOT_HOLD


def defined(raw: dict[str, Any], formula: Any) -> RuleDefinition | None:
    reward = {"type": "BONUS_BALANCE", "formula": rendered(formula), "max_amount": "500"}
    rule = RewardRule(rule_id="R", number=1, name="x", conditions=raw, reward_config=reward)
    return define_rule(rule)[0]


@pytest.mark.django_db
@thorough
@given(conditions, formulas, facts)
def test_every_node_says_what_the_night_does(raw: dict[str, Any], formula: Any, known: dict[str, Any]) -> None:
    definition = defined(raw, formula)
    if definition is None:
        return
    run_id = next(run_ids)
    PlayerFacts.objects.create(run_id=run_id, player_id="alice", as_of=ON, **known)

    match_rules([definition], run_id=run_id)
    answers = ask_facts(definition, source=RunFacts(run_id=run_id, player_id="alice", on=ON))
    explained = explain_conditions(definition.conditions, answers=answers, why_unknown={})

    match = RuleMatch.objects.filter(run_id=run_id).first()
    assert (explained.truth is Truth.HOLDS) == (match is not None)
    assert explained.truth is TRUTHS[holds(raw, known)]
    if match is not None:
        assert match.amount == answers.amount
    for node in walk(explained):
        if isinstance(node, ExplainedGroup):
            assert node.truth is combined(node)
        else:
            check_words(node)


def check_words(node: ExplainedComparison) -> None:
    """Check that the words agree with the verdict, and name no distance of nothing."""
    assert node.distance.startswith("not known") == (node.truth is Truth.UNKNOWN)
    says_more = node.distance.endswith(" needed") or "needed:" in node.distance or "too " in node.distance
    if node.truth is Truth.HOLDS:
        assert not says_more
    if says_more and isinstance(node.threshold, Decimal):
        assert not node.distance.startswith(("0 ", "0.00 ", "more than 0.00 ", "-"))


@pytest.mark.django_db
def test_a_group_keeps_its_place_in_the_json() -> None:
    raw = {"any": [{"segment": "LOSING"}, {"not": {"all": [{"age_min": 2}, {"age_max": 3}]}}]}
    definition = defined(raw, ("number", "1"))
    assert definition is not None
    PlayerFacts.objects.create(run_id=1, player_id="alice", as_of=ON, segment="NEW", age=2)

    answers = ask_facts(definition, source=RunFacts(run_id=1, player_id="alice", on=ON))
    explained = explain_conditions(definition.conditions, answers=answers, why_unknown={})

    assert [(node.path, str(node.truth)) for node in walk(explained)] == [
        ("conditions.any", "DOES_NOT_HOLD"),
        ("conditions.any[0].segment", "DOES_NOT_HOLD"),
        ("conditions.any[1].not", "DOES_NOT_HOLD"),
        ("conditions.any[1].not.all", "HOLDS"),
        ("conditions.any[1].not.all[0].age_min", "HOLDS"),
        ("conditions.any[1].not.all[1].age_max", "HOLDS"),
    ]


@pytest.mark.django_db
def test_a_rule_at_the_limits_of_the_grammar_is_explained_in_one_query(django_assert_num_queries: Any) -> None:
    countries = [f"C{number}" for number in range(1000)]
    raw: dict[str, Any] = {"all": [{"country": countries} for _ in range(2)], "any": [{"age": 1}] * 187}
    for _ in range(8):
        raw = {"not": raw}
    definition = defined(raw, ("number", "1"))
    assert definition is not None
    PlayerFacts.objects.create(run_id=1, player_id="alice", as_of=ON, country="C999", age=2)

    with django_assert_num_queries(1):
        answers = ask_facts(definition, source=RunFacts(run_id=1, player_id="alice", on=ON))

    explained = explain_conditions(definition.conditions, answers=answers, why_unknown={})
    assert explained.truth is Truth.DOES_NOT_HOLD
    assert sum(isinstance(node, ExplainedComparison) for node in walk(explained)) == 189
