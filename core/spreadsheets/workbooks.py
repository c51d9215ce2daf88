"""What every kind of workbook has in common: choose the sheet, then send its rows, each cell by its column's kind."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Protocol

from core.spreadsheets.cells import ColumnWriter, Override, converters
from core.spreadsheets.columns import CellKind, Column
from core.spreadsheets.errors import NoRowsError, SheetChoiceError, SpreadsheetTooLargeError
from core.spreadsheets.header import Header, best_header, describe_header, require_complete
from core.spreadsheets.limits import Limits
from core.spreadsheets.report import Report
from core.spreadsheets.rows import RowSender

Cells = Sequence[Any]
Overrides = dict[int, dict[int, str]]

_TEXT = converters(CellKind.TEXT)
_BATCH_ROWS = 2_000


class Sheet(Protocol):
    """One sheet of a workbook."""

    name: str
    is_visible: bool

    def rows(self) -> Iterator[Cells]:
        """Yield every row from the sheet's first one, blank ones included."""
        ...

    def overrides(self, id_indices: Collection[int]) -> Overrides:
        """Return the cells whose text is not what the reader gives: row number → column index → text."""
        ...

    def notices(self) -> list[tuple[str, str]]:
        """Return what should be said about this sheet once it is chosen: code and message."""
        ...

    def forget(self) -> None:
        """Release what was read; another sheet was chosen."""
        ...


class Workbook(Protocol):
    """A workbook of any kind."""

    sheets: list[Sheet]
    counts_from_1904: bool


class WorkbookTable:
    """The one table of a workbook."""

    def __init__(self, workbook: Workbook, *, columns: Sequence[Column], limits: Limits, sheet_name: str) -> None:
        if len(workbook.sheets) > limits.sheets_max:
            raise SpreadsheetTooLargeError(
                f"the workbook has {len(workbook.sheets)} sheets; at most {limits.sheets_max} are looked at"
            )
        self._columns = columns
        self._sheets = workbook.sheets
        self._chooser = _SheetChooser(columns=columns, rows_max=limits.header_rows_max)
        self.sheet, self.header = self._chooser.choose(workbook.sheets, wanted=sheet_name)
        kinds = {column.name: column.kind for column in columns}
        self._writers = [
            ColumnWriter(found.index, kinds[found.name], counts_from_1904=workbook.counts_from_1904)
            for found in self.header.match.found
        ]

    def describe(self, report: Report) -> None:
        """Write down which sheet was read and which were not."""
        report.sheet = self.sheet.name
        describe_header(report, self.header)
        others = [sheet for sheet in self._sheets if sheet is not self.sheet]
        for is_visible, wording in ((True, "sheets that were not read"), (False, "hidden sheets that were not read")):
            names = ", ".join(repr(sheet.name) for sheet in others if sheet.is_visible is is_visible)
            if names:
                report.notice("other_sheets", f"{wording}: {names}")
        if not self.sheet.is_visible:
            report.notice("hidden_sheet", f"the sheet {self.sheet.name!r} is hidden; it was read because it was named")
        for code, message in self.sheet.notices():
            report.notice(code, message)

    def send_rows(self, sender: RowSender) -> None:
        """Send every row below the header, in batches as long as nothing unusual is met."""
        id_index = self.header.id_index(self._columns)
        overrides = self.sheet.overrides(self.header.id_indices(self._columns))
        row_number = self.header.row_number + 1
        rows = self._below_header()
        while batch := list(itertools.islice(rows, _BATCH_ROWS)):
            numbers = range(row_number, row_number + len(batch))
            columns = self._plain_columns(batch, id_index) if overrides.keys().isdisjoint(numbers) else []
            if columns:
                sender.send_columns(row_number, [writer.texts(columns[writer.index]) for writer in self._writers])
            else:
                self._send_singly(batch, numbers, overrides=overrides, sender=sender)
            row_number += len(batch)

    def _send_singly(self, batch: list[Cells], numbers: range, *, overrides: Overrides, sender: RowSender) -> None:
        for row_number, plain_cells in zip(numbers, batch, strict=True):
            cells = _overridden(plain_cells, overrides[row_number]) if row_number in overrides else list(plain_cells)
            cells += [""] * (self.header.width - len(cells))
            texts = [_as_text(cell) for cell in cells]
            for writer in self._writers:
                texts[writer.index] = writer.text(cells[writer.index])
            sender.send(row_number, texts, is_aligned=True)

    def _plain_columns(self, batch: list[Cells], id_index: int) -> list[tuple[Any, ...]]:
        """Return the batch by columns; nothing where a row is wider than the header or a name or an id is missing."""
        if set(map(len, batch)) != {self.header.width} or not all(cell.strip() for cell in self.header.cells):
            return []
        columns = list(zip(*batch, strict=True))
        return columns if all(map(str.strip, map(str, columns[id_index]))) else []

    def _below_header(self) -> Iterator[Cells]:
        return itertools.islice(self.sheet.rows(), self.header.row_number, None)


def hidden_rows_notice(sheet_name: str) -> tuple[str, str]:
    """Return what to say about a sheet that does not show all it holds."""
    return "hidden_rows", f"the sheet {sheet_name!r} has hidden or filtered rows or columns; they were read as well"


class _SheetChooser:
    """Finds the sheet that holds the table."""

    def __init__(self, *, columns: Sequence[Column], rows_max: int) -> None:
        self._columns, self._rows_max = columns, rows_max

    def choose(self, sheets: list[Sheet], *, wanted: str) -> tuple[Sheet, Header]:
        if wanted:
            sheet = _by_name(sheets, wanted)
            return sheet, self._required_header(sheet)
        visible = [sheet for sheet in sheets if sheet.is_visible]
        if not visible:
            raise SheetChoiceError("the workbook has no visible sheet with cells: unhide the one to read, or name it")
        fitting = [sheet for sheet in visible if self._fits(sheet)]
        if len(fitting) > 1:
            names = " and ".join(repr(sheet.name) for sheet in fitting)
            raise SheetChoiceError(
                f"the sheets {names} each hold such a table: name the one to read", sheets=[s.name for s in fitting]
            )
        if fitting:
            return fitting[0], self._required_header(fitting[0])
        return self._refuse(visible, hidden=[sheet for sheet in sheets if not sheet.is_visible])

    def _fits(self, sheet: Sheet) -> bool:
        header = self._header(sheet)
        fits = header is not None and header.match.is_complete and self._has_rows(sheet, header)
        if not fits:
            sheet.forget()
        return fits

    def _refuse(self, visible: list[Sheet], *, hidden: list[Sheet]) -> tuple[Sheet, Header]:
        """Raise what is wrong with the sheet that comes nearest."""
        hiding = [sheet for sheet in hidden if self._fits(sheet)]
        if hiding:
            raise SheetChoiceError(
                f"only the hidden sheet {hiding[0].name!r} holds such a table; hidden sheets are not read unless named"
            )
        nearest = max(visible, key=self._found_columns)
        return nearest, self._required_header(nearest)

    def _found_columns(self, sheet: Sheet) -> int:
        header = self._header(sheet)
        return len(header.match.found) if header else -1

    def _required_header(self, sheet: Sheet) -> Header:
        place = f"the sheet {sheet.name!r}"
        header = require_complete(self._header(sheet), columns=self._columns, place=place)
        if not self._has_rows(sheet, header):
            raise NoRowsError(f"{place} has column names in row {header.row_number} and no rows below them")
        return header

    def _header(self, sheet: Sheet) -> Header | None:
        rows = ((number, [_as_text(cell) for cell in cells]) for number, cells in enumerate(sheet.rows(), 1))
        return best_header(rows, columns=self._columns, rows_max=self._rows_max)

    def _has_rows(self, sheet: Sheet, header: Header) -> bool:
        below = itertools.islice(sheet.rows(), header.row_number, None)
        return any(any(cell != "" for cell in cells) for cells in below)


def _by_name(sheets: list[Sheet], wanted: str) -> Sheet:
    for matches in (str.__eq__, lambda name, other: name.casefold().strip() == other.casefold().strip()):
        for sheet in sheets:
            if matches(sheet.name, wanted):
                return sheet
    names = ", ".join(repr(sheet.name) for sheet in sheets)
    raise SheetChoiceError(f"there is no sheet {wanted!r}; the workbook has {names}")


def _as_text(cell: Any) -> str:
    return _TEXT[type(cell)](cell)


def _overridden(cells: Cells, overrides: dict[int, str]) -> list[Any]:
    changed = list(cells) + [""] * (max(overrides) + 1 - len(cells))
    for index, text in overrides.items():
        changed[index] = Override(text)
    return changed
