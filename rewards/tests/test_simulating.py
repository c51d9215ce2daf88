"""A simulation is the night without what lasts of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from core.expressions import fetch_rows
from core.policies import save_policy
from loyalty.pipeline import open_night, work_on_night
from players.models import Player
from players.tests.factories import AT, ON, restrict
from rewards.models import RewardDecision
from rewards.rules import active_rules
from rewards.simulation.simulating import simulate, simulated_night
from rewards.tests.factories import evaluate, make_player, make_rule

pytestmark = pytest.mark.django_db


def a_night_in_which_every_limit_binds() -> None:
    """Twelve players; budget, cap, exclusive group, holdout, frequency and a restriction all refuse somebody."""
    save_policy(name="MAX_DAILY_REWARD_PER_PLAYER", value="45", saved_by=None)
    for number in range(12):
        make_player(f"P{number:02d}")
    restrict(Player.objects.get(pk="P03"))
    make_rule("ONCE", priority=9, reward={"amount": 5})
    evaluate(ON - timedelta(days=1))
    make_player("NEW1")
    make_player("NEW2")
    make_rule("SCARCE", priority=8, reward={"amount": 20}, daily_budget=100, exclusive_group="g")
    make_rule("PLENTY", priority=7, reward={"amount": 30}, exclusive_group="g")
    make_rule("HELD", priority=6, reward={"amount": 10}, holdout_percent=50)
    make_rule("LAST", priority=5, reward={"amount": 12})


def simulated() -> set[tuple[Any, ...]]:
    with simulated_night(active_rules(on=ON), on=ON, at=AT):
        return set(
            fetch_rows(
                """SELECT player_id, rule_number, verdict, reason, amount_given, money_value, reasons::text
                FROM rule_allocations""",
                [],
            )
        )


def decided() -> set[tuple[Any, ...]]:
    return set(
        fetch_rows(
            """SELECT player_id, rule_number, verdict, reason, amount_given, money_value, reasons::text
            FROM reward_decisions WHERE last_on = %s""",
            [ON],
        )
    )


def test_simulating_equals_what_the_night_then_does_where_every_limit_binds() -> None:
    a_night_in_which_every_limit_binds()

    expected = simulated()
    work_on_night(open_night(business_date=ON))

    assert decided() == expected
    reasons = {row[3] for row in expected}
    assert {"BUDGET", "EXCLUSIVE_GROUP", "HELD_OUT", "FREQUENCY", "RESTRICTED"} <= reasons
    assert "CAP_CUT" in "".join(row[6] for row in expected)
