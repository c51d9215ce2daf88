"""Rules of a block are decided in one statement: as if each had been decided after the one before it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.bulk import hashed_joins
from core.expressions import fetch_rows
from core.policies import save_policy
from players.tests.factories import ON
from rewards.allocation import allocate_rules, allocation_blocks
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.judging import judge_matches
from rewards.models import RuleAllocation
from rewards.occasions import Occasion, occasion_of_night
from rewards.rules import active_rules
from rewards.tests.factories import make_player, make_rule, new_run

pytestmark = pytest.mark.django_db

CONTENT = [
    field.attname for field in RuleAllocation._meta.concrete_fields if field.attname not in ("run_id", "decision_id")
]


def judged() -> Occasion:
    """Take everybody as far as judgement, in a run of its own."""
    rules, run = active_rules(on=ON), new_run()
    fill_facts(run_id=run.pk, on=ON, columns=needed_columns(rules))
    match_rules(rules, run_id=run.pk)
    occasion = occasion_of_night(run_id=run.pk, on=ON)
    judge_matches(rules, occasion=occasion)
    return occasion


def allocated(occasion: Occasion) -> list[tuple[Any, ...]]:
    rows = RuleAllocation.objects.filter(run_id=occasion.run_id).order_by("player_id", "rule_number")
    return list(rows.values_list(*CONTENT))


def make_competition() -> None:
    """Players and rules of every kind, so that groups, margin, guard, caps and minimum all bind for somebody."""
    for number in range(24):
        make_player(
            f"P{number:02d}",
            segment="LOSING" if number % 3 else "NEW",
            total_wagered=Decimal(400 + 900 * number),
            total_won=Decimal(300 + 700 * number),
            bonus_abuse_score=(0, 0, 40, 70, 90)[number % 5],
        )
    make_rule("FIRST", priority=90, exclusive_group="a", reward={"amount": 12, "wagering_requirement": 5})
    make_rule("SECOND", priority=80, exclusive_group="a", holdout_percent=40, reward={"amount": 9})
    make_rule("POINTS", priority=70, exclusive_group="b", reward={"type": "LOYALTY_POINTS", "amount": 150})
    make_rule("PERK", priority=60, exclusive_group="b", reward={"type": "VIP_PERKS", "amount": 5, "perk": "Dinner"})
    make_rule("TICKETS", priority=50, exclusive_group="b", reward={"type": "TICKETS", "amount": 3})
    make_rule("LEAST", priority=40, reward={"amount": 11, "min_amount": 6})
    make_rule("SMALL", priority=30, holdout_percent=20, reward={"amount": 4})
    make_rule("LAST", priority=20, reward={"amount": 2})
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="24", saved_by=None)
    save_policy(name="RULE_GUARD_VALUE", value="22", saved_by=None)


def test_rules_together_are_decided_as_one_after_the_other() -> None:
    make_competition()
    rules = active_rules(on=ON)
    together, in_turn = judged(), judged()

    allocate_rules(rules, occasion=together)
    for rule in rules:
        allocate_rules([rule], occasion=in_turn)

    assert allocated(together) == allocated(in_turn)
    found = {row.reason for row in RuleAllocation.objects.filter(run_id=together.run_id)}
    assert found >= {"", "EXCLUSIVE_GROUP", "UNPROFITABLE", "RULE_GUARD", "BELOW_MINIMUM", "HELD_OUT", "ABUSE_REVIEW"}


def test_what_was_given_before_counts_for_the_next_block() -> None:
    make_player()
    make_rule("BEFORE", priority=9, exclusive_group="one", total_budget=100)
    make_rule("OF_THE_GROUP", priority=8, exclusive_group="one")
    make_rule("REST", priority=7)
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="15", saved_by=None)
    occasion = judged()

    blocks = allocation_blocks(active_rules(on=ON))
    for block in blocks:
        allocate_rules(block, occasion=occasion)

    assert [[rule.rule_id for rule in block] for block in blocks] == [["BEFORE"], ["OF_THE_GROUP", "REST"]]
    found = RuleAllocation.objects.filter(run_id=occasion.run_id).order_by("rule_number")
    assert [(row.verdict, row.reason, row.amount_given) for row in found] == [
        ("APPROVED", "", 10),
        ("REJECTED", "EXCLUSIVE_GROUP", 0),
        ("REDUCED", "", 5),
    ]


def test_the_planner_is_left_as_it_was() -> None:
    with hashed_joins():
        assert fetch_rows("SELECT current_setting('enable_nestloop')", []) == [("off",)]

    assert fetch_rows("SELECT current_setting('enable_nestloop'), current_setting('enable_mergejoin')", []) == [
        ("on", "on")
    ]
