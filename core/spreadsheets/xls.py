"""Read .xls with xlrd, which tells errors and empty formula results apart; calamine shows both as empty cells."""

from __future__ import annotations

import datetime as dt
import os
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import xlrd

from core.spreadsheets.cells import EmptyResult, Override, error_text, formatted_id_text, shows_plainly
from core.spreadsheets.errors import DamagedFileError, EncryptedFileError
from core.spreadsheets.workbooks import Cells, Overrides, Sheet, hidden_rows_notice
from core.spreadsheets.xlsx_parts import is_date_format

_BROKEN = (xlrd.XLRDError, xlrd.compdoc.CompDocError, struct.error, AssertionError, LookupError, ValueError, TypeError)
"""What xlrd raises for damaged files, depending on where the damage is."""


class XlsWorkbook:
    """An .xls workbook, from Excel 97 to 2003."""

    def __init__(self, path: Path) -> None:
        try:
            with Path(os.devnull).open("w") as silence:
                book = xlrd.open_workbook(str(path), logfile=silence, formatting_info=True)
        except _BROKEN as error:
            if "encrypted" in str(error).lower():
                raise EncryptedFileError(
                    "the workbook is protected by a password: save it without one and retry"
                ) from error
            raise DamagedFileError(f"the workbook is damaged or cut off: {error}") from error
        self.counts_from_1904 = book.datemode == 1
        self.sheets: list[Sheet] = [XlsSheet(book, sheet) for sheet in book.sheets()]


class XlsSheet:
    """A worksheet."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self.name: str = sheet.name
        self.is_visible: bool = sheet.visibility == 0
        self._book, self._sheet = book, sheet

    def rows(self) -> Iterator[Cells]:
        for row_index in range(self._sheet.nrows):
            cells = [self._value(cell) for cell in self._sheet.row(row_index)]
            # Formulas copied far below the table leave rows of empty results.
            yield cells if any(cell != "" and type(cell) is not EmptyResult for cell in cells) else []

    def overrides(self, id_indices: Collection[int]) -> Overrides:
        """Return ids as their number formats show them."""
        found: Overrides = {}
        for index in (index for index in id_indices if index < self._sheet.ncols):
            for row_number, cell in enumerate(self._sheet.col(index), 1):
                if cell.ctype == xlrd.XL_CELL_NUMBER:
                    number_format = self._format(cell)
                    if not shows_plainly(number_format) and not is_date_format(number_format):
                        text = formatted_id_text(cell.value, number_format)
                        found.setdefault(row_number, {})[index] = text
        return found

    def notices(self) -> list[tuple[str, str]]:
        shown = [*self._sheet.rowinfo_map.values(), *self._sheet.colinfo_map.values()]
        if not any(info.hidden for info in shown):
            return []
        return [hidden_rows_notice(self.name)]

    def forget(self) -> None:
        """Keep everything: the whole workbook is already in memory."""

    def _value(self, cell: Any) -> Any:
        match cell.ctype:
            case xlrd.XL_CELL_DATE:
                return self._date(cell.value)
            case xlrd.XL_CELL_BOOLEAN:
                return bool(cell.value)
            case xlrd.XL_CELL_ERROR:
                return Override(error_text(xlrd.error_text_from_code.get(cell.value, "#ERROR")))
            case xlrd.XL_CELL_TEXT if cell.value == "":
                # Only a formula leaves a text of no length; whether it was ever computed is not stored.
                return EmptyResult()
            case _:
                return cell.value

    def _date(self, number: float) -> Any:
        try:
            moment = xlrd.xldate.xldate_as_datetime(number, self._book.datemode)
        except (xlrd.xldate.XLDateError, OverflowError, ValueError):
            return number
        return moment.time() if 0 <= number < 1 else _without_midnight(moment)

    def _format(self, cell: Any) -> str:
        key = self._book.xf_list[cell.xf_index].format_key
        return str(self._book.format_map[key].format_str)


def _without_midnight(moment: dt.datetime) -> dt.date | dt.datetime:
    return moment.date() if moment.time() == dt.time() else moment
