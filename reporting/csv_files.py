"""Rows as a .csv that is streamed while it is written, and that no spreadsheet program takes for formulas."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from django.http import StreamingHttpResponse

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_LINES_PER_PART = 200


class _Echo:
    """A file that hands back each line instead of keeping it."""

    def write(self, line: str) -> str:
        return line


def csv_lines(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield the lines of the rows. Texts that would be run as formulas get an apostrophe; numbers stay numbers."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([_cell(value) for value in row])


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    return f"'{value}" if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA_STARTS) else value


def csv_response(rows: Iterable[Sequence[object]], *, file_name: str) -> StreamingHttpResponse:
    """Return the rows as a download, written while it is sent; the mark at its start says that it is UTF-8."""
    response = StreamingHttpResponse(_parts(rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{file_name}"'
    response["X-Accel-Buffering"] = "no"
    return response


def _parts(rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield some lines at a time: each part costs a system call."""
    waiting = ["\ufeff"]
    for line in csv_lines(rows):
        waiting.append(line)
        if len(waiting) >= _LINES_PER_PART:
            yield "".join(waiting)
            waiting = []
    yield "".join(waiting)
