"""What an import writes: what is missing, what changed, and nothing else."""

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from players.metrics import refresh_metrics
from players.models import ImportPlayerTotals, Player, PlayerMetrics, PlayerSource
from players.tests.factories import make_alice, make_measured
from players.tests.importing.files import HEADER, codes, imported, refused, totals

pytestmark = pytest.mark.django_db


def versions(table: str) -> dict[str, str]:
    """Return which version of each player's row is stored; it changes with every update."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT player_id, ctid::text FROM {table}")
        return dict(cursor.fetchall())


def both_versions() -> tuple[dict[str, str], dict[str, str]]:
    return versions("players"), versions("player_metrics")


def test_the_worked_case_has_the_documented_metrics(tmp_path: Path) -> None:
    header = f"{HEADER},sessions,playtime_hours,last_deposit_date"

    imported(tmp_path, "P001,5000,15000,12000,25,48,2025-12-20", header=header)

    assert totals("P001") == (Decimal(5000), Decimal(15000), Decimal(12000))
    assert totals("P001", "net_pnl", "house_edge_contribution", "win_loss_ratio") == (
        Decimal(-3000),
        Decimal(3000),
        Decimal("0.8"),
    )
    assert totals("P001", "total_sessions", "total_playtime_hours", "avg_session_duration") == (25, 48, Decimal("1.92"))
    assert totals("P001", "last_deposit_at") == (datetime(2025, 12, 20, tzinfo=UTC),)


def test_derived_metrics_are_those_of_the_one_definition(tmp_path: Path) -> None:
    header = f"{HEADER},sessions,bets,playtime_hours"
    imported(tmp_path, "alice,5,0,7,0,0,0", "bob,5,33,7,3,7,1.5", header=header)
    imported(tmp_path, "alice,6,9,7,1,2,3", "bob,6,34,8,4,9,2.5", header=header)

    assert refresh_metrics() == 0


def test_the_same_totals_again_touch_no_row(tmp_path: Path) -> None:
    header = f"{HEADER},name,email,sessions,last_deposit_date"
    imported(tmp_path, "alice,1,2,3,Alice,a@example.com,4,2025-12-20", header=header)
    before = both_versions()

    summary = imported(tmp_path, "alice,1.0,2.00,3,Alice,A@example.com,4,2025-12-20", header=header)

    assert (summary.players_unchanged, both_versions()) == (1, before)


def test_only_the_rows_that_differ_are_touched(tmp_path: Path) -> None:
    header = f"{HEADER},name"
    imported(tmp_path, "alice,1,2,3,Alice", "bob,1,2,3,Bob", "carol,1,2,3,Carol", header=header)
    players, metrics = both_versions()

    summary = imported(tmp_path, "alice,1,2,3,Alice", "bob,1,2,4,Bob", "carol,1,2,3,Caroline", header=header)

    changed = [
        {key for key, version in after.items() if version != before[key]}
        for before, after in zip((players, metrics), both_versions(), strict=True)
    ]
    assert changed == [{"carol"}, {"bob"}]
    assert (summary.players_updated, summary.players_unchanged) == (2, 1)


def test_players_that_are_not_in_the_file_stay(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3")

    imported(tmp_path, "bob,1,2,3")

    assert Player.objects.count() == 2


def test_an_empty_cell_says_nothing(tmp_path: Path) -> None:
    header = f"{HEADER},sessions,name,last_deposit_date"
    imported(tmp_path, "alice,1,2,3,4,Alice,2025-12-20", header=header)

    imported(tmp_path, "alice,1,2,3,,,", header=header)
    imported(tmp_path, "alice,1,2,3")

    assert totals("alice", "total_sessions", "last_deposit_at") == (4, datetime(2025, 12, 20, tzinfo=UTC))
    assert Player.objects.get().name == "Alice"


def test_the_last_deposit_never_moves_back(tmp_path: Path) -> None:
    header = f"{HEADER},last_deposit_date"
    imported(tmp_path, "alice,1,2,3,2025-12-20", header=header)

    imported(tmp_path, "alice,1,2,4,2025-12-01", header=header)

    assert totals("alice", "last_deposit_at") == (datetime(2025, 12, 20, tzinfo=UTC),)


def test_totals_before_and_after_are_kept_for_every_change(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3", "bob,4,5,6")
    job = imported(tmp_path, "alice,1,2,3", "bob,5,5,6", "carol,7,8,9").job_id

    kept = ImportPlayerTotals.objects.filter(job_id=job).order_by("player_id")

    assert [describe(row) for row in kept] == [
        ("bob", 3, (4, 5), (5, 5), (6, 6)),
        ("carol", 4, (None, 7), (None, 8), (None, 9)),
    ]


def describe(row: ImportPlayerTotals) -> tuple[Any, ...]:
    return (
        row.player_id,
        row.row_number,
        (row.deposited_before, row.deposited_after),
        (row.wagered_before, row.wagered_after),
        (row.won_before, row.won_after),
    )


def test_smaller_totals_are_refused_with_the_known_ones(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,20,3")

    problem = refused(tmp_path, "alice,1,19.99,3")[0]

    assert (problem["row"], problem["column"], problem["value"], problem["code"]) == (
        2,
        "total_wagered",
        "19.99",
        "decrease",
    )
    assert "the known total is 20.00" in problem["message"]


def test_smaller_totals_are_taken_when_they_are_allowed(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,20,3")

    imported(tmp_path, "alice,1,19.99,3", allow_decrease=True)

    assert totals("alice")[1] == Decimal("19.99")


def test_a_player_of_the_feed_is_refused(tmp_path: Path) -> None:
    make_measured("alice", profile={"source": PlayerSource.FEED})

    assert refused(tmp_path, "alice,1,2,3")[0]["code"] == "source_is_feed"


def test_a_player_without_a_source_gets_files_as_source(tmp_path: Path) -> None:
    make_alice()

    imported(tmp_path, "alice,1,2,3")

    assert (Player.objects.get().source, totals("alice")[0]) == (PlayerSource.FILE, Decimal(1))


def test_an_older_file_is_refused_where_it_says_something_else(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3", as_of=date(2025, 12, 20))

    assert refused(tmp_path, "alice,2,3,4", as_of=date(2025, 12, 19))[0]["code"] == "older_file"


def test_points_carried_over_count_once(tmp_path: Path) -> None:
    header = f"{HEADER},loyalty_points"
    imported(tmp_path, "alice,1,2,3,500", header=header)

    summary = imported(tmp_path, "alice,1,2,4,900", header=header)

    assert (totals("alice", "opening_lp"), codes(summary.notices)) == ((Decimal(500),), ["opening_points_ignored"])


def test_a_small_file_proves_its_foreign_keys(tmp_path: Path) -> None:
    imported(tmp_path, "alice,1,2,3")

    with connection.cursor() as cursor:
        cursor.execute("SHOW session_replication_role")
        assert cursor.fetchone() == ("origin",)
    connection.check_constraints()
    assert PlayerMetrics.objects.filter(player__isnull=True).count() == 0
