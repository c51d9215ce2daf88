"""A file of new players, end to end, against a bare COPY and against django-import-export."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.files import write_csv
from bench.measuring import Line, Memory, Peer, Yardstick, per_second
from bench.memory import PeakMemory
from bench.peers.import_libraries import REPETITIONS, copy_seconds, import_export_seconds_per_row
from bench.stand import Stand
from bench.works.growth import growth_line
from core.environment import PROJECT_FOLDER

_COPY_TIMES = 6
_LIBRARY_TIMES = 50
_LIBRARY_ROWS = 1_000
_MEGABYTES_MAX = 400
_FLOOR_PER_MINUTE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Import:
    players: int
    seconds: float
    megabytes: float


def measure(stand: Stand) -> Iterator[Line]:
    """Measure the import in a process of its own, so that its memory can be told from the bench's."""
    smaller = _median_import(stand, rows=stand.fewer_players)
    whole = _median_import(stand, rows=stand.players)
    with stand.empty():
        stand.say("a bare COPY")
        copied = copy_seconds(_file(stand, rows=stand.players))
        stand.say("django-import-export")
        library_rows = min(_LIBRARY_ROWS, stand.players)
        per_row = import_export_seconds_per_row(_file(stand, rows=stand.players), rows=library_rows)
    yield Line(
        work="CSV import end to end, all new",
        seconds=whole.seconds,
        rate=per_second(whole.players, seconds=whole.seconds, unit="players"),
        limit=Yardstick(name="a raw COPY into one indexed table", seconds=copied, times=_COPY_TIMES),
        peer=Peer(name="django-import-export", seconds=per_row * whole.players, times=_LIBRARY_TIMES),
        memory=Memory(megabytes=whole.megabytes, most=_MEGABYTES_MAX),
        note=(
            "hashed, parsed in the confined child, staged, checked, compared, written with the job's totals; the "
            "memory is that of the importer and its child together. django-import-export took "
            f"{per_row * 1000:.2f} ms per row over {library_rows:,} rows of metrics alone, scaled"
        ),
    )
    yield growth_line(
        "CSV import", fewer=smaller.players, fewer_seconds=smaller.seconds, more=whole.players, seconds=whole.seconds
    )
    yield _floor_line(whole)


def _floor_line(whole: _Import) -> Line:
    return Line(
        work="floor: import of 1,000 players per minute",
        seconds=whole.seconds,
        rate=f"{60 * whole.players / whole.seconds:,.0f} players/min",
        limit=Yardstick(name="1,000 players per minute", seconds=60 * whole.players / _FLOOR_PER_MINUTE, times=1),
    )


def _median_import(stand: Stand, *, rows: int) -> _Import:
    """Import the file several times, each into an empty database; return the middle one."""
    imports = sorted(
        (_import(stand, rows=rows) for _ in range(stand.repetitions(REPETITIONS))), key=lambda one: one.seconds
    )
    return imports[len(imports) // 2]


def _import(stand: Stand, *, rows: int) -> _Import:
    with stand.empty():
        file = _file(stand, rows=rows)
        stand.say(f"importing {rows:,} players")
        process = subprocess.Popen(
            [sys.executable, "-m", "bench.importing_process", str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT_FOLDER,
            text=True,
        )
        with process, PeakMemory(process.pid) as memory:
            answer = _converse(process)
    if answer["inserted"] != rows:
        raise AssertionError(f"{answer['inserted']:,} of {rows:,} players were imported")
    return _Import(players=rows, seconds=answer["seconds"], megabytes=memory.megabytes)


def _converse(process: subprocess.Popen[str]) -> dict[str, float]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("the importer was started without pipes")
    process.stdout.readline()
    process.stdin.write("start\n")
    process.stdin.close()
    answer: dict[str, float] = json.loads(process.stdout.readline() or "{}")
    return answer


def _file(stand: Stand, *, rows: int) -> Path:
    """Return the file of that many players, written when it is first asked for."""
    file = stand.folder / f"players-{rows}.csv"
    if not file.exists():
        write_csv(file, rows=rows)
    return file
