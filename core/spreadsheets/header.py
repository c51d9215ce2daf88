"""Find the row that names the columns, or say what is missing from it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.spreadsheets.columns import CellKind, Column, HeaderMatch, letter_of, match_header, nearest_heading
from core.spreadsheets.errors import DuplicateColumnsError, MissingColumnsError, NoRowsError
from core.spreadsheets.markers import CONTROL
from core.spreadsheets.report import Report

_SHOWN_HEADINGS_MAX = 12
_SHOWN_CHARACTERS_MAX = 40


@dataclass(frozen=True, kw_only=True)
class Header:
    """The row that names the columns."""

    row_number: int
    cells: list[str]
    match: HeaderMatch

    @property
    def width(self) -> int:
        return len(self.cells)

    @property
    def indices(self) -> list[int]:
        """Where the known columns stand, in the order they are sent."""
        return [column.index for column in self.match.found]

    def id_index(self, columns: Sequence[Column]) -> int:
        """Return where the first column of kind ID stands: without its id a row is none."""
        return self.id_indices(columns)[0]

    def id_indices(self, columns: Sequence[Column]) -> list[int]:
        """Return where the columns of kind ID stand."""
        ids = {column.name for column in columns if column.kind is CellKind.ID}
        return [found.index for found in self.match.found if found.name in ids]


def best_header(rows: Iterable[tuple[int, list[str]]], *, columns: Sequence[Column], rows_max: int) -> Header | None:
    """Return the first complete header among the first filled rows, else the nearest row; None without rows."""
    best: Header | None = None
    seen = 0
    for row_number, raw_cells in rows:
        cells = [cell.removeprefix(CONTROL) for cell in raw_cells]
        if not any(cell.strip() for cell in cells):
            continue
        header = Header(row_number=row_number, cells=cells, match=match_header(cells, columns))
        if header.match.is_complete:
            return header
        if best is None or len(header.match.found) > len(best.match.found):
            best = header
        seen += 1
        if seen >= rows_max:
            break
    return best


def require_complete(header: Header | None, *, columns: Sequence[Column], place: str) -> Header:
    """Return the header if it names every required column, once each; `place` says where it was looked for."""
    required = [column.name for column in columns if column.is_required]
    if header is None:
        raise NoRowsError(f"{place} is empty: a header row with {_listed(required)} and at least one row are needed")
    if header.match.clashes:
        name, first, second = header.match.clashes[0]
        raise DuplicateColumnsError(
            f"row {header.row_number}: the columns {first!r} and {second!r} both mean {name}: keep one",
            row=header.row_number,
            column=name,
            headings=[cell.strip() for cell in header.cells],
        )
    if not header.match.found:
        raise MissingColumnsError(
            f"{place} has no header row: none of its first rows names a known column (row {header.row_number} reads "
            f"{_shown(header.cells)}); {_listed(required)} are needed",
            missing=required,
            headings=[cell.strip() for cell in header.cells],
        )
    if not header.match.is_complete:
        headings = [cell.strip() for cell in header.cells]
        raise MissingColumnsError(
            _missing_message(header), missing=header.match.missing, row=header.row_number, headings=headings
        )
    return header


def describe_header(report: Report, header: Header) -> None:
    """Write into the report which columns were found, which were not understood, and what stood above them."""
    report.header_row, report.header_width = header.row_number, header.width
    report.headings = [cell.strip() for cell in header.cells]
    report.columns = header.match.found
    report.unknown_columns = header.match.unknown
    if header.row_number > 1:
        report.notice(
            "rows_above_header",
            f"the column names stand in row {header.row_number}; what stands above was not read",
            row=header.row_number,
        )
    if header.match.unknown:
        report.notice("unknown_columns", f"columns that were not read: {', '.join(header.match.unknown)}")


def unnamed_columns_message(indices: Iterable[int]) -> str:
    """Say which columns hold values without having a name."""
    letters = ", ".join(letter_of(index) for index in sorted(indices))
    return f"columns that have values but no name were not read: {letters}"


def _missing_message(header: Header) -> str:
    hints = []
    for name in header.match.missing:
        nearest = nearest_heading(name, header.match.unknown)
        hints.append(f"{name} is missing" + (f" (nearest: {nearest!r}; rename it if that is meant)" if nearest else ""))
    return f"row {header.row_number}: {'; '.join(hints)}. The columns found are {_shown(header.cells)}"


def _shown(cells: Sequence[str]) -> str:
    filled = [cell.strip()[:_SHOWN_CHARACTERS_MAX] for cell in cells if cell.strip()]
    more = f" and {len(filled) - _SHOWN_HEADINGS_MAX} more" if len(filled) > _SHOWN_HEADINGS_MAX else ""
    return ", ".join(repr(cell) for cell in filled[:_SHOWN_HEADINGS_MAX]) + more


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else names[0]
