"""Read .csv, .tsv and their relatives."""

from __future__ import annotations

import contextlib
import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TextIO

from core.spreadsheets.columns import Column
from core.spreadsheets.encodings import inspect_text
from core.spreadsheets.errors import DamagedFileError, SpreadsheetError, SpreadsheetTooLargeError
from core.spreadsheets.header import Header, best_header, describe_header, require_complete
from core.spreadsheets.limits import Limits
from core.spreadsheets.report import Report
from core.spreadsheets.rows import RowSender, clean_text

_DELIMITERS = (",", ";", "\t", "|")
_NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_HINT = "sep="
_SNIFFED_ROWS = 400
_BATCH_ROWS = 2_000


class TextFile:
    """A delimited text file, understood but not yet read."""

    def __init__(self, path: Path, *, columns: Sequence[Column], limits: Limits, encoding: str, delimiter: str) -> None:
        csv.field_size_limit(limits.cell_characters_max)
        self._path = path
        self._columns = columns
        self._traits = inspect_text(path, encoding=encoding)
        self._delimiter, found = self._choose_delimiter(delimiter, limits)
        self.header = require_complete(found, columns=columns, place="the file")
        if self.header.width > limits.columns_max:
            raise SpreadsheetTooLargeError(
                f"the file has {self.header.width:,} columns; at most {limits.columns_max:,} are read"
            )

    def describe(self, report: Report) -> None:
        """Write down how the file was understood."""
        report.encoding, report.is_encoding_guessed = self._traits.encoding, self._traits.is_guessed
        report.delimiter = self._delimiter
        if self._traits.is_guessed:
            report.notice(
                "encoding_guessed",
                "the file is not UTF-8; it was read as Windows-1252, in which it has, for example, "
                f"{self._traits.example!r}",
            )
        describe_header(report, self.header)

    def send_rows(self, sender: RowSender) -> None:
        """Send every row below the header. Raises DamagedFileError where quotes or the end of the file are broken."""
        with self._open() as file:
            reader = csv.reader(file, delimiter=self._delimiter, strict=True)
            row_number = 0
            try:
                if self._traits.has_controls:
                    row_number = self._send_cleaned(reader, sender)
                else:
                    row_number = self._send_plain(reader, sender)
            except csv.Error as error:
                bad_row = self._first_unreadable_row()
                raise DamagedFileError(f"row {bad_row}: {_explain(error)}", row=bad_row) from None
            self._refuse_cut_off(row_number)

    def _send_plain(self, reader: Iterator[list[str]], sender: RowSender) -> int:
        """Send rows in batches, column by column, as fast as this language can; unusual batches go row by row."""
        id_index = self.header.id_index(self._columns)
        has_names = all(cell.strip() for cell in self.header.cells)
        row_number, batch = self.header.row_number, list[list[str]]()
        rows = self._below_header(reader)
        while taken := list(itertools.islice(rows, _BATCH_ROWS)):
            batch = taken
            if has_names and self._is_plain(batch, id_index):
                sender.send_texts(row_number + 1, list(zip(*batch, strict=True)))
            else:
                for number, cells in enumerate(batch, row_number + 1):
                    sender.send(number, cells, is_aligned=False)
            row_number += len(batch)
        self._last = batch[-1] if batch else []
        return row_number

    def _is_plain(self, batch: list[list[str]], id_index: int) -> bool:
        """Whether all rows are as wide as the header and have an id."""
        return set(map(len, batch)) == {self.header.width} and all(cells[id_index].strip() for cells in batch)

    def _send_cleaned(self, reader: Iterator[list[str]], sender: RowSender) -> int:
        row_number, cells = self.header.row_number, list[str]()
        for row_number, raw in enumerate(self._below_header(reader), self.header.row_number + 1):
            cells = [clean_text(cell) for cell in raw]
            sender.send(row_number, cells, is_aligned=False)
        self._last = cells
        return row_number

    def _below_header(self, reader: Iterator[list[str]]) -> Iterator[list[str]]:
        return itertools.islice(reader, self.header.row_number, None)

    def _first_unreadable_row(self) -> int:
        """Read again up to the row that cannot be read; batches do not know where they ended."""
        row_number = 1
        with self._open() as file, contextlib.suppress(csv.Error):
            for _ in csv.reader(file, delimiter=self._delimiter, strict=True):
                row_number += 1
        return row_number

    def _refuse_cut_off(self, row_number: int) -> None:
        is_short = 0 < len(self._last) < self.header.width
        if is_short and not self._traits.ends_with_newline:
            raise DamagedFileError(
                f"the last row ({row_number}) has {len(self._last)} of {self.header.width} cells and no line end: the "
                "file seems to be cut off. Export it again",
                row=row_number,
            )

    def _open(self) -> TextIO:
        return self._path.open(encoding=self._traits.encoding, newline="")

    def _choose_delimiter(self, wanted: str, limits: Limits) -> tuple[str, Header | None]:
        """Return the separator under which the header reads best."""
        candidates = (wanted,) if wanted else (self._hinted_delimiter() or _DELIMITERS)
        tried = [(delimiter, self._header_under(delimiter, limits)) for delimiter in candidates]
        delimiter, header = max(tried, key=lambda attempt: _header_score(attempt[1]))
        has_only_separators = any(header is None for _, header in tried)
        return delimiter, None if has_only_separators and header and not header.match.found else header

    def _hinted_delimiter(self) -> tuple[str, ...]:
        """Excel takes the separator from a first line `sep=;`."""
        with self._open() as file:
            first = file.readline(20).strip().strip('"')
        hinted = first[len(_HINT) :]
        return (hinted or "\t",) if first.lower().startswith(_HINT) and len(hinted) <= 1 else ()

    def _header_under(self, delimiter: str, limits: Limits) -> Header | None:
        with self._open() as file:
            rows = enumerate(itertools.islice(csv.reader(file, delimiter=delimiter), _SNIFFED_ROWS), 1)
            try:
                return best_header(rows, columns=self._columns, rows_max=limits.header_rows_max)
            except csv.Error as error:
                raise DamagedFileError(f"the first rows cannot be read: {_explain(error)}") from None


def _header_score(header: Header | None) -> tuple[int, int]:
    """More known columns win; among none, more columns at all, so that the refusal quotes them apart."""
    return (len(header.match.found), header.width) if header else (-1, 0)


def _explain(error: csv.Error) -> str:
    reason = str(error)
    if "field limit" in reason or "unexpected end" in reason:
        return "a quote is opened and never closed, or the file is cut off"
    if "expected after" in reason:
        return "text follows a closing quote; a quote inside a quoted value must be doubled"
    return reason


def delimiter_from(name: str) -> str:
    """Return the separator a person named: the sign itself or its English name."""
    by_name = {name: sign for sign, name in _NAMES.items()}
    sign = by_name.get(name.lower(), "\t" if name == "\\t" else name)
    if len(sign) > 1 or sign in {'"', "\r", "\n"}:
        raise SpreadsheetError(f"{name!r} cannot separate cells: comma, semicolon, tab or bar can")
    return sign
