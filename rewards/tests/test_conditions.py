"""What conditions mean: one table, evaluated for all players at once and for each alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.models import Run, RunKind
from players.tests.factories import ON, make_day
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.models import RuleMatch
from rewards.tests.factories import definition_of, make_player

# alice: LOSING, 3000 down; bob: WINNING, with daily rows; dave: new, nothing known.
MEANINGS: list[tuple[dict[str, Any], str]] = [
    ({}, "alice bob dave"),
    # a value, a list, comparisons
    ({"segment": "LOSING"}, "alice"),
    ({"segment": ["LOSING", "NEW"]}, "alice dave"),
    ({"segment": {"equals": "LOSING"}}, "alice"),
    ({"segment": {"not": "LOSING"}}, "bob dave"),
    ({"segment": {"in": ["LOSING", "WINNING"]}}, "alice bob"),
    ({"segment": {"not_in": ["LOSING", "WINNING"]}}, "dave"),
    ({"total_wagered": 15000}, "alice"),
    ({"total_wagered": {"min": 15000}}, "alice bob"),
    ({"total_wagered": {"gt": 15000}}, "bob"),
    ({"total_wagered": {"max": 15000}}, "alice dave"),
    ({"total_wagered": {"lt": 15000}}, "dave"),
    ({"total_wagered": {"gt": 15000, "lt": 20000.01}}, "bob"),
    ({"total_wagered": [15000, 20000]}, "alice bob"),
    ({"total_wagered": {"not_in": [15000, 0]}}, "bob"),
    # _min and _max include the bound
    ({"total_wagered_min": 15000}, "alice bob"),
    ({"total_wagered_max": 15000}, "alice dave"),
    ({"net_loss_min": 3000, "net_loss_max": 3000}, "alice"),
    # aliases
    ({"session_count_min": 25}, "alice bob"),
    ({"sessions": 25}, "alice"),
    ({"ggr": 3000}, "alice"),
    ({"wagered_7d_min": 1}, "bob"),
    ({"bets_7d": 4}, "bob"),
    # fractions and whole numbers
    ({"sessions": 25.0}, "alice"),
    ({"sessions": [25.5, 40]}, "bob"),
    ({"sessions": {"not": 25.5}}, "alice bob dave"),
    ({"sessions": {"gt": 24.5, "lt": 25.5}}, "alice"),
    ({"win_loss_ratio": 0.8}, "alice"),
    ({"net_pnl": {"lt": -2999.99}}, "alice"),
    # yes/no, texts and tags
    ({"kyc_completed": True}, "alice"),
    ({"kyc_completed": False}, "bob dave"),
    ({"kyc_completed": {"not": True}}, "bob dave"),
    ({"country": "DE"}, "alice"),
    ({"country": "de"}, ""),
    ({"tags": "beta"}, "alice bob"),
    ({"tags": ["vip", "beta"]}, "alice bob"),
    ({"tags": {"in": ["vip"]}}, "alice"),
    ({"tags": {"not": "vip"}}, "bob dave"),
    ({"tags": {"not_in": ["vip", "beta"]}}, "dave"),
    ({"tier": "GOLD"}, "bob"),
    # all, any, not
    ({"all": [{"segment": "LOSING"}, {"sessions_min": 25}]}, "alice"),
    ({"any": [{"segment": "LOSING"}, {"sessions_min": 40}]}, "alice bob"),
    ({"not": {"segment": "LOSING"}}, "bob dave"),
    ({"not": {"segment": "LOSING", "sessions_min": 26}}, "alice bob dave"),
    ({"not": {"any": [{"segment": "LOSING"}, {"sessions_min": 40}]}}, "dave"),
    ({"not": {"not": {"segment": "LOSING"}}}, "alice"),
    (
        {"sessions_min": 1, "any": [{"tags": "vip"}, {"all": [{"tier": "GOLD"}, {"not": {"country": "DE"}}]}]},
        "alice bob",
    ),
    ({"any": [{"segment": "LOSING"}], "not": {"tags": "vip"}}, ""),
    # days: the last deposit was yesterday, the registration ten days ago
    ({"days_since_last_deposit": {"max": 7}}, "alice"),
    ({"days_since_last_deposit": 1}, "alice"),
    ({"days_since_registration_min": 10}, "alice"),
    ({"days_since_last_activity": 0}, "alice"),
    # text is text, whatever it looks like to the database or its driver
    ({"country": {"not": "100% %s %(name)s 'DE' \\ \""}, "age_min": 1}, "alice"),
    ({"country": "D%"}, ""),
]
# Unknown: bob's and dave's age, dave's country, everybody's bets but bob's, dave's and alice's windows.
UNKNOWNS: list[tuple[dict[str, Any], str]] = [
    ({"country": {"not": "DE"}}, "bob"),
    ({"not": {"country": "FR"}}, "alice bob"),
    ({"age_min": 18}, "alice"),
    ({"age_max": 150}, "alice"),
    ({"age": {"not": 34}}, ""),
    ({"age": {"not": 35}}, "alice"),
    ({"age": {"not_in": [35, 36]}}, "alice"),
    ({"not": {"age_min": 18}}, ""),
    ({"not": {"age_min": 35}}, "alice"),
    ({"not": {"not": {"age_min": 18}}}, "alice"),
    ({"any": [{"age_min": 18}, {"segment": "WINNING"}]}, "alice bob"),
    ({"all": [{"age_min": 18}, {"segment": "WINNING"}]}, ""),
    ({"not": {"age_min": 18, "segment": "WINNING"}}, "alice dave"),
    ({"not": {"any": [{"age_min": 40}, {"segment": "WINNING"}]}}, "alice"),
    ({"avg_bet_size_max": 100000}, "bob"),
    ({"not": {"avg_bet_size_max": 100000}}, ""),
    ({"net_loss_7d_max": 100000}, "bob"),
    ({"net_loss_7d": 0}, "bob"),
    ({"win_loss_ratio_7d": 1.5}, "bob"),
    ({"total_wagered_30d_min": 0}, ""),
    ({"active_days_7d": 2}, "bob"),
    ({"win_loss_ratio": 0}, "dave"),
]


@pytest.fixture
def cast(db: None) -> None:
    make_player(
        "alice",
        country="DE",
        age=34,
        tags=["vip", "beta"],
        kyc_completed_at=datetime(2025, 1, 1, tzinfo=UTC),
        registered_on=ON.replace(day=11),
        last_activity_at=datetime(2025, 12, 21, 9, tzinfo=UTC),
    )
    bob = make_player(
        "bob",
        segment="WINNING",
        tier="GOLD",
        country="AT",
        tags=["beta"],
        total_wagered=Decimal(20000),
        total_won=Decimal(25000),
        total_sessions=40,
        total_bets=800,
        last_deposit_at=None,
        days_from=ON.replace(day=15),
    )
    make_day(bob, ON.replace(day=15), wagered="60.00", won="100.00", bets=3)
    make_day(bob, ON, wagered="40.00", won="50.00", bets=1)
    make_player(
        "dave",
        segment="NEW",
        total_wagered=Decimal(0),
        total_won=Decimal(0),
        total_deposited=Decimal(0),
        total_sessions=0,
        last_deposit_at=None,
    )


TABLE = [*MEANINGS, *UNKNOWNS]


def found_matches(*, only: str | None = None) -> list[tuple[dict[str, Any], str]]:
    """Evaluate every line of the table, for one player or for all, and return it as it came out."""
    rules = [definition_of(conditions=conditions, number=number) for number, (conditions, _) in enumerate(TABLE)]
    run = Run.objects.create(kind=RunKind.TEST, business_date=ON)
    fill_facts(run_id=run.pk, on=ON, columns=needed_columns(rules), player_ids=None if only is None else [only])
    match_rules(rules, run_id=run.pk)
    found: dict[int, list[str]] = {}
    for match in RuleMatch.objects.filter(run_id=run.pk).order_by("player_id"):
        found.setdefault(match.rule_number, []).append(match.player_id)
    return [(conditions, " ".join(found.get(number, []))) for number, (conditions, _) in enumerate(TABLE)]


@pytest.mark.usefixtures("cast")
def test_every_line_of_the_table_holds_for_all_players_at_once() -> None:
    assert found_matches() == TABLE


@pytest.mark.usefixtures("cast")
@pytest.mark.parametrize("player_id", ["alice", "bob", "dave"])
def test_every_line_of_the_table_holds_for_a_player_alone(player_id: str) -> None:
    wanted = [(conditions, player_id if player_id in players.split() else "") for conditions, players in TABLE]

    assert found_matches(only=player_id) == wanted
