"""Testing a rule on one player: it says what the night then does, and leaves no trace."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection

from core.errors import NotFoundError
from core.expressions import fetch_rows
from core.policies import save_policy
from players.models import Player
from players.tests.factories import ON, restrict
from rewards.models import RewardRule
from rewards.preview import test_rule as try_rule
from rewards.problems import RuleInvalidError
from rewards.tests.factories import decision, evaluate, make_player, make_rule

pytestmark = pytest.mark.django_db
PLAIN: dict[str, Any] = {
    "conditions": {"net_loss_min": 100},
    "reward": {"formula": "net_loss * 0.05", "max_amount": 500},
}


def row_counts() -> dict[str, int]:
    tables = connection.introspection.table_names()
    return {name: int(fetch_rows(f'SELECT count(*) FROM "{name}"', [])[0][0]) for name in tables}


def test_every_condition_is_shown_with_the_players_value() -> None:
    make_player(age=None)
    rule = make_rule(
        conditions={"segment": "LOSING", "any": [{"age_min": 18}, {"sessions": {"min": 30}}]}, reward={"amount": 20}
    )

    tried = try_rule(rule=rule, player_id="alice", on=ON)

    assert tried.matches is False
    assert (tried.verdict, tried.amount_computed, tried.amount_given, tried.reasons) == (None, None, None, [])
    shown = {line.path: (line.field, line.operator, line.wanted, line.actual, line.holds) for line in tried.conditions}
    assert shown == {
        "conditions.segment": ("segment", "equals", "LOSING", "LOSING", True),
        "conditions.any[0].age_min": ("age", "min", Decimal(18), None, None),
        "conditions.any[1].sessions.min": ("total_sessions", "min", Decimal(30), 25, False),
    }


def test_nothing_is_written() -> None:
    make_player()
    rule = make_rule(**PLAIN, total_budget=1000)
    before = row_counts()

    assert try_rule(rule=rule, player_id="alice", on=ON).verdict == "APPROVED"

    assert row_counts() == before


@pytest.mark.parametrize(
    ("player", "rule", "restricted"),
    [
        ({}, {}, False),
        ({}, {}, True),
        ({"segment": "VIP"}, {}, False),
        ({"bonus_abuse_score": 45}, {}, False),
        ({"bonus_abuse_score": 65}, {}, False),
        ({"bonus_abuse_score": 85}, {}, False),
        ({}, {"reward": {"amount": 1000}}, False),
        ({}, {"reward": {"formula": "5 / 0", "max_amount": 5}}, False),
        ({}, {"reward": {"amount": 10, "type": "VIP_PERKS"}}, False),
        ({}, {"reward": {"amount": 60}}, False),
        ({}, {"holdout_percent": 100}, False),
        ({}, {"total_budget": 149}, False),
        ({}, {"total_budget": 150}, False),
    ],
    ids=str,
)
def test_it_says_what_the_night_then_does(player: dict[str, Any], rule: dict[str, Any], restricted: bool) -> None:
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="155", saved_by=None)
    make_player(**player)
    if restricted:
        restrict(Player.objects.get())
    saved = make_rule(**{**PLAIN, **rule})

    tried = try_rule(rule=saved, player_id="alice", on=ON)
    evaluate()

    decided = decision()
    assert (tried.verdict, tried.amount_computed, tried.amount_given, tried.reasons) == (
        decided.verdict,
        decided.amount_computed,
        decided.amount_given,
        decided.reasons,
    )


def test_what_was_decided_for_the_date_already_is_said() -> None:
    make_player()
    rule = make_rule(**PLAIN)
    evaluate()

    assert try_rule(rule=rule, player_id="alice", on=ON).verdict == "ALREADY_DECIDED"
    assert try_rule(rule=rule, player_id="alice", on=ON + timedelta(days=1)).reasons == [
        {"code": "FREQUENCY", "given": 1, "last_on": "2025-12-21"}
    ]


@pytest.mark.parametrize("player_id", ["nobody", "removed"])
def test_a_player_who_does_not_exist_is_not_found(player_id: str) -> None:
    make_player("removed", is_active=False)
    rule = make_rule()

    with pytest.raises(NotFoundError, match=player_id):
        try_rule(rule=rule, player_id=player_id, on=ON)


def test_a_rule_that_is_wrong_is_refused() -> None:
    make_player()
    rule = make_rule()
    RewardRule.objects.update(conditions={"gone": 1})
    rule.refresh_from_db()

    with pytest.raises(RuleInvalidError, match="gone"):
        try_rule(rule=rule, player_id="alice", on=ON)
