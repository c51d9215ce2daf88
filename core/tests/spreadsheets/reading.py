"""Read a file through the confined child, as the importer does, with a few columns everybody understands."""

from __future__ import annotations

import csv
import io
from pathlib import Path

from core.spreadsheets.columns import CellKind, Column
from core.spreadsheets.limits import Limits
from core.spreadsheets.reading import ReadOptions, read_table
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
    """Return the rows the child sends. Raises SpreadsheetError."""
    return read_with_report(path, limits=limits, sheet=sheet, encoding=encoding, delimiter=delimiter)[0]


def read_with_report(
    path: Path, *, limits: Limits | None = None, sheet: str = "", encoding: str = "", delimiter: str = ""
) -> tuple[Rows, Report]:
    """Return the rows the child sends and its report. Raises SpreadsheetError."""
    options = ReadOptions(sheet=sheet, encoding=encoding, delimiter=delimiter)
    with read_table(path, name=path.name, columns=COLUMNS, options=options, limits=limits or Limits()) as stream:
        content = b"".join(stream.chunks()).decode()
        return list(csv.reader(io.StringIO(content, newline=""))), stream.report


def write_text(folder: Path, content: str | bytes, *, encoding: str = "utf-8", name: str = "players.csv") -> Path:
    """Write a text file as given."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def codes(report: Report) -> list[str]:
    """Return what the report took notice of."""
    return [notice.code for notice in report.notices]
