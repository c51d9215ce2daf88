"""Send rows: pick the known columns, clean what must be cleaned, keep count."""

from __future__ import annotations

import io
import itertools
import re
from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import BinaryIO

from core.spreadsheets.columns import Column
from core.spreadsheets.header import Header, unnamed_columns_message
from core.spreadsheets.markers import CONTROL, MARK
from core.spreadsheets.report import Report

# Row-level findings, sent in the second column of the stream.
EXTRA_CELLS = "extra"
"""Followed by the number of cells the row has."""
TOTAL_ROW = "total"

TOTAL_LABEL = (
    r"\W*(?:(?:grand|sub|over\s?all|sum)[\s-]?)?(?:totals?|sum|summe|gesamt(?:summe)?|zwischensumme|somme|totale|suma|"
    r"razem|celkem|összesen|ukupno|toplam|итого|Итого|ИТОГО|всего|Всего|合计|总计|合計|総計)"
    r"(?:\s+(?:general|général|geral|generale))?\W*"
)
"""How the label of a row of sums reads in the languages spreadsheets are often written in; also valid in PostgreSQL."""
_TOTAL_LABEL = re.compile(TOTAL_LABEL, re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})
_BUFFER_BYTES = 256 * 1024


def is_total_label(text: str) -> bool:
    """Whether a cell reads like the label of a row of sums, in the languages spreadsheets are often written in."""
    return len(text) < 60 and _TOTAL_LABEL.fullmatch(text.strip()) is not None


def clean_text(text: str) -> str:
    """Return text without control characters, marked where it had any; line ends and tabs are left for the caller."""
    cleaned = _CONTROLS.sub("", text)
    return text.strip() if cleaned == text else CONTROL + cleaned.strip()


def _is_harmless(text: str, *, lines: int, cells: int) -> bool:
    """Whether no cell of these lines holds a character that COPY would take for its own."""
    return (
        "\\" not in text
        and "\r" not in text
        and text.count("\n") == lines - 1
        and text.count("\t") == lines * (cells - 1)
    )


def _stripped(cell: str) -> str:
    """Return a cell without the spaces around it; a mark counts as space for Python and must stay."""
    return cell if cell.startswith(MARK) else cell.strip()


class RowSender:
    """Writes rows in COPY's text form, empty for NULL: row number, finding, then the known columns in order."""

    def __init__(self, target: BinaryIO, *, header: Header, columns: Sequence[Column], report: Report) -> None:
        self._target = target
        self._pick = _picker(header.indices)
        self._report = report
        self._header = header
        self._id_index = header.id_index(columns)
        self._named = {index for index, cell in enumerate(header.cells) if cell.strip()}
        self._unnamed_used: set[int] = set()
        self._short_rows = 0
        self.rows = 0
        self.blank_rows = 0

    def send_texts(self, row_number: int, columns: Sequence[Sequence[str]]) -> None:
        """Send successive rows without control characters that are as wide as the header and have ids."""
        self.send_columns(row_number, [list(map(str.strip, columns[index])) for index in self._header.indices])

    def send_columns(self, row_number: int, columns: Sequence[Sequence[str]]) -> None:
        """Send the known columns' values of successive rows that each have an id; `row_number` is the first row's."""
        count = len(columns[0])
        self.rows += count
        numbers = map(str, range(row_number, row_number + count))
        rows = zip(numbers, itertools.repeat(""), *columns, strict=False)
        text = "\n".join(map("\t".join, rows))
        if not _is_harmless(text, lines=count, cells=len(columns) + 2):
            escaped = [[cell.translate(_ESCAPES) for cell in column] for column in columns]
            rows = zip(map(str, range(row_number, row_number + count)), itertools.repeat(""), *escaped, strict=False)
            text = "\n".join(map("\t".join, rows))
        self._target.write(f"{text}\n".encode())

    def send(self, row_number: int, cells: list[str], *, is_aligned: bool) -> None:
        """Send any row. Where cells have no fixed place (text files), a row wider than its header is a finding."""
        if not any(cell.strip() for cell in cells):
            self.blank_rows += 1
            return
        finding = self._finding(cells, is_aligned=is_aligned)
        self.rows += 1
        values = (_stripped(cell).translate(_ESCAPES) for cell in self._pick(self._padded(cells)))
        self._target.write(("\t".join((str(row_number), finding, *values)) + "\n").encode())

    def finish(self) -> None:
        """Send what is buffered and complete the report."""
        self._target.flush()
        self._report.rows, self._report.blank_rows = self.rows, self.blank_rows
        if self._unnamed_used:
            self._report.notice("unnamed_columns", unnamed_columns_message(self._unnamed_used))
        if self._short_rows:
            self._report.notice(
                "short_rows",
                f"{self._short_rows:,} rows have fewer cells than the header; the missing ones count as empty",
            )

    def _padded(self, cells: list[str]) -> list[str]:
        missing = self._header.width - len(cells)
        return cells + [""] * missing if missing > 0 else cells

    def _finding(self, cells: list[str], *, is_aligned: bool) -> str:
        if len(cells) < self._header.width and not is_aligned:
            self._short_rows += 1
        beyond = [index for index in range(self._header.width, len(cells)) if cells[index].strip()]
        if beyond and not is_aligned:
            return f"{EXTRA_CELLS}{len(cells)}"
        self._unnamed_used.update(beyond)
        self._note_unnamed(cells)
        has_id = self._id_index < len(cells) and cells[self._id_index].strip()
        return TOTAL_ROW if not has_id and any(map(is_total_label, cells)) else ""

    def _note_unnamed(self, cells: list[str]) -> None:
        used = (index for index, cell in enumerate(cells[: self._header.width]) if cell.strip())
        self._unnamed_used.update(index for index in used if index not in self._named)


def _picker(indices: list[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    if len(indices) == 1:
        only = indices[0]
        return lambda cells: (cells[only],)
    return itemgetter(*indices)


def buffered(descriptor: int) -> BinaryIO:
    """Return a stream with a buffer wide enough that a row does not cost a system call."""
    return io.BufferedWriter(io.FileIO(descriptor, "wb", closefd=False), _BUFFER_BYTES)
