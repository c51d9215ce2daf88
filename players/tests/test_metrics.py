"""Metrics: each defined once, exact, unknown where there is nothing to say, written only where they change."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import NotFoundError
from core.expressions import fetch_rows
from core.policies import save_policy
from core.runs import KeyRange
from players.metrics import (
    calculate_behavioral_metrics,
    calculate_financial_metrics,
    refresh_metrics,
    refresh_volatility,
    update_player_metrics,
)
from players.models import PlayerMetrics
from players.tests.factories import ON, make_day, make_measured

pytestmark = pytest.mark.django_db


def metrics_of(player_id: str = "alice") -> PlayerMetrics:
    return PlayerMetrics.objects.get(player_id=player_id)


def measured(**totals: Any) -> PlayerMetrics:
    make_measured("alice", **totals)
    refresh_metrics()
    return metrics_of()


def test_the_worked_case_is_a_net_loss_of_3000() -> None:
    metrics = measured(
        total_deposited="5000.00",
        total_wagered="15000.00",
        total_won="12000.00",
        total_sessions=25,
        total_playtime_hours="48.00",
        total_bets=600,
    )

    assert str(metrics.net_pnl) == "-3000.00"
    assert str(metrics.house_edge_contribution) == "3000.00"
    assert str(metrics.win_loss_ratio) == "0.8000"
    assert str(metrics.avg_bet_size) == "25.00"
    assert str(metrics.avg_session_duration) == "1.9200"
    assert str(metrics.bets_per_session) == "24.0000"


def test_a_player_ahead_costs_the_house() -> None:
    metrics = measured(total_wagered="1000.00", total_won="1500.50")

    assert str(metrics.net_pnl) == "500.50"
    assert str(metrics.house_edge_contribution) == "-500.50"
    assert str(metrics.win_loss_ratio) == "1.5005"


@pytest.mark.parametrize(
    ("wagered", "won", "ratio"),
    [
        ("0.00", "0.00", "0.0000"),
        ("0.00", "50.00", "0.0000"),
        ("3.00", "1.00", "0.3333"),
        ("3.00", "2.00", "0.6667"),
        ("20000.00", "1.00", "0.0001"),
    ],
)
def test_the_ratio_has_four_decimals_and_is_zero_without_a_stake(wagered: str, won: str, ratio: str) -> None:
    assert str(measured(total_wagered=wagered, total_won=won).win_loss_ratio) == ratio


def test_what_needs_a_count_is_unknown_without_one() -> None:
    metrics = measured(total_wagered="100.00", total_won="90.00")

    assert metrics.avg_bet_size is None
    assert metrics.avg_session_duration is None
    assert metrics.bets_per_session is None
    assert metrics.game_diversity is None
    assert metrics.volatility_score is None


def test_diversity_counts_the_categories_played() -> None:
    assert measured(games_played={"slots": 10, "roulette": 1, "poker": 3}).game_diversity == 3


def test_the_average_bet_is_rounded_half_up_to_the_cent() -> None:
    # 100.01 ÷ 200 = 0.50005 and 1.01 ÷ 2 = 0.505.
    assert str(measured(total_wagered="1.01", total_bets=2).avg_bet_size) == "0.51"


def test_the_basis_of_the_result_can_be_the_deposits() -> None:
    save_policy(name="NET_PNL_BASIS", value="DEPOSITED", saved_by=None)

    metrics = measured(total_deposited="5000.00", total_wagered="15000.00", total_won="12000.00")

    assert str(metrics.net_pnl) == "7000.00"
    assert str(metrics.house_edge_contribution) == "3000.00"


def versions() -> dict[str, str]:
    return dict(fetch_rows("SELECT player_id, xmin::text || ctid::text || updated_at::text FROM player_metrics", []))


def test_only_rows_that_change_are_touched() -> None:
    for player_id in ("alice", "bob"):
        make_measured(player_id, total_wagered="1000.00", total_won="900.00")
    assert refresh_metrics() == 2
    before = versions()

    PlayerMetrics.objects.filter(player_id="alice").update(total_won=Decimal(901))
    assert refresh_metrics() == 1

    after = versions()
    assert after["bob"] == before["bob"]
    assert after["alice"] != before["alice"]
    assert refresh_metrics() == 0
    assert versions() == after


def test_a_range_and_a_choice_of_players_leave_the_others_alone() -> None:
    for player_id in ("alice", "bob", "carol"):
        make_measured(player_id, total_wagered="1000.00", total_won="900.00")

    assert refresh_metrics(keys=KeyRange(lower="b", upper="c")) == 1
    assert refresh_metrics(player_ids=["alice", "bob"]) == 1
    assert str(metrics_of("bob").net_pnl) == "-100.00"
    assert str(metrics_of("carol").net_pnl) == "0.00"


def test_volatility_is_the_deviation_of_daily_results_over_the_mean_stake() -> None:
    alice = make_measured("alice")
    make_day(alice, ON - timedelta(days=2), wagered="100.00", won="0.00")
    make_day(alice, ON - timedelta(days=1), wagered="100.00", won="200.00")
    make_day(alice, ON, wagered="100.00", won="100.00")

    refresh_volatility()

    # Results −100, 100, 0: mean 0, sample deviation √(20000 ÷ 2) = 100; mean stake 100.
    assert str(metrics_of().volatility_score) == "1.0000"


def test_a_day_with_a_deposit_alone_has_no_result() -> None:
    alice = make_measured("alice")
    make_day(alice, ON - timedelta(days=3), deposited="50.00")
    make_day(alice, ON - timedelta(days=1), wagered="100.00", won="0.00")
    make_day(alice, ON, wagered="100.00", won="200.00")
    bob = make_measured("bob")
    make_day(bob, ON - timedelta(days=1), deposited="50.00")
    make_day(bob, ON, wagered="100.00")

    refresh_volatility()

    # Results −100 and 100: sample deviation √20000 = 141.4214; mean stake 100. Bob has one.
    assert str(metrics_of().volatility_score) == "1.4142"
    assert metrics_of("bob").volatility_score is None


def test_volatility_is_unknown_from_one_day() -> None:
    alice = make_measured("alice")
    make_day(alice, wagered="100.00", won="0.00")

    refresh_volatility()

    assert metrics_of().volatility_score is None


def test_volatility_is_unknown_without_a_stake() -> None:
    alice = make_measured("alice")
    make_day(alice, ON, deposited="50.00")
    make_day(alice, ON - timedelta(days=1), deposited="50.00")

    refresh_volatility()

    assert metrics_of().volatility_score is None


@pytest.mark.parametrize(("active_since", "changed"), [(ON, 1), (ON + timedelta(days=1), 0), (None, 1)])
def test_volatility_looks_at_all_days_of_players_active_since_a_date(active_since: date | None, changed: int) -> None:
    alice = make_measured("alice")
    make_day(alice, ON - timedelta(days=90), wagered="100.00", won="0.00")
    make_day(alice, ON, wagered="100.00", won="200.00")

    assert refresh_volatility(active_since=active_since) == changed
    # Results −100 and 100: sample deviation √20000 = 141.4214; mean stake 100.
    assert metrics_of().volatility_score == (Decimal("1.4142") if changed else None)


def test_volatility_that_stands_is_not_written_again() -> None:
    alice = make_measured("alice")
    make_day(alice, ON, wagered="100.00")
    make_day(alice, ON - timedelta(days=1), wagered="50.00")
    assert refresh_volatility() == 1
    before = versions()

    assert refresh_volatility() == 0
    assert versions() == before


def test_absurd_totals_of_one_player_do_not_end_the_night_of_all() -> None:
    alice = make_measured(
        "alice", total_wagered="0.01", total_won="999999999999999.99", total_sessions=1, total_playtime_hours="9999999"
    )
    make_day(alice, ON, wagered="0.01", won="999999999999999.99")
    make_day(alice, ON - timedelta(days=1), wagered="0.01")
    make_measured("bob", total_bets=2147483647, total_sessions=1, total_wagered="999999999999999.99")

    refresh_metrics()
    refresh_volatility()

    assert str(metrics_of().win_loss_ratio) == "99999999999999.9999"
    assert str(metrics_of().volatility_score) == "99999999999999.9999"
    assert str(metrics_of().avg_session_duration) == "999999.9999"
    assert str(metrics_of("bob").bets_per_session) == "99999999.9999"


def test_one_players_measures_can_be_refreshed_and_read() -> None:
    alice = make_measured("alice", total_deposited="500.00", total_wagered="1000.00", total_won="900.00", total_bets=10)
    make_measured("alice2", total_wagered="1000.00", total_won="900.00")
    make_day(alice, ON, wagered="500.00", won="400.00")
    make_day(alice, ON - timedelta(days=1), wagered="500.00", won="500.00")

    update_player_metrics(player_id="alice")

    financial = calculate_financial_metrics(player_id="alice")
    assert {name: str(value) for name, value in financial.items()} == {
        "total_deposited": "500.00",
        "total_withdrawn": "0.00",
        "total_wagered": "1000.00",
        "total_won": "900.00",
        "net_pnl": "-100.00",
        "house_edge_contribution": "100.00",
        "win_loss_ratio": "0.9000",
    }
    behavioral = calculate_behavioral_metrics(player_id="alice")
    assert str(behavioral["avg_bet_size"]) == "100.00"
    # Results −100 and 0: sample deviation 70.7107; mean stake 500.
    assert str(behavioral["volatility_score"]) == "0.1414"
    assert str(metrics_of("alice2").net_pnl) == "0.00"


@pytest.mark.parametrize(
    "ask",
    [calculate_financial_metrics, calculate_behavioral_metrics, update_player_metrics],
    ids=lambda ask: ask.__name__,
)
def test_a_player_nobody_knows_is_named(ask: Any) -> None:
    with pytest.raises(NotFoundError, match="there is no player 'dora' with metrics"):
        ask(player_id="dora")
