"""Turn the staged text into typed rows, all at once, and note every cell that does not fit its column."""

from __future__ import annotations

from dataclasses import dataclass

from core.spreadsheets.rows import EXTRA_CELLS, TOTAL_ROW
from players.importing.columns import COLUMNS, ID, Kind, PlayerColumn
from players.importing.dates import day_sql, moment_sql
from players.importing.explanations import FileStyle
from players.importing.numbers import bounded_sql, exact_sql, quoted
from players.importing.stage import Stage, execute, fetch_one
from players.importing.texts import PLACEHOLDERS, id_sql, is_total_label_sql, is_unusual_id_sql, text_sql

HEADER_ROW = "header"
_PLACEHOLDER_LIST = ", ".join(quoted(word) for word in PLACEHOLDERS)
_IDENTITY = {"email", "name", "registration_date"}

Counts = dict[str, int]
"""By column name."""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """How many rows there are, and how many cells of each column have a value to understand."""

    rows: int
    cells: Counts
    placeholders: Counts


def write_typed_rows(stage: Stage, *, filled: Filled, style: FileStyle, zone_name: str) -> None:
    """Fill `import_typed`: one row per player row of the file, NULL where a cell is empty or does not fit."""
    joins = [_dates_join(_cell(stage, column, filled), column) for column in stage.columns if column.kind.is_date]
    inner, outer = ["s.row_number"], ["row_number"]
    for column in COLUMNS:
        if not stage.has(column.name):
            outer.append(f'NULL::{column.kind.sql_type} AS "{column.name}"')
            continue
        inner.append(f'{_meaning(_cell(stage, column, filled), column, style, zone_name)} AS "{column.name}"')
        outer.append(f'{_fitting(column)} AS "{column.name}"')
    # The fence keeps a number's text from being understood once per mention of the number; in the order of the players
    # whatever is made of the rows meets indexes in their own order.
    execute(
        f"CREATE TEMP TABLE import_typed ON COMMIT DROP AS SELECT {', '.join(outer)} FROM ("
        f"SELECT {', '.join(inner)} FROM import_stage s {' '.join(joins)} WHERE s.finding IS NULL OFFSET 0) cells "
        "ORDER BY player_id"
    )
    execute("ANALYZE import_typed")


def _fitting(column: PlayerColumn) -> str:
    name = f'"{column.name}"'
    return bounded_sql(name, column) if column.kind.is_number else f"{name}::{column.kind.sql_type}"


def _counts(stage: Stage, prefix: str) -> str:
    return ", ".join(f'count({prefix}"{column.name}")' for column in stage.columns)


def mark_rows_without_players(stage: Stage) -> None:
    """Mark rows that repeat the header, and rows of sums whose label stands where the id should be."""
    execute("ANALYZE import_stage")
    headings = {found.name: found.header for found in stage.report.columns}
    repeated = " AND ".join(
        f"{stage.cell(column)} = {quoted(headings[column.name])}" for column in stage.columns if column.is_required
    )
    execute(f"UPDATE import_stage s SET finding = '{HEADER_ROW}' WHERE finding IS NULL AND {repeated}")
    identity = [f"{stage.cell(column)} IS NULL" for column in stage.columns if column.name in _IDENTITY]
    conditions = " AND ".join(["finding IS NULL", is_total_label_sql(stage.cell(ID)), *identity])
    execute(f"UPDATE import_stage s SET finding = '{TOTAL_ROW}' WHERE {conditions}")


def count_filled(stage: Stage) -> Filled:
    """Return how many cells have to be understood; words such as NULL count as empty where a cell may be empty."""
    optional = [column for column in stage.columns if not column.is_required]
    words = ", ".join(
        ["0", *(f"count(*) FILTER (WHERE {stage.cell(column)} IN ({_PLACEHOLDER_LIST}))" for column in optional)]
    )
    counts = fetch_one(f"SELECT count(*), {_counts(stage, 's.')}, {words} FROM import_stage s WHERE finding IS NULL")
    rows, cells = counts[0], counts[1 : 1 + len(stage.columns)]
    placeholders = dict(zip((column.name for column in optional), counts[2 + len(stage.columns) :], strict=True))
    return Filled(
        rows=rows,
        cells={
            column.name: count - placeholders.get(column.name, 0)
            for column, count in zip(stage.columns, cells, strict=True)
        },
        placeholders=placeholders,
    )


def _cell(stage: Stage, column: PlayerColumn, filled: Filled) -> str:
    cell = stage.cell(column)
    if not filled.placeholders.get(column.name):
        return cell
    return f"(CASE WHEN {cell} NOT IN ({_PLACEHOLDER_LIST}) THEN {cell} END)"


def _meaning(cell: str, column: PlayerColumn, style: FileStyle, zone_name: str) -> str:
    """Return SQL for what a cell says, before it is fitted into its column."""
    if column.kind.is_number:
        return exact_sql(cell, column, style.numbers)
    if column.kind.is_date:
        return _date_meaning(cell, column, zone_name)
    if column.kind is Kind.ID:
        careful = id_sql(cell, ascii_only=style.is_encoding_guessed)
        return f"CASE WHEN {is_unusual_id_sql(cell)} THEN {careful} ELSE {cell} END"
    if column.kind is Kind.CURRENCY:
        words = ", ".join(quoted(word.upper()) for word in style.numbers.currency_words)
        return f"CASE WHEN upper({cell}) IN ({words or 'NULL'}) THEN {cell} END"
    return text_sql(cell, column)


def _date_meaning(cell: str, column: PlayerColumn, zone_name: str) -> str:
    other = f"dates_{column.name}.moment"
    if column.kind is Kind.MOMENT:
        return f"coalesce({moment_sql(cell, time_zone=zone_name)}, {other})"
    return f"coalesce({day_sql(cell)}, ({other} AT TIME ZONE {quoted(zone_name)})::date)"


def _dates_join(cell: str, column: PlayerColumn) -> str:
    alias = f"dates_{column.name}"
    return (
        f"LEFT JOIN (SELECT cell, moment FROM import_dates WHERE column_name = {quoted(column.name)}) {alias} "
        f"ON {alias}.cell = {cell}"
    )


def note_bad_cells(stage: Stage, filled: Filled) -> None:
    """Write a problem for every cell that is missing where it is required or does not fit its column."""
    counts = fetch_one(f"SELECT {_counts(stage, '')} FROM import_typed")
    for column, understood in zip(stage.columns, counts, strict=True):
        wanted = filled.rows if column.is_required else filled.cells[column.name]
        if understood < wanted:
            _note_column(stage, column, filled)


def _note_column(stage: Stage, column: PlayerColumn, filled: Filled) -> None:
    cell = _cell(stage, column, filled)
    has_text = "true" if column.is_required else f"{cell} IS NOT NULL"
    execute(
        f"""INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT s.row_number, {quoted(column.name)}, {cell}, d.code, d.message
        FROM import_stage s JOIN import_typed t USING (row_number)
        LEFT JOIN import_dates d ON d.column_name = {quoted(column.name)} AND d.cell = {cell}
        WHERE {has_text} AND t."{column.name}" IS NULL"""
    )


def note_wide_rows() -> None:
    """Write a problem for every row that has more cells than the header."""
    execute(
        "INSERT INTO import_problems (row_number, value, code) "
        f"SELECT row_number, substr(finding, {len(EXTRA_CELLS) + 1}), 'extra_cells' "
        f"FROM import_stage WHERE finding LIKE '{EXTRA_CELLS}%'"
    )
