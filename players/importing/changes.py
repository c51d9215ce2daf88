"""Write what a file says: update what changed, insert what is missing, touch nothing else.

`import_typed` is in the order of the players, and so are the rows made of it: each index is met in its own order.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import connection

from core.expressions import compile_expression
from players.importing.columns import COLUMNS, TOTALS, Kind, PlayerColumn, Table
from players.importing.conflicts import differs_sql
from players.importing.errors import ImportConflictError
from players.importing.numbers import quoted
from players.importing.stage import execute, fetch
from players.metrics import UNPAIRED, derived_metrics
from players.models import Player, PlayerMetrics, PlayerSource
from players.profile import profile_depth_expression

_PROFILE = tuple(column for column in COLUMNS if column.table is Table.PLAYERS and column.target != "player_id")
_MEASURES = tuple(column for column in COLUMNS if column.table is Table.METRICS and column.target != "opening_lp")
_MEASURE_OF = {column.target: column for column in _MEASURES}
_TEXT_TARGETS = {"name", "country", "language", "gender"}
"""Columns that hold an empty text rather than NULL."""


def lock_known_players() -> None:
    """Lock the players about to change, in the order of their keys."""
    execute(
        """SELECT 1 FROM players p WHERE p.player_id IN (
            SELECT player_id FROM import_known WHERE profile_differs OR metrics_differ
        ) ORDER BY p.player_id FOR NO KEY UPDATE"""
    )
    _refuse_what_changed_meanwhile()


def _refuse_what_changed_meanwhile() -> None:
    """Look again under the locks: what was compared must still hold. Raises ImportConflictError."""
    totals = " OR ".join(f'm."{column.target}" IS DISTINCT FROM k."{column.target}"' for column in TOTALS)
    changed = fetch(
        f"""SELECT k.player_id FROM import_known k
        JOIN players p USING (player_id) LEFT JOIN player_metrics m USING (player_id)
        WHERE (k.profile_differs OR k.metrics_differ) AND (p.source <> k.source OR {totals}) LIMIT 1"""
    )
    if changed:
        raise ImportConflictError(
            f"player {changed[0][0]} was changed by something else during the import; run it again"
        )


def insert_players() -> int:
    """Insert the players that are not known yet and return how many."""
    targets = ", ".join(f'"{column.target}"' for column in _PROFILE)
    values = ", ".join(_given(column) for column in _PROFILE)
    depth, params = compile_expression(profile_depth_expression(), model=Player)
    return _execute_with(
        f"""INSERT INTO players (player_id, source, {targets}, profile_depth)
        SELECT player_id, source, {targets}, {depth} FROM (
            SELECT t.player_id, '{PlayerSource.FILE}' AS source, {values} FROM import_typed t
            WHERE NOT EXISTS (SELECT FROM import_known k WHERE k.player_id = t.player_id)
        ) players""",
        params,
    )


def _given(column: PlayerColumn) -> str:
    value = f't."{column.name}"'
    return (
        f"coalesce({value}, '') AS \"{column.target}\""
        if column.target in _TEXT_TARGETS
        else f'{value} AS "{column.target}"'
    )


def record_moves(job_id: int) -> int:
    """Keep of every player whom the file's country puts under another jurisdiction that it does; return how many.

    To be asked before the profiles are written. Staff's choice for a player stands whatever the country says.
    """
    elsewhere = "coalesce((SELECT code FROM jurisdictions WHERE takes_unknown_countries), 'DEFAULT')"
    return execute(
        f"""INSERT INTO player_jurisdiction_changes (player_id, reason, changed_by_id, changed_at)
        SELECT m.player_id, 'Country: ' || coalesce(nullif(m.country, ''), 'none') || ' → ' || m.country_after || '; '
            || m.left_one || ' → ' || m.entered || '; file ' || j.file_name, j.created_by_id, now()
        FROM (
            SELECT p.player_id, p.country, t."country" AS country_after,
                   coalesce(b.jurisdiction, {elsewhere}) AS left_one, coalesce(a.jurisdiction, {elsewhere}) AS entered
            FROM import_known k JOIN import_typed t USING (player_id) JOIN players p USING (player_id)
            LEFT JOIN country_jurisdictions b ON b.name = lower(btrim(p.country))
            LEFT JOIN country_jurisdictions a ON a.name = lower(btrim(t."country"))
            WHERE k.profile_differs AND t."country" <> p.country AND p.jurisdiction IS NULL
        ) m CROSS JOIN import_jobs j
        WHERE m.left_one <> m.entered AND j.id = {job_id}
        ORDER BY m.player_id"""
    )


def update_players() -> int:
    """Update the profiles that the file changes, and declare files as the source of players without one."""
    moved = execute(
        """UPDATE players p SET email = NULL FROM import_typed t JOIN import_known k USING (player_id)
        WHERE p.player_id = t.player_id AND k.profile_differs AND p.email <> t.email
          AND EXISTS (SELECT FROM import_typed o WHERE o.email = lower(p.email) AND o.player_id <> p.player_id)"""
    )
    after = ", ".join(f'{_after(column, "p")} AS "{column.target}"' for column in _PROFILE)
    targets = ", ".join(f'"{column.target}"' for column in _PROFILE)
    depth, params = compile_expression(profile_depth_expression(), model=Player)
    changed = _execute_with(
        f"""UPDATE players SET {_assignments([column.target for column in _PROFILE])}, source = c.source,
            profile_depth = c.profile_depth, updated_at = now()
        FROM (
            SELECT player_id, {targets}, source, {depth} AS profile_depth FROM (
                SELECT p.player_id, {after}, '{PlayerSource.FILE}' AS source
                FROM players p JOIN import_typed t USING (player_id) JOIN import_known k USING (player_id)
                WHERE k.profile_differs OR k.source = ''
            ) players
        ) c WHERE players.player_id = c.player_id""",
        params,
    )
    return max(changed, moved)


def _after(column: PlayerColumn, known: str) -> str:
    """Return SQL for a column's value once the file is imported."""
    cell, stored = f't."{column.name}"', f'{known}."{column.target}"'
    if column.kind is Kind.MOMENT and column.name.startswith("last_"):
        return f"greatest({cell}, {stored})"
    return f"coalesce({cell}, {stored})"


def insert_metrics(as_of: date) -> int:
    """Insert the totals of players that have none: an opening balance, outside the daily rows."""
    values = ", ".join(f'{_opening(column)} AS "{column.target}"' for column in _MEASURES)
    values = f"{values}, {', '.join(_unpaired_opening(name) for name in UNPAIRED)}"
    targets = ", ".join([*(f'"{column.target}"' for column in _MEASURES), *UNPAIRED])
    names, derived, params = _derived()
    return _execute_with(
        f"""INSERT INTO player_metrics (player_id, {targets}, opening_lp, totals_as_of, {", ".join(names)})
        SELECT player_id, {targets}, opening_lp, {quoted(as_of.isoformat())}::date, {derived} FROM (
            SELECT t.player_id, {values}, coalesce(t.opening_lp, 0) AS opening_lp, '{{}}'::jsonb AS games_played
            FROM import_typed t
            WHERE NOT EXISTS (SELECT FROM import_known k WHERE k.player_id = t.player_id AND k.has_metrics)
        ) player_metrics""",
        params,
    )


def _opening(column: PlayerColumn) -> str:
    return f't."{column.name}"' if column.kind is Kind.MOMENT else f'coalesce(t."{column.name}", 0)'


def _unpaired_opening(name: str) -> str:
    total, other = (_MEASURE_OF[target] for target in UNPAIRED[name])
    return f'CASE WHEN t."{other.name}" IS NULL THEN coalesce(t."{total.name}", 0) ELSE 0 END AS "{name}"'


def _unpaired_after(name: str) -> str:
    """Return SQL of what lacks its counterpart now: nothing where the file gives that, else what the file adds too."""
    total, other = (_MEASURE_OF[target] for target in UNPAIRED[name])
    added = f'coalesce(t."{total.name}", m."{total.target}") - m."{total.target}"'
    return f'CASE WHEN t."{other.name}" IS NULL THEN greatest(0, m."{name}" + {added}) ELSE 0 END AS "{name}"'


def update_metrics(as_of: date) -> None:
    """Update the totals that the file changes, with everything that follows from them.

    Also write up to which date totals are known, and from which on days are covered: by the difference of two files.
    """
    after = ", ".join(f'{_after(column, "m")} AS "{column.target}"' for column in _MEASURES)
    after = f"{after}, {', '.join(_unpaired_after(name) for name in UNPAIRED)}"
    written = [*(column.target for column in _MEASURES), *UNPAIRED]
    targets = ", ".join(f'"{target}"' for target in written)
    names, derived, params = _derived()
    _execute_with(
        f"""UPDATE player_metrics SET {_assignments(written)}, {_assignments(names)},
            totals_as_of = c.as_of, days_from = c.covered_from, updated_at = now()
        FROM (
            SELECT player_id, as_of, covered_from, {targets}, {derived} FROM (
                SELECT m.player_id, {after}, m.games_played,
                    CASE WHEN k.is_later THEN {quoted(as_of.isoformat())}::date ELSE m.totals_as_of END AS as_of,
                    coalesce(m.days_from, CASE WHEN k.is_later THEN k.known_as_of + 1 END) AS covered_from
                FROM player_metrics m JOIN import_typed t USING (player_id) JOIN import_known k USING (player_id)
                WHERE k.metrics_differ OR k.is_later
            ) player_metrics
        ) c WHERE player_metrics.player_id = c.player_id""",
        params,
    )


def record_totals(job_id: int) -> int:
    """Keep the totals before and after of every player that is new or whose totals change; return how many."""
    return execute(
        f"""INSERT INTO import_player_totals (job_id, player_id, row_number, deposited_before, deposited_after,
            wagered_before, wagered_after, won_before, won_after)
        SELECT {job_id}, t.player_id, t.row_number, k.total_deposited, t.total_deposited,
               k.total_wagered, t.total_wagered, k.total_won, t.total_won
        FROM import_typed t LEFT JOIN import_known k USING (player_id)
        WHERE k.player_id IS NULL OR NOT k.has_metrics OR {_totals_differ()}"""
    )


def _totals_differ() -> str:
    return "(" + " OR ".join(differs_sql(column, "k") for column in TOTALS) + ")"


def _derived() -> tuple[list[str], str, list[Any]]:
    """Return the derived columns' names, and their definitions as SQL with parameters."""
    compiled = {
        name: compile_expression(definition, model=PlayerMetrics) for name, definition in derived_metrics().items()
    }
    sql = ", ".join(f"{sql} AS {name}" for name, (sql, _) in compiled.items())
    return list(compiled), sql, [param for _, params in compiled.values() for param in params]


def _assignments(names: list[str]) -> str:
    return ", ".join(f'"{name}" = c."{name}"' for name in names)


def _execute_with(sql: str, params: list[Any]) -> int:
    """Run a statement into which compiled expressions brought parameters."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return int(cursor.rowcount)
