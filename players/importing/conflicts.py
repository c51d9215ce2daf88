"""Find rows that contradict each other, and rows that contradict what is already known."""

from __future__ import annotations

from datetime import date

from core.spreadsheets.report import Notice
from players.importing.columns import COLUMNS, ID, TOTALS, Kind, PlayerColumn, Table
from players.importing.numbers import quoted
from players.importing.options import ImportOptions
from players.importing.stage import Stage, execute, fetch_one
from players.models import PlayerSource

_VALUES = ", ".join(f'"{column.name}"' for column in COLUMNS if column is not ID)


def settle_repetitions(stage: Stage) -> list[Notice]:
    """Drop rows that repeat another one exactly; note a problem where rows or e-mail addresses contradict."""
    rows, emails = fetch_one(
        "SELECT count(player_id) - count(DISTINCT player_id), count(email) - count(DISTINCT email) FROM import_typed"
    )
    notices = _merge_repeated_rows() if rows else []
    if emails:
        _note_shared_emails()
    if stage.has("email"):
        _note_taken_emails()
    return notices


def _merge_repeated_rows() -> list[Notice]:
    execute(
        f"""CREATE TEMP TABLE import_repeats ON COMMIT DROP AS
        SELECT player_id, min(row_number) AS first_row, max(row_number) AS last_row,
               count(DISTINCT ({_VALUES})) AS versions
        FROM import_typed WHERE player_id IN (
            SELECT player_id FROM import_typed WHERE player_id IS NOT NULL GROUP BY player_id HAVING count(*) > 1
        ) GROUP BY player_id"""
    )
    execute(
        """INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT t.row_number, 'player_id', t.player_id, 'conflicting_rows', format(
            'row %s has the same player with other values; keep one of them',
            CASE WHEN t.row_number = r.first_row THEN r.last_row ELSE r.first_row END)
        FROM import_typed t JOIN import_repeats r USING (player_id) WHERE r.versions > 1"""
    )
    dropped = execute(
        "DELETE FROM import_typed t USING import_repeats r "
        "WHERE t.player_id = r.player_id AND r.versions = 1 AND t.row_number > r.first_row"
    )
    if not dropped:
        return []
    row, player = fetch_one(
        "SELECT last_row, player_id FROM import_repeats WHERE versions = 1 ORDER BY last_row LIMIT 1"
    )
    return [
        Notice(
            code="repeated_rows",
            message=f"{dropped:,} rows repeat another row exactly and count once (row {row}, player {player}, is one)",
            row=row,
        )
    ]


def _note_shared_emails() -> None:
    execute(
        """INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT t.row_number, 'email', t.email, 'email_shared', format(
            'row %s has another player with this address; every address belongs to one player',
            CASE WHEN t.row_number = s.first_row THEN s.last_row ELSE s.first_row END)
        FROM import_typed t JOIN (
            SELECT email, min(row_number) AS first_row, max(row_number) AS last_row FROM import_typed
            WHERE email IS NOT NULL GROUP BY email HAVING count(DISTINCT player_id) > 1
        ) s USING (email)"""
    )


def _note_taken_emails() -> None:
    """Note addresses that another player holds; a holder who gets another one in the same file sets it free."""
    execute(
        """INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT t.row_number, 'email', t.email, 'email_taken',
               format('player %s already has this address; every address belongs to one player', p.player_id)
        FROM import_typed t JOIN players p ON lower(p.email) = t.email AND p.player_id <> t.player_id
        WHERE NOT EXISTS (SELECT FROM import_typed o WHERE o.player_id = p.player_id AND o.email <> t.email)"""
    )


def compare_with_known(as_of: date) -> None:
    """Fill `import_known`: the file's players that are known already, with what the file would change."""
    execute(
        f"""CREATE TEMP TABLE import_known ON COMMIT DROP AS
        SELECT t.row_number, t.player_id, p.source, m.player_id IS NOT NULL AS has_metrics,
               m.totals_as_of AS known_as_of, m.days_from,
               ({_differs(Table.PLAYERS, "p")}) AS profile_differs,
               ({_differs(Table.METRICS, "m")}) AS metrics_differ,
               coalesce(m.totals_as_of < {quoted(as_of.isoformat())}::date, true) AS is_later,
               {", ".join(f'm.{column.target} AS "{column.target}"' for column in TOTALS)}
        FROM import_typed t JOIN players p USING (player_id) LEFT JOIN player_metrics m USING (player_id)"""
    )
    execute("ANALYZE import_known")


def differs_sql(column: PlayerColumn, known: str) -> str:
    """Return SQL that is true where the file says something new; an empty cell says nothing."""
    cell, stored = f't."{column.name}"', f'{known}."{column.target}"'
    if column.kind is Kind.MOMENT and column.name.startswith("last_"):
        return f"({cell} > {stored} OR ({cell} IS NOT NULL AND {stored} IS NULL))"
    return f"({cell} IS NOT NULL AND {cell} IS DISTINCT FROM {stored})"


def _differs(table: Table, known: str) -> str:
    columns = [
        column for column in COLUMNS if column.table is table and column.target not in {"player_id", "opening_lp"}
    ]
    return " OR ".join(differs_sql(column, known) for column in columns)


def note_contradictions(stage: Stage, *, options: ImportOptions, as_of: date) -> None:
    """Note a problem where the file contradicts what is known: another source, smaller totals, an older date."""
    execute(
        f"""INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT row_number, 'player_id', player_id, 'source_is_feed',
               'the totals of this player come from the activity feed; switch the player''s source to files first'
        FROM import_known WHERE source = '{PlayerSource.FEED}'"""
    )
    _note_older_file(as_of)
    totals = [column for column in TOTALS if stage.has(column.name)]
    if not options.allow_decrease:
        _note_decreases(totals)


def _note_older_file(as_of: date) -> None:
    changed = " OR ".join(differs_sql(column, "k") for column in TOTALS)
    execute(
        f"""INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT k.row_number, 'player_id', k.player_id, 'older_file', format(
            'the file is as of {as_of.isoformat()}, but later totals (%s) are known; import files in their order',
            k.known_as_of)
        FROM import_known k JOIN import_typed t USING (row_number)
        WHERE k.known_as_of > {quoted(as_of.isoformat())}::date AND ({changed})"""
    )


def _note_decreases(totals: list[PlayerColumn]) -> None:
    """Look for any smaller total first, so that the usual file is passed once."""
    decreases = [f't."{column.name}" < k."{column.target}"' for column in totals]
    compared = ", ".join(
        f'({quoted(column.name)}, t."{column.name}"::text, k."{column.target}"::text, {decrease})'
        for column, decrease in zip(totals, decreases, strict=True)
    )
    execute(
        f"""INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT k.row_number, c.name, c.value, 'decrease', format(
            'the known total is %s; totals only grow. Correct the file, or allow smaller totals', c.known)
        FROM import_known k JOIN import_typed t USING (row_number)
        CROSS JOIN LATERAL (VALUES {compared}) c (name, value, known, is_smaller)
        WHERE ({" OR ".join(decreases)}) AND c.is_smaller"""
    )
