"""The staging area of a batch, which is empty again when its transaction ends and seen by nobody else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from core.expressions import fetch_rows, run_statement
from players.activity.batch import STAGED, Batch

ARRAYS_MAX = 500
"""From here on COPY is quicker than arrays."""
MONTHS_LOCK = 715_000_002
"""Key of the advisory lock that batches share and the archiving of a month takes alone, once the month is closed."""
# The events; each player of the batch once, as the player stood before it; what the batch changes of a player's day, in
# several rows that are summed up, of which those without a game are of sessions; corrections beside what they correct,
# which can be counted where they have no reason. All four stand in the database as views of a transaction's own rows.
_TABLES = {
    "activity_stage": "",
    "activity_players": ", PRIMARY KEY (player_id)",
    "activity_changes": "",
    "activity_corrections": "",
}
_EMPTY_SQL = """
    WITH s AS (DELETE FROM activity_stage), p AS (DELETE FROM activity_players), c AS (DELETE FROM activity_corrections)
    DELETE FROM activity_changes
"""
_COLUMNS = (*STAGED, "body_hash")
_NULLABLE = ("amount", "bonus_amount", "ended_at", "ip_address")
_NEVER_NULL = ("bet_id", "game_category", "device_id", "action", "corrects_external_id")


@dataclass(slots=True)
class _Stage:
    """What a block has staged: whether it lies in the tables that all sessions share."""

    is_shared: bool = False


_STAGE: ContextVar[_Stage | None] = ContextVar("activity_stage", default=None)


@contextmanager
def staging() -> Iterator[None]:
    """Let what is staged within the block be gone at its end; within another such block, at the end of that one."""
    if _STAGE.get() is not None:
        yield
        return
    stage = _Stage()
    held = _STAGE.set(stage)
    try:
        yield
        if stage.is_shared:
            run_statement(_EMPTY_SQL, [])
    finally:
        _STAGE.reset(held)


def stage_events(batch: Batch) -> None:
    """Put the events of a batch into the staging area."""
    open_tables(are_many=len(batch) > ARRAYS_MAX)
    if len(batch) <= ARRAYS_MAX:
        _stage_by_arrays(batch)
    else:
        _stage_by_copy(batch)


def add_staged(batch: Batch) -> None:
    """Put more events beside those that are staged already."""
    _stage_by_arrays(batch)


def open_tables(*, are_many: bool) -> None:
    """See that the stage is there and empty: for many events in tables of the session's own, which COPY can fill.

    Those are made by the first batch that needs them, and then stand in the place of the shared ones.
    """
    opened = "SELECT pg_advisory_xact_lock_shared(%s), to_regclass('pg_temp.activity_changes') IS NOT NULL"
    is_own = fetch_rows(opened, [MONTHS_LOCK])[0][1]
    run_statement(_EMPTY_SQL, [])
    if are_many and not is_own:
        for name, key in _TABLES.items():
            run_statement(f"CREATE TEMPORARY TABLE {name} (LIKE {name}{key}) ON COMMIT DELETE ROWS", [])
    stage = _STAGE.get()
    if stage is not None:
        stage.is_shared = not (are_many or is_own)


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
        for piece in batch.lines():
            copy.write(piece)


_TRIGGER = "CASE s.kind WHEN 'ACTION' THEN s.action ELSE s.kind END"


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


def players_of_staged(action: str) -> list[str]:
    """Return the players of whom the staged events report an action, however late."""
    rows = fetch_rows("SELECT DISTINCT s.player_id FROM activity_stage s WHERE s.action = %s ORDER BY 1", [action])
    return [player_id for (player_id,) in rows]


def staged_ids() -> set[str]:
    """Return the ids of the staged events: those of the batch that are new."""
    return {external_id for (external_id,) in fetch_rows("SELECT external_id FROM activity_stage", [])}
