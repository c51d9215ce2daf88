"""The staging area of one import: temporary tables that live and die with its transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.spreadsheets.report import Report
from players.importing.columns import BY_NAME, PlayerColumn

RowsSeen = Callable[[int], None]
_TABLES = ("import_stage", "import_problems", "import_dates", "import_typed", "import_repeats", "import_known")


@dataclass(kw_only=True)
class Stage:
    """A file's rows as text, in the table `import_stage`, one text column per known column of the file."""

    columns: list[PlayerColumn]
    report: Report

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return any(column.name == name for column in self.columns)

    def cell(self, column: PlayerColumn) -> str:
        """Return SQL for the column's cell in `import_stage s`."""
        return f's."{column.name}"'


def load_stage(report: Report, chunks: Iterator[bytes], *, on_rows: RowsSeen) -> Stage:
    """Copy the rows as they arrive; nothing is held in memory."""
    columns = [BY_NAME[found.name] for found in report.columns]
    names = ", ".join(f'"{column.name}"' for column in columns)
    _clear()
    texts = ", ".join(f'"{column.name}" text' for column in columns)
    execute(f"CREATE TEMP TABLE import_stage (row_number integer, finding text, {texts}) ON COMMIT DROP")
    execute(
        "CREATE TEMP TABLE import_problems (row_number integer, column_name text, value text, code text, message text) "
        "ON COMMIT DROP"
    )
    rows = 0
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY import_stage (row_number, finding, {names}) FROM STDIN (FORMAT text, NULL '')") as copy,
    ):
        for chunk in chunks:
            copy.write(chunk)
            rows += chunk.count(b"\n")
            on_rows(rows)
    return Stage(columns=columns, report=report)


def _clear() -> None:
    """Drop what an earlier import of the same transaction left; usually there is none."""
    names = ", ".join(f"pg_temp.{name}" for name in _TABLES)
    if fetch_one("SELECT to_regclass('pg_temp.import_stage') IS NOT NULL")[0]:
        execute(f"DROP TABLE IF EXISTS {names} CASCADE")


def execute(sql: str) -> int:
    """Run a statement that carries its literals and return how many rows it touched."""
    with connection.cursor() as cursor:
        # Without parameters percent signs stand for themselves.
        cursor.execute(sql)
        return int(cursor.rowcount)


def fetch(sql: str) -> list[tuple[Any, ...]]:
    """Return the rows of a small query."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def fetch_one(sql: str) -> tuple[Any, ...]:
    """Return the only row of a query."""
    return fetch(sql)[0]
