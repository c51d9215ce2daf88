"""Read a file with a few columns everybody understands: as the child does, or, where its limits matter, in a child."""

from __future__ import annotations

import io
import re
from pathlib import Path

from core.spreadsheets.child import read_file
from core.spreadsheets.columns import CellKind, Column
from core.spreadsheets.limits import Limits
from core.spreadsheets.reading import ReadOptions, read_table, request_for
from core.spreadsheets.report import Report

COLUMNS = [
    Column(
        name="player_id", kind=CellKind.ID, aliases=("playerid",), weak_aliases=("id", "username"), is_required=True
    ),
    Column(name="total_deposited", kind=CellKind.NUMBER, units=("EUR", "€"), is_required=True),
    Column(name="total_wagered", kind=CellKind.NUMBER, aliases=("turnover",), units=("EUR", "€"), is_required=True),
    Column(name="total_won", kind=CellKind.NUMBER, is_required=True),
    Column(name="sessions", kind=CellKind.NUMBER, aliases=("total_sessions",)),
    Column(name="last_deposit_date", kind=CellKind.DATE),
    Column(name="name", kind=CellKind.TEXT),
]
HEADER = "player_id,total_deposited,total_wagered,total_won"

Rows = list[list[str]]
"""Row number, finding, then the cells."""


def read(path: Path, *, limits: Limits | None = None, sheet: str = "", encoding: str = "", delimiter: str = "") -> Rows:
    """Return the rows of a file. Raises SpreadsheetError."""
    return read_with_report(path, limits=limits, sheet=sheet, encoding=encoding, delimiter=delimiter)[0]


def read_with_report(
    path: Path, *, limits: Limits | None = None, sheet: str = "", encoding: str = "", delimiter: str = ""
) -> tuple[Rows, Report]:
    """Return the rows of a file and what is said about it. Raises SpreadsheetError."""
    options = ReadOptions(sheet=sheet, encoding=encoding, delimiter=delimiter)
    chosen = limits or Limits()
    request = request_for(path, name=path.name, columns=COLUMNS, options=options, limits=chosen)
    report, target = Report(), io.BytesIO()
    read_file(request, limits=chosen, report=report, target=target)
    return _rows(target.getvalue().partition(b"\n")[2]), report


def read_confined(path: Path, limits: Limits | None = None) -> Rows:
    """Return the rows that a confined child sends. Raises SpreadsheetError."""
    with read_table(path, name=path.name, columns=COLUMNS, options=ReadOptions(), limits=limits or Limits()) as stream:
        return _rows(b"".join(stream.chunks()))


def _rows(content: bytes) -> Rows:
    """Return the rows as COPY's text form is defined."""
    return [[_unescaped(cell) for cell in line.split("\t")] for line in content.decode().split("\n")[:-1]]


def _unescaped(cell: str) -> str:
    meanings = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}
    return re.sub(r"\\(.)", lambda escape: meanings[escape[1]], cell)


def write_text(folder: Path, content: str | bytes, *, encoding: str = "utf-8", name: str = "players.csv") -> Path:
    """Write a text file as given."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def codes(report: Report) -> list[str]:
    """Return what the report took notice of."""
    return [notice.code for notice in report.notices]
