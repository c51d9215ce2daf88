"""Understand a file whose every cell is written in the plainest way, in one pass.

Most exports are like that, and a million rows of them should not pay for the care that others need. A single cell this
module does not know sends the whole file to `understanding`, which knows every spelling; what is accepted here, both
must understand alike.
"""

from __future__ import annotations

from core.spreadsheets.markers import NUMBER
from players.importing.columns import COLUMNS, Kind, PlayerColumn
from players.importing.dates import is_iso_date_sql
from players.importing.numbers import quoted
from players.importing.stage import Stage, execute, fetch_one
from players.importing.texts import PLACEHOLDERS

_NUMBER = r"^[0-9]+(\.[0-9]{1,2})?$"
_WHOLE = "^[0-9]+$"
_ID = "^[A-Za-z0-9_.@-]*[0-9][A-Za-z0-9_.@-]*$"
"""With a digit, so that no label of a row of totals is among them."""
_EMAIL = r"^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]+$"
_UNUSUAL_TEXT = "[\\u0001-\\u001f]|^#"
_DIGITS_MAX = {Kind.AMOUNT: 15, Kind.HOURS: 8, Kind.INTEGER: 9}
"""So few that the number fits its column whatever its digits."""


def write_plain_rows(stage: Stage, *, zone_name: str) -> bool:
    """Fill `import_typed` from plain cells; False, and nothing filled, where any cell is not plain."""
    dates = [column for column in stage.columns if column.kind.is_date]
    if stage.report.is_encoding_guessed or not all(_has_plain_dates(stage, column) for column in dates):
        return False
    values = ", ".join(f'{_plain_value(stage, column, zone_name)} AS "{column.name}"' for column in COLUMNS)
    rows = execute(
        f"CREATE TEMP TABLE import_typed ON COMMIT DROP AS SELECT row_number, {values} FROM import_stage s "
        "WHERE finding IS NULL ORDER BY player_id"
    )
    if rows == stage.report.rows and _all_understood(stage):
        return True
    execute("DROP TABLE import_typed")
    return False


def _has_plain_dates(stage: Stage, column: PlayerColumn) -> bool:
    """Look at each different date once: there are few of them."""
    cell = stage.cell(column)
    # The fence keeps the pattern from being tried on every row.
    dates = f"SELECT DISTINCT {cell} AS cell FROM import_stage s WHERE {cell} IS NOT NULL OFFSET 0"
    return not fetch_one(f"SELECT count(*) FROM ({dates}) d WHERE NOT {is_iso_date_sql('cell')}")[0]


def _all_understood(stage: Stage) -> bool:
    """Whether no cell was lost, and no required one is empty."""
    needed = [f'count(s."{column.name}")' if not column.is_required else "count(*)" for column in stage.columns]
    found = ", ".join(f'count("{column.name}")' for column in stage.columns)
    return fetch_one(f"SELECT {', '.join(needed)} FROM import_stage s") == fetch_one(
        f"SELECT {found} FROM import_typed"
    )


def _plain_value(stage: Stage, column: PlayerColumn, zone_name: str) -> str:
    """Return SQL for a cell in its column's type, NULL where it is not plain."""
    if not stage.has(column.name):
        return f"NULL::{column.kind.sql_type}"
    cell = stage.cell(column)
    if column.kind.is_number:
        number = _plain_number(cell, column, is_text_file=stage.report.file_format == "text")
        return f"({number})::{column.kind.sql_type}"
    if column.kind is Kind.DATE:
        return f"{cell}::date"
    if column.kind is Kind.MOMENT:
        return f"{cell}::timestamp AT TIME ZONE {quoted(zone_name)}"
    return _plain_text(cell, column)


def _plain_number(cell: str, column: PlayerColumn, *, is_text_file: bool) -> str:
    """Return SQL for a cell's digits; what is likelier in the kind of file is tried first."""
    digits_max = _DIGITS_MAX[column.kind] if column.name != "age" else 2
    decimals_max = 0 if column.kind is Kind.INTEGER else 2
    pattern = _WHOLE if column.kind is Kind.INTEGER else _NUMBER
    as_text = f"WHEN {cell} ~ '{pattern}' AND length({cell}) <= {digits_max} THEN {cell}"
    typed = f"substr({cell}, {len(NUMBER) + 1})"
    as_number = f"""WHEN {cell} LIKE '{NUMBER}%' AND {cell} NOT LIKE '%e%' AND {typed} >= '0'
        AND length({cell}) <= {digits_max + len(NUMBER)}
        THEN CASE WHEN scale({typed}::numeric) <= {decimals_max} THEN {typed} END"""
    return f"CASE {as_text} {as_number} END" if is_text_file else f"CASE {as_number} {as_text} END"


def _plain_text(cell: str, column: PlayerColumn) -> str:
    short = f"length({cell}) <= {column.length_max}"
    if column.kind is Kind.ID:
        is_whole = f"right({cell}, 2) <> '.0'"
        return f"CASE WHEN {cell} ~ '{_ID}' AND {short} AND {is_whole} THEN {cell} END::{column.kind.sql_type}"
    if column.kind is Kind.EMAIL:
        return f"CASE WHEN {cell} ~ '{_EMAIL}' AND {short} THEN lower({cell}) END"
    words = ", ".join(quoted(word) for word in PLACEHOLDERS)
    return f"CASE WHEN {cell} !~ '{_UNUSUAL_TEXT}' AND {short} AND {cell} NOT IN ({words}) THEN {cell} END"
