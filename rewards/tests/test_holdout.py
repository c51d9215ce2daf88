"""Control groups: stable, nested, one for each rule and a global one, decided in the grant path itself."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.expressions import fetch_rows
from core.policies import save_policy
from loyalty.pipeline import process_players
from players.tests.factories import ON
from rewards.holdout import ControlGroup, control_groups_of, is_held_out
from rewards.models import RewardDecision, RewardRule
from rewards.tests.factories import decision, evaluate, make_player, make_rule, verdicts
from safety.control_groups import draw_sql, global_holdout, is_globally_held_out

pytestmark = pytest.mark.django_db


def hold_out(percent: str, *, salt: str = "1") -> None:
    save_policy(name="GLOBAL_HOLDOUT_PERCENT", value=percent, saved_by=None)
    save_policy(name="GLOBAL_HOLDOUT_SALT", value=salt, saved_by=None)


def draw(name: str) -> Decimal:
    return Decimal(fetch_rows(f"SELECT {draw_sql('%s::text')}", [name])[0][0])


def held_out_players(**filters: Any) -> set[str]:
    rows = RewardDecision.objects.filter(verdict="HELD_OUT", **filters)
    return set(rows.values_list("player_id", flat=True))


def test_a_draw_is_the_figure_it_always_was() -> None:
    names = ["holdout:1:alice", "holdout:1:bob", "holdout:global:1:alice", "holdout:global:2:alice"]

    assert [str(round(draw(name), 2)) for name in names] == ["65.76", "61.97", "16.10", "10.27"]


def test_a_new_version_of_a_rule_draws_the_same_players() -> None:
    for number in range(40):
        make_player(f"P{number:02d}")
    make_rule(holdout_percent=25)
    evaluate()
    before = held_out_players()

    make_rule(holdout_percent=25, reward={"amount": 11})
    evaluate(ON + timedelta(days=1))

    assert RewardRule.objects.get().version == 2
    assert before == held_out_players(last_on=ON + timedelta(days=1)) != set()


def test_who_is_drawn_at_a_small_share_is_drawn_at_a_larger_one() -> None:
    hold_out("10")
    small = {name for name in map(str, range(200)) if is_globally_held_out(name)}
    hold_out("30")
    large = {name for name in map(str, range(200)) if is_globally_held_out(name)}

    assert small < large
    assert 8 <= len(small) <= 35
    assert 40 <= len(large) <= 85


def test_another_salt_draws_another_group() -> None:
    hold_out("30", salt="spring")
    spring = {name for name in map(str, range(100)) if is_globally_held_out(name)}
    hold_out("30", salt="summer")
    summer = {name for name in map(str, range(100)) if is_globally_held_out(name)}

    assert spring - summer
    assert summer - spring


def test_the_global_group_is_held_out_of_every_rule_by_night_and_live() -> None:
    hold_out("100")
    make_player()
    make_rule("ONE", total_budget=100)
    make_rule("TWO", reward={"type": "TICKETS", "amount": 1})

    process_players(player_ids=["alice"], on=ON)
    evaluate(ON + timedelta(days=1))

    assert verdicts() == {"ONE": "HELD_OUT HELD_OUT", "TWO": "HELD_OUT HELD_OUT"}
    assert decision(rule_id="ONE").reasons == [
        {"code": "HELD_OUT", "group": "GLOBAL", "would_be": "APPROVED", "would_give": 10.0}
    ]
    assert decision(rule_id="ONE").times == 2


def test_only_the_drawn_share_is_held_out_globally() -> None:
    hold_out("20")
    for number in range(60):
        make_player(f"P{number:02d}")
    make_rule()

    evaluate()

    drawn = {f"P{number:02d}" for number in range(60) if is_held_out(f"P{number:02d}")}
    assert held_out_players() == drawn
    assert 3 <= len(drawn) <= 25


def test_of_both_groups_the_global_one_is_named() -> None:
    hold_out("100")
    make_player()
    make_rule(holdout_percent=100)

    evaluate()

    assert decision().reasons[0]["group"] == "GLOBAL"


def test_a_player_is_in_the_groups_that_decide() -> None:
    hold_out("100")
    rule = make_rule("ONE", holdout_percent=100)
    make_rule("PAUSED", holdout_percent=100, status="PAUSED")
    make_rule("EVERYBODY")

    assert control_groups_of("alice") == [ControlGroup(group="GLOBAL"), ControlGroup(group="RULE", rule_id="ONE")]
    hold_out("0")
    assert control_groups_of("alice") == [ControlGroup(group="RULE", rule_id="ONE")]
    assert is_held_out("alice", rule=rule)
    assert not is_held_out("alice")


def test_is_held_out_says_of_a_rule_what_the_night_does() -> None:
    for number in range(40):
        make_player(f"P{number:02d}")
    rule = make_rule(holdout_percent=30)

    evaluate()

    assert held_out_players() == {f"P{n:02d}" for n in range(40) if is_held_out(f"P{n:02d}", rule=rule)}


def test_the_condition_of_nobody_is_false() -> None:
    assert global_holdout().condition("p.player_id") == "false"
