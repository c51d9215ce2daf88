"""The facts of a run: what they say, and that only what is needed is filled."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from players.models import PlayerMetrics, Tier
from players.tests.factories import ON, make_day
from rewards.facts import fill_facts, forget_facts, needed_columns
from rewards.fields import COLUMNS, SAFETY_COLUMNS
from rewards.models import PlayerFacts
from rewards.tests.factories import definition_of, make_player, new_run
from wallet.bonuses import add_bonus_balance
from wallet.points import add_loyalty_points

pytestmark = pytest.mark.django_db


def facts(player_id: str = "alice", *columns: str, on: Any = ON) -> dict[str, Any]:
    """Fill every column, or those named, and return them."""
    run = new_run(on)
    fill_facts(run_id=run.pk, on=on, columns=list(columns or COLUMNS), player_ids=[player_id])
    return dict(PlayerFacts.objects.filter(run_id=run.pk).values().get())


def filled(columns: list[str]) -> set[str]:
    row = facts("alice", *columns)
    return {name for name in COLUMNS if row[name] is not None}


def test_only_what_the_rules_and_safety_read_is_filled() -> None:
    alice = make_player(country="DE", age=34, days_from=ON - timedelta(days=89))
    make_day(alice, ON, wagered="5.00")
    rule = definition_of(conditions={"net_loss_7d_min": 1}, reward={"formula": "age", "max_amount": 50})

    columns = needed_columns([rule])

    assert set(columns) == {"age", "total_won_7d", "total_wagered_7d", *SAFETY_COLUMNS}
    assert filled(columns) <= set(columns)
    assert "country" not in filled(columns)
    assert {"age", "total_won_7d", "total_wagered_7d", "total_wagered"} <= filled(columns)


def test_a_repeating_rule_keeps_the_lifetime_measures_as_well() -> None:
    rule = definition_of(frequency_period="WEEK", conditions={"age_min": 18})

    assert {"total_wagered", "total_won", "total_bets", "age"} <= set(rule.columns)
    assert definition_of(conditions={"age_min": 18}).columns == ["age"]


def test_windows_hold_the_business_days_that_end_on_the_date() -> None:
    alice = make_player(days_from=ON - timedelta(days=89))
    for days_ago, wagered in (
        (0, "1.00"),
        (6, "10.00"),
        (7, "100.00"),
        (29, "1000.00"),
        (30, "10000.00"),
        (89, "0.10"),
    ):
        make_day(alice, ON - timedelta(days=days_ago), wagered=wagered, bets=1)
    make_day(alice, ON + timedelta(days=1), wagered="5000.00", bets=1)

    row = facts()

    assert (row["total_wagered_7d"], row["total_bets_7d"], row["active_days_7d"]) == (Decimal(11), 2, 2)
    assert (row["total_wagered_30d"], row["active_days_30d"]) == (Decimal(1111), 4)
    assert (row["total_wagered_90d"], row["active_days_90d"]) == (Decimal("11111.10"), 6)


@pytest.mark.parametrize("days", [7, 30, 90])
def test_a_window_that_begins_before_the_first_known_day_is_unknown(days: int) -> None:
    alice = make_player("alice", days_from=ON - timedelta(days=days - 2))
    make_day(alice, ON, wagered="5.00")
    assert facts("alice")[f"total_wagered_{days}d"] is None
    assert facts("alice")[f"active_days_{days}d"] is None

    PlayerMetrics.objects.update(days_from=ON - timedelta(days=days - 1))

    assert facts("alice")[f"total_wagered_{days}d"] == 5
    assert facts("alice")[f"total_deposited_{days}d"] == 0


def test_without_daily_rows_no_window_is_known() -> None:
    make_player()

    row = facts()

    assert [row[name] for name in COLUMNS if name.endswith(("_7d", "_30d", "_90d"))] == [None] * 30


def test_a_covered_window_without_play_is_nothing_not_unknown() -> None:
    make_player(days_from=ON - timedelta(days=6))

    assert facts()["total_wagered_7d"] == facts()["active_days_7d"] == 0


def test_days_are_counted_to_the_business_date() -> None:
    make_player(registered_on=ON - timedelta(days=10))

    row = facts(on=ON + timedelta(days=5))

    assert (row["days_since_last_deposit"], row["days_since_registration"]) == (6, 15)
    assert row["days_since_last_activity"] is None


def test_a_player_without_balance_holds_nothing() -> None:
    make_player()

    row = facts()

    assert row["lp_balance"] == row["bonus_balance"] == row["tickets_balance"] == row["lp_earned"] == 0


def test_balances_are_what_the_wallet_says() -> None:
    make_player()
    add_loyalty_points(player_id="alice", amount="12.50", source="Play", key="1", actor="tests")

    assert facts()["lp_balance"] == facts()["lp_earned"] == Decimal("12.50")


def test_benefits_are_the_tiers_and_a_tier_that_names_none_has_the_defaults() -> None:
    make_player("alice", tier="GOLD")
    make_player("bob", tier="DIAMOND")
    Tier.objects.create(tier_level="DIAMOND", lp_min=100_000, benefits={})

    gold, diamond = facts("alice"), facts("bob")

    assert (gold["cashback_multiplier"], gold["free_plays"], gold["tournament_tickets"]) == (Decimal("1.5"), 5, 1)
    assert (diamond["cashback_multiplier"], diamond["free_plays"], diamond["tournament_tickets"]) == (1, 0, 0)


def test_the_house_edge_is_that_of_the_players_own_games() -> None:
    make_player("alice", games_played={"slots": 30, "blackjack": 10})
    make_player("bob", games_played={"keno": 5})
    make_player("dora")

    assert facts("alice")["house_edge_rate"] == Decimal("0.03875")
    assert facts("bob")["house_edge_rate"] == Decimal("0.05")
    assert facts("dora")["house_edge_rate"] is None


def test_what_was_granted_counts_by_business_date() -> None:
    make_player()
    for number, days_ago in enumerate((0, 6, 20)):
        add_bonus_balance(
            player_id="alice",
            amount=10**number,
            wagering_requirement=Decimal(0),
            expiry=None,
            key=str(number),
            actor="tests",
            on=ON - timedelta(days=days_ago),
            expected_cost=Decimal(10**number),
        )
    add_loyalty_points(player_id="alice", amount="99.00", source="Play", key="play", actor="tests")

    row = facts()

    assert (row["granted_value_day"], row["granted_value_week"], row["granted_value_month"]) == (1, 11, 111)
    assert row["expected_cost_horizon"] == 111


def test_removed_players_have_no_facts() -> None:
    make_player(is_active=False)
    run = new_run()

    assert fill_facts(run_id=run.pk, on=ON, columns=["age"]) == 0


def test_a_runs_facts_are_forgotten_alone() -> None:
    make_player()
    kept, gone = new_run(), new_run()
    for run in (kept, gone):
        fill_facts(run_id=run.pk, on=ON, columns=["age"])

    forget_facts(run_id=gone.pk)

    assert list(PlayerFacts.objects.values_list("run_id", flat=True)) == [kept.pk]


def test_windows_tell_how_many_kinds_of_games_were_played_and_how_much_the_days_differ() -> None:
    alice = make_player(days_from=ON - timedelta(days=89), total_bets=5, games_played={"slots": 3, "poker": 2})
    make_day(alice, ON, wagered="10.00", won="0.00", games={"slots": {"bets": 1}, "roulette": {"bets": 1}})
    make_day(alice, ON - timedelta(days=1), wagered="10.00", won="20.00", games={"slots": {"bets": 2}})
    make_day(alice, ON - timedelta(days=20), wagered="10.00", won="10.00", games={"poker": {"bets": 2}})
    make_day(alice, ON - timedelta(days=50), wagered="10.00", won="10.00")

    row = facts("alice")

    assert [row[f"game_diversity_{days}d"] for days in (7, 30, 90)] == [2, 3, 3]
    # results −10 and 10; −10, 10 and 0; −10, 10, 0 and 0: their sample deviation over a mean stake of 10
    volatility = [row[f"volatility_score_{days}d"] for days in (7, 30, 90)]
    assert volatility == [Decimal("1.4142"), Decimal("1.0000"), Decimal("0.8165")]


def test_games_and_differences_that_the_days_do_not_tell_are_unknown() -> None:
    alice = make_player(days_from=ON - timedelta(days=6))
    make_day(alice, ON, wagered="10.00")

    row = facts("alice")

    names = [name for name in COLUMNS if name.startswith(("game_diversity_", "volatility_score_"))]
    assert {row[name] for name in names} == {None}


def test_windows_leave_out_days_without_play_and_games_that_only_paid_out() -> None:
    alice = make_player(days_from=ON - timedelta(days=89))
    make_day(alice, ON - timedelta(days=2), wagered="10.00", won="0.00", games={"slots": {"bets": 1}})
    make_day(alice, ON - timedelta(days=1), deposited="50.00", sessions=1)
    make_day(
        alice, ON, wagered="10.00", won="20.00", games={"slots": {"bets": 1}, "poker": {"bets": 0, "won": "20.00"}}
    )

    row = facts("alice")

    # results −10 and 10 over a mean stake of 10; the day of the deposit has no result
    assert [row[f"volatility_score_{days}d"] for days in (7, 30, 90)] == [Decimal("1.4142")] * 3
    assert [row[f"game_diversity_{days}d"] for days in (7, 30, 90)] == [1, 1, 1]
