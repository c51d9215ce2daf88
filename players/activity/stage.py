"""The staging area of a batch: tables of the session that are empty again when its transaction ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.db import connection

from core.expressions import fetch_rows, run_statement
from players.activity.batch import STAGED, Batch

ARRAYS_MAX = 500
"""From here on COPY is quicker than arrays."""
MONTHS_LOCK = 715_000_002
"""Key of the advisory lock that batches share and the archiving of a month takes alone, once the month is closed."""
_TABLES = {
    "activity_stage": """
        external_id varchar COLLATE "C", player_id varchar COLLATE "C", kind varchar,
        occurred_at timestamptz, amount numeric(18,2), bonus_amount numeric(18,2), bet_id varchar COLLATE "C",
        game_category varchar, ended_at timestamptz, ip_address inet, device_id varchar, action varchar,
        corrects_external_id varchar COLLATE "C", body_hash bytea
    """,
    # Each player of the batch once, as the player stood before it.
    "activity_players": """
        player_id varchar COLLATE "C" PRIMARY KEY, source varchar, has_metrics boolean, totals_as_of date,
        lp_multiplier numeric, first_at timestamptz, last_at timestamptz, first_deposit_at timestamptz,
        last_deposit_at timestamptz, last_bet_at timestamptz, is_ahead boolean, bet_before timestamptz
    """,
    # What the batch changes of a player's day, in several rows that are summed up; what names no game is of sessions.
    "activity_changes": """
        player_id varchar COLLATE "C", "on" date, game_category varchar, deposited numeric, withdrawn numeric,
        wagered numeric, won numeric, bets integer, sessions_reported integer, played_reported interval,
        sessions_inferred integer, played_inferred interval
    """,
    # The batch's corrections beside what they correct; without a reason they can be counted.
    "activity_corrections": """
        external_id varchar, player_id varchar COLLATE "C", kind varchar, corrects_external_id varchar, reason varchar,
        is_latest boolean, occurred_at timestamptz, amount numeric, bonus_amount numeric, bets integer, bet_id varchar,
        game_category varchar, ended_at_before timestamptz, ended_at timestamptz, ip_address inet, device_id varchar
    """,
}
_COLUMNS = (*STAGED, "body_hash")
_NULLABLE = ("amount", "bonus_amount", "ended_at", "ip_address")
_NEVER_NULL = ("bet_id", "game_category", "device_id", "action", "corrects_external_id")


def stage_events(batch: Batch) -> None:
    """Put the events of a batch into the staging area."""
    open_tables()
    if len(batch) <= ARRAYS_MAX:
        _stage_by_arrays(batch)
    else:
        _stage_by_copy(batch)


def add_staged(batch: Batch) -> None:
    """Put more events beside those that are staged already."""
    _stage_by_arrays(batch)


def open_tables() -> None:
    """Make the session's tables where it has none yet, and empty what an earlier batch of the transaction left."""
    opened = "SELECT pg_advisory_xact_lock_shared(%s), to_regclass('pg_temp.activity_corrections') IS NOT NULL"
    if not fetch_rows(opened, [MONTHS_LOCK])[0][1]:
        for name, columns in _TABLES.items():
            run_statement(f"CREATE TEMPORARY TABLE {name} ({columns}) ON COMMIT DELETE ROWS", [])
    else:
        run_statement(
            "WITH s AS (DELETE FROM activity_stage), c AS (DELETE FROM activity_corrections), "
            "p AS (DELETE FROM activity_players) DELETE FROM activity_changes",
            [],
        )


def _stage_by_arrays(batch: Batch) -> None:
    arrays = ", ".join("%s::text[]" for _ in _COLUMNS)
    values = ", ".join(_typed(name) for name in _COLUMNS)
    run_statement(
        f"INSERT INTO activity_stage SELECT {values} FROM unnest({arrays}) s ({', '.join(_COLUMNS)})",
        [*(batch.columns[name] for name in STAGED), batch.body_hashes()],
    )


def _typed(name: str) -> str:
    types = {"amount": "numeric", "bonus_amount": "numeric", "ip_address": "inet"}
    if name in _NULLABLE:
        return f"nullif(s.{name}, '')::{types.get(name, 'timestamptz')}"
    if name == "body_hash":
        return "decode(s.body_hash, 'hex')"
    return f"s.{name}::timestamptz" if name == "occurred_at" else f"s.{name}"


def _stage_by_copy(batch: Batch) -> None:
    # No text holds the delimiter, a line's end or the quote, for all are printable: nothing needs to be escaped.
    sql = f"""
        COPY activity_stage ({", ".join(_COLUMNS)}) FROM STDIN (
            FORMAT csv, DELIMITER E'\\t', QUOTE E'\\x01', FORCE_NOT_NULL ({", ".join(_NEVER_NULL)})
        )
    """
    with connection.cursor() as cursor, cursor.copy(sql) as copy:
        copy.write(batch.lines())


_TRIGGER = "CASE s.kind WHEN 'ACTION' THEN s.action ELSE s.kind END"


def staged_triggers(*, since: datetime) -> list[str]:
    """Return what the staged events are to live rules: their kinds, and the codes of actions; corrections are none."""
    rows = fetch_rows(
        f"SELECT DISTINCT {_TRIGGER} FROM activity_stage s "
        "WHERE s.corrects_external_id = '' AND s.occurred_at >= %s ORDER BY 1",
        [since],
    )
    return [trigger for (trigger,) in rows]


def staged_happenings(triggers: Sequence[str], *, since: datetime) -> list[tuple[str, str, str]]:
    """Return player, trigger and id of the staged events that are one of the triggers, in the order they happened."""
    return fetch_rows(
        f"""
        SELECT s.player_id, {_TRIGGER}, s.external_id FROM activity_stage s
        WHERE s.corrects_external_id = '' AND s.occurred_at >= %s AND {_TRIGGER} = ANY (%s)
        ORDER BY s.occurred_at, s.external_id
        """,
        [since, list(triggers)],
    )


def staged_ids() -> set[str]:
    """Return the ids of the staged events: those of the batch that are new."""
    return {external_id for (external_id,) in fetch_rows("SELECT external_id FROM activity_stage", [])}
