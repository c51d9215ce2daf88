"""An .xlsx file read and validated, against python-calamine's bare read of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

from python_calamine import CalamineWorkbook

from bench.files import write_csv, write_workbook
from bench.measuring import Line, Yardstick, median_seconds, per_second
from bench.stand import Stand
from core.environment import PROJECT_FOLDER
from players.importing import check_import

_ROWS_MAX = 100_000
_TIMES = 2.5
_REPETITIONS = 3


def measure(stand: Stand) -> Iterator[Line]:
    """Measure reading, staging and every check of an import of new players; the child's start is taken off."""
    rows = min(_ROWS_MAX, stand.players)
    with stand.empty():
        source, file = stand.folder / f"players-{rows}.csv", stand.folder / f"players-{rows}.xlsx"
        stand.say(f"writing a workbook of {rows:,} rows")
        write_csv(source, rows=rows)
        write_workbook(file, source=source, rows=rows)
        stand.say("reading it")
        bare = median_seconds(
            lambda: CalamineWorkbook.from_path(file).get_sheet_by_index(0).to_python(), times=_REPETITIONS
        )
        start = median_seconds(_start_child, times=_REPETITIONS)
        seconds = median_seconds(lambda: check_import(file), times=_REPETITIONS) - start
    yield Line(
        work=f".xlsx of {rows:,} rows, read and validated",
        seconds=seconds,
        rate=per_second(rows, seconds=seconds, unit="rows"),
        limit=Yardstick(name="python-calamine's bare read", seconds=bare, times=_TIMES),
        note=f"without the child's start of {start:.2f} s; staged and compared with the players known",
    )


def _start_child() -> None:
    """Start an interpreter with all that the confined child loads for a workbook."""
    modules = "core.spreadsheets.child, core.spreadsheets.workbooks, core.spreadsheets.xlsx"
    subprocess.run([sys.executable, "-c", f"import {modules}"], cwd=PROJECT_FOLDER, check=True)
