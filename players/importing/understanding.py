"""Turn the staged text into typed rows, all at once, and note every cell that does not fit its column."""

from __future__ import annotations

from dataclasses import dataclass

from core.spreadsheets.rows import EXTRA_CELLS, TOTAL_ROW
from players.importing.columns import COLUMNS, ID, Kind, PlayerColumn
from players.importing.dates import day_sql, moment_sql
from players.importing.explanations import FileStyle
from players.importing.numbers import bounded_sql, exact_sql, quoted
from players.importing.stage import Stage, execute, fetch, fetch_one
from players.importing.texts import (
    PLACEHOLDERS,
    id_sql,
    is_total_label_sql,
    is_unusual_id_sql,
    is_unusual_text_sql,
    text_sql,
)

HEADER_ROW = "header"
_PLACEHOLDER_LIST = ", ".join(quoted(word) for word in PLACEHOLDERS)


@dataclass(frozen=True, kw_only=True)
class ColumnProfile:
    """How a column is filled: cells with text, placeholders among them, and cells that need a closer look."""

    filled: int
    placeholders: int
    unusual: int


Profile = dict[str, ColumnProfile]


def mark_rows_without_players(stage: Stage) -> None:
    """Mark rows that repeat the header, and rows of sums whose label stands where the id should be."""
    headings = {found.name: found.header for found in stage.report.columns}
    repeated = " AND ".join(
        f"{stage.cell(column)} = {quoted(headings[column.name])}" for column in stage.columns if column.is_required
    )
    execute(f"UPDATE import_stage s SET finding = '{HEADER_ROW}' WHERE finding IS NULL AND {repeated}")
    nameless = " AND ".join(
        f"{stage.cell(column)} IS NULL"
        for column in stage.columns
        if column.name in {"email", "name", "registration_date"}
    )
    label = is_total_label_sql(stage.cell(ID))
    execute(
        f"UPDATE import_stage s SET finding = '{TOTAL_ROW}' WHERE finding IS NULL AND {label} AND {nameless or 'true'}"
    )


def profile_columns(stage: Stage) -> Profile:
    """Return how each column is filled, so that the usual file costs no more than it must."""
    parts = []
    for column in stage.columns:
        cell = stage.cell(column)
        parts += [
            f"count({cell})",
            "0" if column.is_required else f"count(*) FILTER (WHERE {cell} IN ({_PLACEHOLDER_LIST}))",
            f"count(*) FILTER (WHERE {_unusual_sql(cell, column)})",
        ]
    counts = iter(fetch_one(f"SELECT {', '.join(parts)} FROM import_stage s WHERE finding IS NULL"))
    return {
        column.name: ColumnProfile(filled=next(counts), placeholders=next(counts), unusual=next(counts))
        for column in stage.columns
    }


def _unusual_sql(cell: str, column: PlayerColumn) -> str:
    if column.kind is Kind.ID:
        return is_unusual_id_sql(cell)
    return is_unusual_text_sql(cell, column) if column.kind is Kind.TEXT else "false"


def write_typed_rows(stage: Stage, *, profile: Profile, style: FileStyle, zone_name: str) -> None:
    """Fill `import_typed`: one row per player row of the file, NULL where a cell is empty or does not fit."""
    inner, outer, joins = ["s.row_number"], ["row_number"], []
    for column in COLUMNS:
        if not stage.has(column.name):
            outer.append(f'NULL::{column.kind.sql_type} AS "{column.name}"')
            continue
        cell = _cell(stage, column, profile)
        if column.kind.is_date:
            joins.append(_dates_join(cell, column))
        inner.append(f'{_meaning(cell, column, profile, style, zone_name)} AS "{column.name}"')
        outer.append(f'{_fitting(column)} AS "{column.name}"')
    # The fence keeps each cell's text from being understood once per mention of its number.
    execute(
        f"CREATE TEMP TABLE import_typed ON COMMIT DROP AS SELECT {', '.join(outer)} FROM ("
        f"SELECT {', '.join(inner)} FROM import_stage s {' '.join(joins)} WHERE s.finding IS NULL OFFSET 0) cells"
    )
    execute("ANALYZE import_typed")


def _cell(stage: Stage, column: PlayerColumn, profile: Profile) -> str:
    cell = stage.cell(column)
    if not profile[column.name].placeholders:
        return cell
    return f"(CASE WHEN {cell} NOT IN ({_PLACEHOLDER_LIST}) THEN {cell} END)"


def _meaning(cell: str, column: PlayerColumn, profile: Profile, style: FileStyle, zone_name: str) -> str:
    """Return SQL for what a cell says, before it is fitted into its column."""
    kind = column.kind
    if kind.is_number:
        return exact_sql(cell, column, style.numbers)
    if kind.is_date:
        return _date_meaning(cell, column, zone_name)
    if kind is Kind.ID:
        return id_sql(cell, ascii_only=style.is_encoding_guessed) if _is_unusual(column, profile) else cell
    if kind is Kind.CURRENCY:
        words = ", ".join(quoted(word.upper()) for word in style.numbers.currency_words)
        return f"CASE WHEN upper({cell}) IN ({words or 'NULL'}) THEN {cell} END"
    return text_sql(cell, column) if kind is Kind.EMAIL or _is_unusual(column, profile) else cell


def _is_unusual(column: PlayerColumn, profile: Profile) -> bool:
    return profile[column.name].unusual > 0


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


def _fitting(column: PlayerColumn) -> str:
    name = f'"{column.name}"'
    return bounded_sql(name, column) if column.kind.is_number else f"{name}::{column.kind.sql_type}"


def note_bad_cells(stage: Stage, *, profile: Profile) -> None:
    """Write a problem for every cell that is missing where it is required or does not fit its column."""
    counts = fetch_one(
        "SELECT count(*), " + ", ".join(f'count("{column.name}")' for column in stage.columns) + " FROM import_typed"
    )
    rows, understood = counts[0], dict(zip((column.name for column in stage.columns), counts[1:], strict=True))
    for column in stage.columns:
        usable = profile[column.name].filled - profile[column.name].placeholders
        wanted = rows if column.is_required else usable
        if understood[column.name] < wanted:
            _note_column(stage, column, profile)
    execute(
        f"INSERT INTO import_problems (row_number, value, code) SELECT row_number, substr(finding, {len(EXTRA_CELLS) + 1}), "
        f"'extra_cells' FROM import_stage WHERE finding LIKE '{EXTRA_CELLS}%'"
    )


def _note_column(stage: Stage, column: PlayerColumn, profile: Profile) -> None:
    cell = _cell(stage, column, profile)
    has_text = "true" if column.is_required else f"{cell} IS NOT NULL"
    execute(
        f"""INSERT INTO import_problems (row_number, column_name, value, code, message)
        SELECT s.row_number, {quoted(column.name)}, {cell}, d.code, d.message
        FROM import_stage s JOIN import_typed t USING (row_number)
        LEFT JOIN import_dates d ON d.column_name = {quoted(column.name)} AND d.cell = {cell}
        WHERE {has_text} AND t."{column.name}" IS NULL"""
    )


@dataclass(frozen=True, kw_only=True)
class TotalRow:
    """A row of sums, and whether its sums are those of the rows above it."""

    row_number: int
    is_last: bool
    agrees: bool
    shown: str
    summed: str


def judge_total_rows(stage: Stage, *, style: FileStyle, rows_max: int = 50) -> list[TotalRow]:
    """Return the rows that call themselves totals, compared with what the rows above them add up to."""
    amounts = [column for column in stage.columns if column.is_required and column.kind is Kind.AMOUNT]
    found = fetch(
        f"SELECT row_number, NOT EXISTS (SELECT FROM import_typed t WHERE t.row_number > s.row_number), "
        + ", ".join(f"({exact_sql(stage.cell(column), column, style.numbers)})" for column in amounts)
        + f" FROM import_stage s WHERE finding = '{TOTAL_ROW}' ORDER BY row_number LIMIT {rows_max}"
    )
    judged, start = [], 0
    for row_number, is_last, *shown in found:
        sums = ", ".join(f'coalesce(sum("{column.name}"), 0)' for column in amounts)
        candidates = [
            fetch_one(f"SELECT {sums} FROM import_typed WHERE row_number < {row_number} AND row_number > {above}")
            for above in {0, start}
        ]
        agrees = any(_same(shown, candidate) for candidate in candidates)
        judged.append(
            TotalRow(
                row_number=row_number,
                is_last=is_last,
                agrees=agrees,
                shown=_listed(amounts, shown),
                summed=_listed(amounts, candidates[0]),
            )
        )
        start = row_number
    return judged


def _same(shown: list[object], summed: tuple[object, ...]) -> bool:
    return all(value is None or abs(value - total) < 1 for value, total in zip(shown, summed, strict=True))  # type: ignore[operator]


def _listed(amounts: list[PlayerColumn], values: list[object] | tuple[object, ...]) -> str:
    return ", ".join(f"{column.name} {value}" for column, value in zip(amounts, values, strict=True))
