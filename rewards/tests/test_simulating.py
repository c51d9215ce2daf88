"""A simulation is the night without what lasts of it."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from core.expressions import fetch_rows
from core.policies import save_policy
from core.tests.threads import run_together
from loyalty.pipeline import open_night, work_on_night
from players.models import Player, PlayerMetrics
from players.tests.factories import AT, ON, make_day, restrict
from rewards.rules import active_rules, validate_rule
from rewards.simulation.backtesting import backtest
from rewards.simulation.overlaps import map_overlaps
from rewards.simulation.periods import SimulationDateError
from rewards.simulation.simulating import rules_with, simulate, simulated_night
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


def test_a_simulation_of_one_rule_says_what_it_costs_and_to_whom() -> None:
    make_player("alice", country="DE")
    make_player("bob")
    make_player("carol")
    make_rule("OTHER", priority=9, reward={"amount": 7})
    draft = make_rule("DRAFT", status="DRAFT", conditions={"country": "DE"}, reward={"amount": 20}, daily_budget=50)
    rules = rules_with(validate_rule(draft), on=ON)

    found = simulate(rules, on=ON, at=AT, rule_id="DRAFT")

    assert (found.rules_simulated, found.players, found.matches, found.decided_before) == (2, 3, 1, 0)
    assert (found.total.players, found.total.rewards) == (1, 1)
    assert found.total.money_value == found.total.expected_cost == 20
    assert found.total.expected_margin > 100
    assert [(row.name, str(row.money_value)) for row in found.by_tier] == [("BRONZE", "20.00")]
    assert [(row.name, str(row.money_value)) for row in found.by_segment] == [("LOSING", "20.00")]
    assert [(row.name, row.players, str(row.money_value)) for row in found.by_rule] == [("DRAFT", 1, "20.00")]
    assert [(row.player_id, str(row.money_value)) for row in found.beneficiaries] == [("alice", "20.00")]
    assert [(str(row.given), str(row.daily_left), row.total_left) for row in found.budgets] == [
        ("20.00", "30.00", None)
    ]


def test_the_draft_takes_the_place_of_its_active_version_and_its_new_place_in_the_order() -> None:
    make_rule("A", priority=9)
    active = make_rule("B", priority=5)
    active.priority = 20

    assert [rule.rule_id for rule in rules_with(validate_rule(active), on=ON)] == ["B", "A"]


def test_refusals_are_counted_by_reason() -> None:
    for name in ("alice", "bob", "carol"):
        make_player(name)
    restrict(Player.objects.get(pk="carol"))
    make_rule(total_budget=10)

    found = simulate(active_rules(on=ON), on=ON, at=AT)

    counted = [(row.verdict, row.reason, row.matches, str(row.amount_computed)) for row in found.refusals]
    assert counted == [("REJECTED", "BUDGET", 1, "10.00"), ("REJECTED", "RESTRICTED", 1, "10.00")]


def test_players_are_measured_first_as_the_night_does() -> None:
    make_player(segment="NEW")
    PlayerMetrics.objects.update(total_wagered=20000, net_pnl=0)
    make_rule(conditions={"segment": "LOSING", "net_loss_min": 8000})

    assert simulate(active_rules(on=ON), on=ON, at=AT).total.rewards == 1
    assert Player.objects.get().segment == "NEW"


def test_a_match_that_tonight_has_decided_already_is_not_given_again() -> None:
    make_player()
    make_rule(frequency_period="DAY")
    evaluate(ON)

    found = simulate(active_rules(on=ON), on=ON, at=AT)

    assert (found.matches, found.decided_before, found.total.rewards) == (1, 1, 0)


@pytest.mark.parametrize("on", [ON - timedelta(days=2), ON + timedelta(days=400)])
def test_only_nights_that_may_come_are_simulated(on: date) -> None:
    with pytest.raises(SimulationDateError, match="a night can still come from 2025-12-20 to 2026-12-22"):
        simulate([], on=on, at=AT)


def test_without_rules_or_players_nothing_comes_of_it() -> None:
    assert simulate([], on=ON, at=AT).total.money_value == 0
    assert map_overlaps([], on=ON, at=AT).pairs == []


# ── overlaps ──


def test_pairs_of_rules_that_pay_the_same_players_are_sorted_by_what_they_cost() -> None:
    for name in ("alice", "bob", "carol"):
        make_player(name, **({"country": "DE"} if name != "carol" else {}))
    make_rule("ALL", priority=3, reward={"amount": 10})
    make_rule("GERMANS", priority=2, reward={"amount": 15}, conditions={"country": "DE"})
    make_rule("MORE", priority=1, reward={"amount": 2})

    found = map_overlaps(active_rules(on=ON), on=ON, at=AT)

    assert (found.players_paid, found.players_paid_twice) == (3, 3)
    pairs = [(row.rule_id, row.other_rule_id, row.players, f"{row.cost} + {row.other_cost}") for row in found.pairs]
    assert pairs == [
        ("ALL", "GERMANS", 2, "20.00 + 30.00"),
        ("ALL", "MORE", 3, "30.00 + 6.00"),
        ("GERMANS", "MORE", 2, "30.00 + 4.00"),
    ]
    assert [str(row.cost_together) for row in found.pairs] == ["50.00", "36.00", "34.00"]


# ── nothing lasts ──


def fingerprints() -> dict[str, Any]:
    """Return for every table how many rows it has and a sum over all they hold."""
    tables = fetch_rows("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()", [])
    sql = "SELECT count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM public.{} t"
    return {name: fetch_rows(sql.format(name), [])[0] for (name,) in tables}


def test_every_table_is_as_it_was() -> None:
    a_night_in_which_every_limit_binds()
    make_day(Player.objects.get(pk="P01"), ON, wagered="5.00")
    before = fingerprints()
    decisions = fetch_rows("SELECT last_value FROM reward_decisions_id_seq", [])

    simulate(active_rules(on=ON), on=ON, at=AT)
    map_overlaps(active_rules(on=ON), on=ON, at=AT)
    backtest(active_rules(on=ON), since=ON, until=ON, at=AT, compared_with=active_rules(on=ON))

    assert fingerprints() == before
    assert fetch_rows("SELECT last_value FROM reward_decisions_id_seq", []) == decisions
    assert fetch_rows("SELECT relname FROM pg_class WHERE pg_my_temp_schema() = relnamespace", []) == []


def test_a_simulation_that_fails_leaves_nothing_either() -> None:
    make_player()
    make_rule()
    before = fingerprints()

    with pytest.raises(ZeroDivisionError), simulated_night(active_rules(on=ON), on=ON, at=AT):
        raise ZeroDivisionError

    assert fingerprints() == before


@pytest.mark.django_db(transaction=True)
def test_two_simulations_and_a_night_at_once_do_not_disturb_each_other() -> None:
    a_night_in_which_every_limit_binds()
    rules = active_rules(on=ON)
    expected = simulated()

    first, second, night = run_together(
        simulated,
        lambda: simulate(rules, on=ON, at=AT).total.rewards,
        lambda: work_on_night(open_night(business_date=ON)).status,
    )

    assert night == "SUCCEEDED"
    assert decided() == expected
    # Whoever looked before the night posted saw all of it; whoever looked after it, nothing left to decide.
    assert isinstance(first, set)
    assert first <= expected
    assert isinstance(second, int)


@pytest.mark.django_db(transaction=True)
def test_a_simulation_waits_for_nobody_and_keeps_nobody_waiting() -> None:
    a_night_in_which_every_limit_binds()
    rules = active_rules(on=ON)
    expected = simulated()

    with simulated_night(rules, on=ON, at=AT) as run:
        # A night begins and ends while the simulation is still open.
        assert run_together(lambda: work_on_night(open_night(business_date=ON)).status) == ["SUCCEEDED"]
        assert fetch_rows("SELECT count(*) FROM rule_allocations WHERE run_id = %s", [run.pk])[0][0] == len(expected)

    assert decided() == expected
