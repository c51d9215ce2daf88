"""Rows of sums: recognise them, and use them to check that the rows above are all there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.spreadsheets.report import Notice
from core.spreadsheets.rows import TOTAL_ROW
from players.importing.columns import Kind, PlayerColumn
from players.importing.explanations import FileStyle
from players.importing.numbers import exact_sql
from players.importing.stage import Stage, execute, fetch, fetch_one

_ROWS_MAX = 50
_TOLERANCE = Decimal(1)
"""Sums of rounded amounts may differ a little from the rounded sum."""


@dataclass(frozen=True, kw_only=True)
class TotalRow:
    """A row of sums, and whether its sums are those of the rows above it."""

    row_number: int
    is_last: bool
    agrees: bool
    shown: str
    summed: str


def notice_total_rows(stage: Stage, style: FileStyle) -> list[Notice]:
    """Tell of rows of sums that were left out; one that stands amid players and sums up nothing is a problem."""
    notices = []
    for row in _total_rows(stage, style):
        if not row.agrees and not row.is_last:
            execute(
                "INSERT INTO import_problems (row_number, code, message) VALUES "
                f"({row.row_number}, 'doubtful_total', 'the row calls itself a total but is not the sum of the rows "
                "above it; remove it, or give the player a name or an e-mail address')"
            )
            continue
        verdict = "" if row.agrees else f"; it shows {row.shown}, but the rows above add up to {row.summed}"
        notices.append(
            Notice(
                code="total_row" if row.agrees else "total_row_differs",
                message=f"row {row.row_number} is a row of totals and was not imported{verdict}",
                row=row.row_number,
            )
        )
    return notices


def _total_rows(stage: Stage, style: FileStyle) -> list[TotalRow]:
    amounts = [column for column in stage.columns if column.is_required and column.kind is Kind.AMOUNT]
    shown = ", ".join(exact_sql(stage.cell(column), column, style.numbers) for column in amounts)
    found = fetch(
        "SELECT row_number, NOT EXISTS (SELECT FROM import_typed t WHERE t.row_number > s.row_number), "
        f"{shown} FROM import_stage s WHERE finding = '{TOTAL_ROW}' ORDER BY row_number LIMIT {_ROWS_MAX}"
    )
    rows, above = [], 0
    for row_number, is_last, *values in found:
        all_rows, since_last = (
            _sums(amounts, after=0, before=row_number),
            _sums(amounts, after=above, before=row_number),
        )
        rows.append(
            TotalRow(
                row_number=row_number,
                is_last=is_last,
                agrees=_is_sum(values, all_rows) or _is_sum(values, since_last),
                shown=_listed(amounts, values),
                summed=_listed(amounts, all_rows),
            )
        )
        above = row_number
    return rows


def _sums(amounts: list[PlayerColumn], *, after: int, before: int) -> list[Decimal]:
    sums = ", ".join(f'coalesce(sum("{column.name}"), 0)' for column in amounts)
    return list(fetch_one(f"SELECT {sums} FROM import_typed WHERE row_number > {after} AND row_number < {before}"))


def _is_sum(shown: list[Decimal | None], sums: list[Decimal]) -> bool:
    return all(value is None or abs(value - total) < _TOLERANCE for value, total in zip(shown, sums, strict=True))


def _listed(amounts: list[PlayerColumn], values: list[Decimal] | list[Decimal | None]) -> str:
    return ", ".join(
        f"{column.name} {value}" for column, value in zip(amounts, values, strict=True) if value is not None
    )
