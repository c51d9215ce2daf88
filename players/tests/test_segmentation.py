"""Segments: the documented thresholds at their edges, only changes written, each change kept."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from core.errors import NotFoundError
from core.expressions import fetch_rows
from core.policies import save_policy
from core.runs import KeyRange
from core.tests.threads import run_together
from players.metrics import refresh_metrics
from players.models import Player, PlayerMetrics, SegmentChange
from players.segmentation import batch_reclassify_players, classify_player, get_segment_thresholds
from players.tests.factories import ON, make_day, make_measured, make_player

# total_wagered, total_won, total_sessions → segment; every threshold exactly, and a cent or a session beside it.
SEGMENTS = [
    ("0.00", "0.00", 0, "NEW"),
    ("999.99", "0.00", 500, "NEW"),
    ("999.99", "5000.00", 5, "NEW"),
    ("1000.00", "1000.00", 5, "BREAKEVEN"),
    # Ahead: 1.1 exactly is not WINNING, and 5 % exactly is not BREAKEVEN, so both fall to LOSING as documented.
    ("1000.00", "1100.00", 5, "LOSING"),
    ("1000.00", "1100.01", 5, "WINNING"),
    ("1000.00", "1050.00", 5, "LOSING"),
    ("1000.00", "1049.99", 5, "BREAKEVEN"),
    ("1000.00", "1070.00", 5, "LOSING"),
    # A ratio of 1.10000001 would be rounded to 1.1000, but is above it.
    ("1000000.00", "1100000.01", 5, "WINNING"),
    # Behind.
    ("1000.00", "950.00", 5, "LOSING"),
    ("1000.00", "950.01", 5, "BREAKEVEN"),
    ("1000.00", "0.00", 5, "LOSING"),
    # VIP needs more than both thresholds, and comes before WINNING and LOSING.
    ("100000.00", "100000.00", 101, "BREAKEVEN"),
    ("100000.01", "100000.00", 100, "BREAKEVEN"),
    ("100000.01", "100000.00", 101, "VIP"),
    ("100000.01", "500000.00", 101, "VIP"),
    ("100000.01", "0.00", 101, "VIP"),
    ("100000.00", "0.00", 101, "LOSING"),
    # The worked case.
    ("15000.00", "12000.00", 25, "LOSING"),
]

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("wagered", "won", "sessions", "segment"), SEGMENTS)
def test_a_player_falls_into_the_documented_segment(wagered: str, won: str, sessions: int, segment: str) -> None:
    make_measured("alice", total_wagered=wagered, total_won=won, total_sessions=sessions)
    refresh_metrics()

    assert classify_player(player_id="alice", on=ON) == segment


def test_one_statement_classifies_all_of_them_alike() -> None:
    for number, (wagered, won, sessions, _) in enumerate(SEGMENTS):
        make_measured(f"player{number:02}", total_wagered=wagered, total_won=won, total_sessions=sessions)
    refresh_metrics()

    batch_reclassify_players(on=ON)

    found = list(Player.objects.order_by("player_id").values_list("segment", flat=True))
    assert found == [segment for *_, segment in SEGMENTS]


def test_the_documented_thresholds_hold_by_default() -> None:
    thresholds = get_segment_thresholds()

    assert (thresholds.new_wager, thresholds.vip_wager) == (Decimal(1000), Decimal(100000))
    assert thresholds.vip_sessions == 100
    assert (thresholds.winning_ratio, thresholds.breakeven_rate) == (Decimal("1.1"), Decimal("0.05"))


@pytest.mark.parametrize(
    ("name", "value", "segment"),
    [
        ("NEW_PLAYER_WAGER_THRESHOLD", "15000.01", "NEW"),
        ("NEW_PLAYER_WAGER_THRESHOLD", "15000", "LOSING"),
        ("BREAKEVEN_RATE", "0.2", "LOSING"),
        ("BREAKEVEN_RATE", "0.21", "BREAKEVEN"),
    ],
)
def test_a_saved_threshold_moves_the_edge(name: str, value: str, segment: str) -> None:
    make_measured("alice", total_wagered="15000.00", total_won="12000.00", total_sessions=25)
    refresh_metrics()

    save_policy(name=name, value=value, saved_by=None)

    assert classify_player(player_id="alice", on=ON) == segment


def test_thresholds_of_vip_and_winning_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIP_WAGER_THRESHOLD", "14999.99")
    monkeypatch.setenv("VIP_SESSIONS_THRESHOLD", "24")
    make_measured("alice", total_wagered="15000.00", total_won="12000.00", total_sessions=25)
    monkeypatch.setenv("WINNING_RATIO_THRESHOLD", "1.05")
    make_measured("bob", total_wagered="1000.00", total_won="1050.01", total_sessions=5)
    refresh_metrics()

    assert classify_player(player_id="alice", on=ON) == "VIP"
    assert classify_player(player_id="bob", on=ON) == "WINNING"


def versions() -> dict[str, str]:
    """Return what changes whenever a row is written, even with the same values and in the same transaction."""
    return dict(fetch_rows("SELECT player_id, xmin::text || ctid::text || updated_at::text FROM players", []))


def test_only_rows_that_change_are_touched() -> None:
    make_measured("alice", total_wagered="15000.00", total_won="12000.00")
    make_measured("bob", profile={"segment": "LOSING"}, total_wagered="15000.00", total_won="12000.00")
    make_player("carol")
    refresh_metrics()
    before = versions()

    assert batch_reclassify_players(on=ON) == 1

    after = versions()
    assert after["bob"] == before["bob"]
    assert after["carol"] == before["carol"]
    assert after["alice"] != before["alice"]
    assert batch_reclassify_players(on=ON) == 0
    assert versions() == after


def test_every_change_is_kept_with_its_date_and_run() -> None:
    make_measured("alice", total_wagered="15000.00", total_won="12000.00")
    refresh_metrics()
    batch_reclassify_players(on=ON, run_id=41)
    PlayerMetrics.objects.update(total_won=Decimal(20000))
    refresh_metrics()
    batch_reclassify_players(on=ON + timedelta(days=1), run_id=42)

    changes = SegmentChange.objects.order_by("id").values_list("segment_before", "segment_after", "on", "run_id")
    assert list(changes) == [("NEW", "LOSING", ON, 41), ("LOSING", "WINNING", ON + timedelta(days=1), 42)]


def test_a_range_and_a_choice_of_players_leave_the_others_alone() -> None:
    for player_id in ("alice", "bob", "carol"):
        make_measured(player_id, total_wagered="15000.00", total_won="12000.00")
    refresh_metrics()

    assert batch_reclassify_players(on=ON, keys=KeyRange(lower="b", upper="c")) == 1
    assert batch_reclassify_players(on=ON, player_ids=["bob", "carol"]) == 1
    assert dict(Player.objects.values_list("player_id", "segment")) == {
        "alice": "NEW",
        "bob": "LOSING",
        "carol": "LOSING",
    }


@pytest.mark.django_db(transaction=True)
def test_two_that_reclassify_at_once_write_one_history_row_per_change() -> None:
    for number in range(200):
        make_measured(f"player{number:03}", total_wagered="15000.00", total_won="12000.00")
    refresh_metrics()

    changed = run_together(*[lambda: batch_reclassify_players(on=ON)] * 4)

    assert sum(changed) == 200
    assert SegmentChange.objects.count() == 200


def window_of_30_days() -> None:
    save_policy(name="SEGMENT_BASIS_DAYS", value="30", saved_by=None)


def test_a_window_looks_at_its_days_only_so_that_vip_is_not_for_ever() -> None:
    long_ago = ON - timedelta(days=400)
    alice = make_measured(
        "alice",
        profile={"segment": "VIP"},
        total_wagered="500000.00",
        total_won="450000.00",
        total_sessions=900,
        days_from=long_ago,
    )
    make_day(alice, long_ago, wagered="400000.00", won="440000.00", sessions=890)
    make_day(alice, ON - timedelta(days=30), wagered="99000.00", won="9000.00", sessions=9)
    make_day(alice, ON - timedelta(days=29), wagered="600.00", won="700.00", sessions=1)
    make_day(alice, ON, wagered="400.00", won="400.01", sessions=1)
    make_day(alice, ON + timedelta(days=1), wagered="5000.00", won="0.00", sessions=1)
    refresh_metrics()

    window_of_30_days()

    # 600 + 400 staked, 700 + 400.01 won: a ratio of 1.10001 in the window.
    assert classify_player(player_id="alice", on=ON) == "WINNING"


def test_a_covered_window_without_play_makes_a_player_new() -> None:
    make_measured(
        "alice", total_wagered="15000.00", total_won="12000.00", total_sessions=25, days_from=date(2025, 1, 1)
    )
    refresh_metrics()
    window_of_30_days()

    assert classify_player(player_id="alice", on=ON) == "NEW"


@pytest.mark.parametrize("days_from", [None, ON - timedelta(days=28)])
def test_lifetime_totals_stand_where_the_window_is_not_covered(days_from: date | None) -> None:
    alice = make_measured(
        "alice", total_wagered="15000.00", total_won="12000.00", total_sessions=25, days_from=days_from
    )
    make_day(alice, ON, wagered="10.00", won="10.00", sessions=1)
    refresh_metrics()
    window_of_30_days()

    assert classify_player(player_id="alice", on=ON) == "LOSING"


def test_a_window_follows_the_basis_of_the_result() -> None:
    alice = make_measured("alice", total_wagered="2000.00", total_won="2000.00", days_from=date(2025, 1, 1))
    make_day(alice, ON, deposited="500.00", wagered="2000.00", won="2000.00")
    refresh_metrics()
    window_of_30_days()
    assert classify_player(player_id="alice", on=ON) == "BREAKEVEN"

    # 2000 won − 500 deposited = 1500 ahead, at a ratio of 1.0: neither WINNING nor BREAKEVEN.
    save_policy(name="NET_PNL_BASIS", value="DEPOSITED", saved_by=None)
    assert classify_player(player_id="alice", on=ON) == "LOSING"


def test_a_player_nobody_knows_cannot_be_classified() -> None:
    with pytest.raises(NotFoundError, match="there is no player 'dora'"):
        classify_player(player_id="dora", on=ON)
