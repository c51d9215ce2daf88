"""Where a batch lies while it is counted: seen by its transaction alone, and gone afterwards."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from core.expressions import fetch_rows, run_statement
from players.activity.stage import ARRAYS_MAX
from players.models import PlayerDay, PlayerMetrics
from players.tests.activity.events import record, wager
from players.tests.factories import make_alice

pytestmark = pytest.mark.django_db
STAGE = ("activity_stage", "activity_players", "activity_changes", "activity_corrections")
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


def are_own_tables() -> bool:
    return bool(fetch_rows("SELECT to_regclass('pg_temp.activity_stage') IS NOT NULL", [])[0][0])


def rows_of(name: str) -> int:
    return int(fetch_rows(f"SELECT count(*) FROM {name}", [])[0][0])


def day_of_alice() -> Any:
    return PlayerDay.objects.get(player="alice")


def test_a_small_batch_makes_no_tables_and_leaves_nothing() -> None:
    make_alice()

    record(wager("w1", "10.00"), wager("w2", "5.00"))

    assert not are_own_tables()
    assert [rows_of(f"{name}_rows") for name in STAGE] == [0, 0, 0, 0]
    assert day_of_alice().wagered == 15


def test_a_large_batch_is_staged_in_tables_of_its_session_and_a_small_one_after_it_too() -> None:
    make_alice()

    record(*(wager(f"w{number}", "1.00") for number in range(ARRAYS_MAX + 1)))
    assert are_own_tables()

    record(wager("small", "0.50"))
    assert day_of_alice().wagered == ARRAYS_MAX + 1.5


def test_what_another_transaction_left_in_the_shared_tables_is_not_counted() -> None:
    make_alice()
    run_statement(
        """
        INSERT INTO activity_stage_rows (external_id, player_id, kind, occurred_at, amount, corrects_external_id, batch)
        VALUES ('other', 'alice', 'WAGER', '2026-03-10 11:00+00', 99, '', '3')
        """,
        [],
    )

    record(wager("w1", "10.00"))

    assert day_of_alice().wagered == 10
    assert rows_of("activity_stage_rows") == 1


def test_a_bet_soon_after_the_last_one_goes_on_with_its_session() -> None:
    make_alice()
    record(wager("w1", occurred_at="2026-03-10T11:45:00Z"))

    record(wager("w2", occurred_at="2026-03-10T12:00:00Z"))

    day = day_of_alice()
    assert (day.sessions_inferred, day.played_inferred) == (1, timedelta(minutes=15))


def test_a_last_bet_that_only_a_file_names_begins_no_session() -> None:
    make_alice()
    record(wager("w1", occurred_at="2026-03-10T11:40:00Z"))
    file_said = {"last_wager_at": NOON - timedelta(minutes=5), "totals_as_of": date(2026, 3, 9)}
    PlayerMetrics.objects.filter(player="alice").update(**file_said)

    record(wager("w2", occurred_at="2026-03-10T12:00:00Z"))

    day = day_of_alice()
    assert (day.sessions_inferred, day.played_inferred) == (1, timedelta(minutes=20))


def test_no_index_of_days_names_what_every_batch_moves() -> None:
    definitions = fetch_rows("SELECT indexdef FROM pg_indexes WHERE tablename = 'player_days'", [])

    moved = ("wagered", "won", "bets", "sessions", "lp_due", "lp_accrued", "deposited", "withdrawn", "playtime")
    assert definitions
    assert not [text for (text,) in definitions for name in moved if name in text]
