"""A simulation is the night without what lasts of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.expressions import fetch_rows
from core.models import Run
from core.policies import save_policy
from core.tests.threads import run_together
from loyalty.pipeline import open_night, work_on_night
from players.models import Player, PlayerMetrics
from players.tests.factories import AT, ON, make_day, restrict
from rewards.models import RewardDecision, RewardRule
from rewards.rules import active_rules, validate_rule
from rewards.simulation.backtesting import backtest
from rewards.simulation.overlaps import map_overlaps
from rewards.simulation.periods import SimulationDateError
from rewards.simulation.replaying import replay
from rewards.simulation.simulating import rules_with, simulate, simulated_night
from rewards.tests.factories import evaluate, make_player, make_rule
from safety.grants import credit_bonus
from wallet.models import Lot
from wallet.points import add_reward_points

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


def a_morning_after_a_busy_day() -> None:
    """Sixteen players: points from play lift some and expire for others, and every limit there is refuses somebody."""
    for name, value in POLICIES.items():
        save_policy(name=name, value=value, saved_by=None)
    for number in range(16):
        make_player(f"P{number:02d}")
    for rule_id, reward in YESTERDAYS_RULES.items():
        make_rule(rule_id, **reward)
    evaluate(ON - timedelta(days=1))
    for number in range(4):
        make_player(f"NEW{number}")
    restrict(Player.objects.get(pk="P03"))
    restrict(Player.objects.get(pk="P04"), "BLOCKED")
    for player_id in ("P01", "P02", "P03", "P06"):
        make_day(Player.objects.get(pk=player_id), ON, lp_due="1200.00", lp_posted="10.00")
    make_day(Player.objects.get(pk="P05"), ON, wagered="20000.00", won="19900.00", bets=9, is_estimated=True)
    PlayerMetrics.objects.filter(player__in=["P04", "P07"]).update(opening_lp=1500)
    add_reward_points(player_id="P08", amount=50, source="Gift", key="stays", actor="tests")
    add_reward_points(player_id="P09", amount=50, source="Gift", key="ends", actor="tests")
    Lot.objects.filter(player="P09", currency_type="RP").update(expires_at=AT - timedelta(hours=1))
    for player_id in ("P10", "P11"):
        credit_bonus(
            player_id=player_id, amount=60, wagering_requirement=Decimal(0), key=player_id, actor="ann", expiry=None
        )
    Lot.objects.filter(amount=60).update(granted_on=ON)
    for priority, (rule_id, content) in enumerate(reversed(TONIGHTS_RULES.items())):
        make_rule(rule_id, priority=priority, **content)
    RewardRule.objects.filter(pk="RUNAWAY").update(forecast_cost=3)


POLICIES = {
    "MAX_DAILY_REWARD_PER_PLAYER": "70",
    "RULE_GUARD_VALUE": "48",
    "RULE_GUARD_DAYS": "7",
    "GLOBAL_HOLDOUT_PERCENT": "12",
}
YESTERDAYS_RULES: dict[str, dict[str, Any]] = {
    "ONCE": {"priority": 90, "reward": {"amount": 1}},
    "COOLED": {
        "priority": 89,
        "reward": {"amount": 1},
        "frequency_period": "WEEK",
        "frequency_max": 9,
        "cooldown_days": 3,
    },
}
TONIGHTS_RULES: dict[str, dict[str, Any]] = {
    "WELCOME": {"reward": {"amount": 30}, "is_live": True, "trigger": "TIER_REACHED", "conditions": {"tier": "SILVER"}},
    "PERK": {"reward": {"type": "VIP_PERKS", "amount": 1}, "max_players": 2},
    "CASH": {"reward": {"type": "CASHBACK", "amount": 4, "withdrawable": True}},
    "SCARCE": {"reward": {"amount": 20}, "daily_budget": 100, "exclusive_group": "g"},
    "PLENTY": {"reward": {"amount": 25}, "exclusive_group": "g"},
    "PLACES": {"reward": {"amount": 3}, "max_players": 4, "holdout_percent": 30},
    "PACED": {"reward": {"amount": 2}, "total_budget": 20, "budget_pacing": "EVEN", "ends_on": "2025-12-24"},
    "RUNAWAY": {"reward": {"amount": 2}},
    "HUGE": {"reward": {"amount": 100_000}},
    "NONE": {"reward": {"formula": "net_loss * 0", "max_amount": 5}},
    "LITTLE": {"reward": {"formula": "net_loss * 0.001", "max_amount": 5, "min_amount": 4}},
    "SILVERS": {"reward": {"type": "TICKETS", "amount": 1}, "conditions": {"tier": "SILVER"}},
    "HOLDERS": {"reward": {"type": "TICKETS", "amount": 2}, "conditions": {"rp_balance_min": 50}},
    "RICH": {
        "reward": {"formula": "lp_balance * 0.001 + lp_earned * 0.001 + bonus_balance * 0.001", "max_amount": 9},
        "conditions": {"lp_balance_min": 1},
    },
    "LAST": {"reward": {"amount": 30}, "holdout_percent": 20},
}


def test_simulating_equals_the_night_after_points_tiers_and_welcomes_where_all_limits_bind() -> None:
    a_morning_after_a_busy_day()

    expected = simulated()
    work_on_night(open_night(business_date=ON))

    assert decided() == expected
    found = {row[3] for row in expected}
    assert {"BUDGET", "PACING", "MAX_PLAYERS", "EXCLUSIVE_GROUP", "HELD_OUT", "FREQUENCY", "COOLDOWN"} <= found
    assert {"RESTRICTED", "RULE_GUARD", "CAP", "UNPROFITABLE", "NO_AMOUNT", "BELOW_MINIMUM"} <= found
    assert {"NEEDS_APPROVAL", "GUARDRAIL"} <= found
    told = "".join(row[6] for row in expected)
    assert all(code in told for code in ("CAP_CUT", "RULE_GUARD_CUT", '"GLOBAL"', '"RULE"'))
    # Lifted by points from play, by an estimated day, by what was carried over; the restricted are not.
    assert matched(expected, "SILVERS") == {"P01", "P02", "P05", "P06", "P07"}
    assert matched(expected, "HOLDERS") == {"P08"}
    welcomed = RewardDecision.objects.filter(rule__rule_id="WELCOME", amount_given__gt=0).values_list(
        "player_id", flat=True
    )
    assert set(welcomed) <= {"P01", "P02", "P05", "P06", "P07"}
    assert welcomed


def matched(decisions: set[tuple[Any, ...]], rule_id: str) -> set[str]:
    number = RewardRule.objects.get(pk=rule_id).number
    return {row[0] for row in decisions if row[1] == number}


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
            FROM reward_decisions
            WHERE last_on = %s AND rule_number IN (SELECT number FROM reward_rules WHERE NOT is_live)""",
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


def test_the_guardrail_of_the_version_that_runs_says_nothing_of_a_draft() -> None:
    for name in ("alice", "bob", "carol"):
        make_player(name)
    make_rule()
    RewardRule.objects.update(forecast_cost=5)
    running = active_rules(on=ON)
    draft = replace(running[0], version=2)

    assert simulate(running, on=ON, at=AT).total.money_value == 10
    assert simulate([draft], on=ON, at=AT).total.money_value == 30


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


def written_tables() -> set[str]:
    """Return the house's own tables that this transaction has written to or locked rows of."""
    rows = fetch_rows(
        """
        SELECT DISTINCT c.relname FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
        WHERE l.pid = pg_backend_pid() AND l.mode NOT IN ('AccessShareLock', 'ShareRowExclusiveLock')
          AND c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
        """,
        [],
    )
    return {name for (name,) in rows}


COPIED = ("rule_places", "rule_events", "outbox_events", "rule_budget_days", "reward_rules", "safety_cash_grants")


@pytest.mark.django_db(transaction=True)
def test_a_simulation_writes_to_its_copies_alone() -> None:
    a_morning_after_a_busy_day()
    before = {name: count(f"public.{name}") for name in COPIED}

    with simulated_night(active_rules(on=ON), on=ON, at=AT) as run:
        copied = {name: count(f"pg_temp.{name}") for name in COPIED}
        assert {name: count(f"public.{name}") for name in COPIED} == before
        # Its own row in the list of runs, and that of the welcome rewards; both go with the rollback.
        assert written_tables() == {"runs"}
        paused = fetch_rows("SELECT status FROM pg_temp.reward_rules WHERE rule_id = 'RUNAWAY'", [])

    # Two perks and four places; the rule that reached its guardrail was paused and said so, in the copies.
    assert (copied["rule_places"], copied["rule_events"], copied["outbox_events"]) == (6, 1, 1)
    assert paused == [("PAUSED",)]
    assert RewardRule.objects.get(pk="RUNAWAY").status == "ACTIVE"
    assert not Run.objects.filter(pk=run.pk).exists()


@pytest.mark.django_db(transaction=True)
def test_a_back_test_writes_to_its_copies_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    a_morning_after_a_busy_day()
    written: list[set[str]] = []

    def watched(*args: Any, **kwargs: Any) -> Any:
        found = replay(*args, **kwargs)
        written.append(written_tables())
        return found

    monkeypatch.setattr("rewards.simulation.backtesting.replay", watched)

    found = backtest(active_rules(on=ON), since=ON, until=ON, at=AT)

    assert found.replay.total.rewards > 0
    assert written == [{"runs"}]


def count(table: str) -> int:
    return int(fetch_rows(f"SELECT count(*) FROM {table}", [])[0][0])


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
