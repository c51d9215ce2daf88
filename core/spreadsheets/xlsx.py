"""Read .xlsx: the cells by calamine, and what calamine hides from the archive itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
    load_workbook,
)

from core.spreadsheets.archives import PartTraits
from core.spreadsheets.errors import DamagedFileError, EncryptedFileError, SpreadsheetTooLargeError
from core.spreadsheets.limits import Limits
from core.spreadsheets.workbooks import Cells, Overrides, Sheet, hidden_rows_notice
from core.spreadsheets.xlsx_parts import WorkbookParts, exceptional_cells, is_large_part, read_parts, scan_sheet

_CELL_BYTES = 32
"""What calamine keeps for one cell of the rectangle around all cells, filled or not."""


class XlsxWorkbook:
    """An .xlsx workbook."""

    def __init__(self, path: Path, *, limits: Limits) -> None:
        parts = read_parts(path, limits)
        workbook = _open(path)
        self.counts_from_1904 = parts.counts_from_1904
        self.sheets: list[Sheet] = [
            XlsxSheet(
                path,
                workbook,
                index=index,
                parts=parts,
                limits=limits,
                is_visible=metadata.visible == SheetVisibleEnum.Visible,
            )
            for index, metadata in enumerate(workbook.sheets_metadata)
            if metadata.typ == SheetTypeEnum.WorkSheet
        ]


class XlsxSheet:
    """A worksheet; unpacked, checked and read when its rows are first wanted."""

    def __init__(
        self,
        path: Path,
        workbook: CalamineWorkbook,
        *,
        index: int,
        parts: WorkbookParts,
        limits: Limits,
        is_visible: bool,
    ) -> None:
        self.name: str = workbook.sheet_names[index]
        self.is_visible = is_visible
        self._path, self._workbook, self._index = path, workbook, index
        self._parts, self._limits = parts, limits
        self._sheet: CalamineSheet | None = None
        self._traits = PartTraits()

    def rows(self) -> Iterator[Cells]:
        sheet = self._load()
        start = sheet.start
        if start is None:
            return
        padding = [""] * start[1]
        for cells in sheet.iter_rows():
            yield padding + cells if padding else cells

    def overrides(self, id_indices: Collection[int]) -> Overrides:
        traits, formats = self._traits, self._parts.formats
        if not (traits.has_formula or traits.has_error or formats):
            return {}
        return exceptional_cells(self._path, self._part, self._limits, formats=formats, id_indices=id_indices)

    def notices(self) -> list[tuple[str, str]]:
        if not self._traits.has_hidden:
            return []
        return [hidden_rows_notice(self.name)]

    def forget(self) -> None:
        self._sheet = None

    @property
    def _part(self) -> str:
        return self._parts.sheet_parts.get(self.name, "")

    def _load(self) -> CalamineSheet:
        if self._sheet is None:
            self._sheet = self._scan_and_read()
        return self._sheet

    def _scan_and_read(self) -> CalamineSheet:
        """Look into the sheet, then read it; both at once where it is large, since calamine leaves a core free.

        A large sheet is full of cells, so that none can stand so far off that only the scan would tell.
        """
        with ThreadPoolExecutor(1) as other:
            scan = other.submit(scan_sheet, self._path, self._part, self._limits)
            if not is_large_part(self._path, self._part, self._limits):
                self._traits = scan.result()
                self._check_area()
            try:
                sheet = self._workbook.get_sheet_by_index(self._index)
            except CalamineError as error:
                raise DamagedFileError(f"the sheet {self.name!r} cannot be read: {error}") from error
            self._traits = scan.result()
        self._check_area()
        return sheet

    def _check_area(self) -> None:
        rows, columns = self._traits.row_max, self._traits.column_max
        too_wide = columns > self._limits.columns_max
        if too_wide or rows * columns * _CELL_BYTES > self._limits.memory_bytes_max:
            raise SpreadsheetTooLargeError(
                f"the sheet {self.name!r} has cells as far as row {rows:,} and column {columns:,}: delete what stands "
                "far from the table, or save the table alone as .csv"
            )


def _open(path: Path) -> CalamineWorkbook:
    try:
        return load_workbook(path)
    except PasswordError as error:
        raise EncryptedFileError("the workbook is protected by a password: save it without one and retry") from error
    except CalamineError as error:
        raise DamagedFileError(f"the workbook cannot be opened: {error}") from error
