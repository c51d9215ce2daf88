"""The list of what is wrong with a file's rows, for people to read and to correct."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.db import connection

from players.importing.explanations import FileStyle, explain_cell, shown_value
from players.importing.stage import Stage, execute, fetch, fetch_one

PROBLEMS_LISTED_MAX = 1_000
_VALUE_CHARACTERS_MAX = 200
_FORMULA_STARTS = ("=", "+", "-", "@")

Problem = dict[str, Any]
"""Keys: row, column, value, code, message."""


def count_problems() -> tuple[int, int]:
    """Return how many problems there are, and in how many rows."""
    problems, rows = fetch_one("SELECT count(*), count(DISTINCT row_number) FROM import_problems")
    return problems, rows


def first_problems(stage: Stage, style: FileStyle) -> list[Problem]:
    """Return the first problems in the order of the file."""
    return [
        _described(*found, stage=stage, style=style)
        for found in fetch(
            "SELECT row_number, column_name, value, code, message FROM import_problems "
            f"ORDER BY row_number, column_name LIMIT {PROBLEMS_LISTED_MAX}"
        )
    ]


def drop_bad_rows() -> int:
    """Leave only the rows without a problem; return how many were dropped."""
    return execute("DELETE FROM import_typed WHERE row_number IN (SELECT row_number FROM import_problems)")


def write_rejected_rows(stage: Stage, style: FileStyle) -> IO[bytes]:
    """Return a .csv of the rows that have problems: the cells as they were sent, the row's number and the reasons.

    It can be corrected and imported. Nothing in it is run as a formula by a spreadsheet program.
    """
    file: IO[bytes] = tempfile.TemporaryFile("w+b")  # noqa: SIM115 - the caller closes it
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    writer = csv.writer(text)
    writer.writerow([*(found.header for found in stage.report.columns), "import_row", "import_problem"])
    for row_number, problems, *cells in _rejected_rows(stage):
        reasons = [_reason(_described(row_number, *problem, stage=stage, style=style)) for problem in problems]
        writer.writerow([*(harmless_cell(shown_value(cell)) for cell in cells), row_number, "; ".join(reasons)])
    text.detach()  # flushes; a wrapper that is merely forgotten would close the file
    file.seek(0)
    return file


def _rejected_rows(stage: Stage) -> Iterator[tuple[Any, ...]]:
    cells = ", ".join(stage.cell(column) for column in stage.columns)
    with connection.chunked_cursor() as cursor:
        cursor.execute(
            f"""SELECT s.row_number, p.problems, {cells} FROM import_stage s JOIN (
                SELECT row_number, array_agg(ARRAY[column_name, value, code, message] ORDER BY column_name) AS problems
                FROM import_problems GROUP BY row_number
            ) p USING (row_number) ORDER BY s.row_number"""
        )
        yield from cursor


def _described(
    row: int,
    column: str | None,
    value: str | None,
    code: str | None,
    message: str | None,
    *,
    stage: Stage,
    style: FileStyle,
) -> Problem:
    if code == "extra_cells":
        message = (
            f"the row has {value} cells, the header {stage.report.header_width}; a value that holds the separator, "
            "such as 1,5 or Smith, Ann, needs quotes around it"
        )
        value = None
    elif code is None and column is not None:
        explanation = explain_cell(column, value, style)
        code, message = explanation.code, explanation.message
    heading = next((found.header for found in stage.report.columns if found.name == column), column or "")
    shown = shown_value(value)[:_VALUE_CHARACTERS_MAX]
    return {"row": row, "column": heading, "value": shown, "code": code, "message": message}


def _reason(problem: Problem) -> str:
    return f"{problem['column']}: {problem['message']}" if problem["column"] else str(problem["message"])


def harmless_cell(cell: str) -> str:
    """Return a cell that no spreadsheet program runs; the importer takes the apostrophe off again."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
