"""Spread what happened between two files over the days between them.

The parts of a total sum to the difference exactly: day i of n gets round(d × i ÷ n) − round(d × (i − 1) ÷ n).
"""

from __future__ import annotations

from datetime import date

from players.importing.columns import TOTALS, PlayerColumn
from players.importing.numbers import quoted
from players.importing.stage import execute


def spread_differences(as_of: date) -> int:
    """Add the difference of every changed total to the daily rows between the two files, marked estimated.

    The interval begins on the day after the earlier file's date; two files of one date share that day. Return how many
    daily rows were written.
    """
    differences = ", ".join(
        f'coalesce(t."{column.name}", k."{column.target}") - k."{column.target}" AS {column.day}' for column in TOTALS
    )
    parts = ", ".join(f"{_part(column)} AS {column.day}" for column in TOTALS)
    days = ", ".join(column.day for column in TOTALS)
    last = f"{quoted(as_of.isoformat())}::date"
    return execute(
        f"""INSERT INTO player_days (player_id, "on", {days}, is_estimated)
        SELECT player_id, "on", {days}, true FROM (
            SELECT d.player_id, {last} - (d.days - i) AS "on", {parts} FROM (
                SELECT k.player_id, greatest({last} - k.known_as_of, 1) AS days, {differences}
                FROM import_known k JOIN import_typed t USING (player_id)
                WHERE k.metrics_differ AND k.known_as_of IS NOT NULL
            ) d CROSS JOIN LATERAL generate_series(1, d.days) i
        ) parts WHERE {" OR ".join(f"{column.day} <> 0" for column in TOTALS)}
        ORDER BY player_id, "on"
        ON CONFLICT (player_id, "on") DO UPDATE SET is_estimated = true,
            {", ".join(f"{column.day} = player_days.{column.day} + excluded.{column.day}" for column in TOTALS)}"""
    )


def _part(column: PlayerColumn) -> str:
    scale = 0 if column.kind.sql_type == "integer" else 2
    share = f"round(d.{column.day}::numeric * {{}} / d.days, {scale})"
    part = f"({share.format('i')} - {share.format('(i - 1)')})"
    return f"{part}::integer" if scale == 0 else part
