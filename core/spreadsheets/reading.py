"""Read a file through a confined child: its parent sees columns, a stream of rows and a report, or a named error."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.spreadsheets.child import too_much_memory
from core.spreadsheets.columns import Column
from core.spreadsheets.errors import DamagedFileError, SpreadsheetError, SpreadsheetTooLargeError, all_errors
from core.spreadsheets.limits import MEGABYTE, Limits
from core.spreadsheets.report import Report

_PROJECT_FOLDER = Path(__file__).resolve().parent.parent.parent
_CHUNK_BYTES = 256 * 1024
_FIRST_LINE_BYTES_MAX = 4 * MEGABYTE
_INHERITED = ("PATH", "LANG", "LC_ALL", "TZ", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What the child gets of the environment: no passwords, no keys."""


@dataclass(frozen=True, kw_only=True)
class ReadOptions:
    """What a person may settle about a file; empty means: find out."""

    sheet: str = ""
    encoding: str = ""
    delimiter: str = ""


class TableStream:
    """A table on its way: `report` names the columns from the start and is complete when `chunks` is exhausted."""

    def __init__(self, child: subprocess.Popen[bytes], *, report_path: Path, limits: Limits) -> None:
        self._child, self._report_path, self._limits = child, report_path, limits
        self._rest = b""
        self.report = self._read_opening()

    @property
    def process_id(self) -> int:
        """Return the child's process id."""
        return self._child.pid

    def chunks(self) -> Iterator[bytes]:
        """Yield the rows as COPY takes them. Raises SpreadsheetError for whatever is wrong, however late it shows."""
        if self._rest:
            yield self._rest
        while chunk := self._read():
            yield chunk
        self.report = self._conclude()

    def _read_opening(self) -> Report:
        opening = b""
        while b"\n" not in opening:
            chunk = self._read()
            if not chunk:
                return self._conclude()
            opening += chunk
            if len(opening) > _FIRST_LINE_BYTES_MAX:
                raise DamagedFileError("the file's column names are longer than any table's")
        line, _, self._rest = opening.partition(b"\n")
        return Report.from_dict(json.loads(line))

    def _read(self) -> bytes:
        output = self._child.stdout
        assert output is not None  # noqa: S101 - the child was started with a pipe
        ready, _, _ = select.select([output], [], [], self._limits.silent_seconds_max)
        if not ready:
            self._child.kill()
            raise SpreadsheetTooLargeError(
                f"the file sent no row for {self._limits.silent_seconds_max} seconds: it is too large or made to "
                "stall readers. Save the table alone as .csv"
            )
        return os.read(output.fileno(), _CHUNK_BYTES)

    def _conclude(self) -> Report:
        """Return the report of a child that is done, or raise what it met."""
        code = self._child.wait()
        if not self._report_path.exists():
            raise _death(code, limits=self._limits, last_words=_last_words(self._child))
        stored = json.loads(self._report_path.read_text(encoding="utf-8"))
        failure = stored["error"]
        if failure:
            error = all_errors().get(failure["code"], SpreadsheetError)
            raise error(failure["message"], **failure["details"])
        return Report.from_dict(stored)


@contextmanager
def read_table(
    path: Path, *, name: str, columns: Sequence[Column], options: ReadOptions, limits: Limits
) -> Iterator[TableStream]:
    """Start reading a file. `name` is what its sender called it.

    Raises SpreadsheetError, here or while the chunks are taken.
    """
    _check_file(path, limits)
    with tempfile.TemporaryDirectory(prefix="spreadsheet-") as folder:
        report_path = Path(folder) / "report.json"
        request = request_for(path, name=name, columns=columns, options=options, limits=limits)
        request["report_path"] = str(report_path)
        child = _start_child(request, folder=Path(folder))
        try:
            yield TableStream(child, report_path=report_path, limits=limits)
        finally:
            _end_child(child)


def _check_file(path: Path, limits: Limits) -> None:
    if not path.is_file():
        raise SpreadsheetError(f"there is no file {path.name!r}")
    size = path.stat().st_size
    if size > limits.file_bytes_max:
        raise SpreadsheetTooLargeError(
            f"the file has {size // MEGABYTE:,} MB; at most {limits.file_bytes_max // MEGABYTE:,} MB are read. Split it"
        )


def request_for(
    path: Path, *, name: str, columns: Sequence[Column], options: ReadOptions, limits: Limits
) -> dict[str, Any]:
    """Return what the child has to know about a file, as JSON can carry it."""
    return {
        "path": str(path.resolve()),
        "name": name,
        "columns": [column.as_dict() for column in columns],
        "limits": limits.as_dict(),
        "sheet": options.sheet,
        "encoding": options.encoding,
        "delimiter": options.delimiter,
    }


def _start_child(request: dict[str, Any], *, folder: Path) -> subprocess.Popen[bytes]:
    """Start the child; what it says on standard error goes to a file, so that it can never block on it."""
    with (folder / "stderr").open("wb") as errors:
        child = subprocess.Popen(
            [sys.executable, "-m", "core.spreadsheets.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=_PROJECT_FOLDER,
            env={key: os.environ[key] for key in _INHERITED if key in os.environ},
        )
    child.last_words_path = folder / "stderr"  # type: ignore[attr-defined]
    assert child.stdin is not None  # noqa: S101 - the child was started with a pipe
    with child.stdin as pipe:
        pipe.write(json.dumps(request).encode())
    return child


def _end_child(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.kill()
    child.wait()
    if child.stdout:
        child.stdout.close()


def _last_words(child: subprocess.Popen[bytes]) -> str:
    path: Path = child.last_words_path  # type: ignore[attr-defined]
    return path.read_text(encoding="utf-8", errors="replace")[:20_000]


def _death(code: int, *, limits: Limits, last_words: str) -> SpreadsheetError:
    """Return what a child's silent end means: a limit of the kernel leaves no time for a report."""
    if "memory allocation" in last_words or "MemoryError" in last_words:
        return too_much_memory(limits)
    if -code in {signal.SIGXCPU, signal.SIGKILL}:
        return SpreadsheetTooLargeError(
            f"the file was not read within {limits.cpu_seconds_max} seconds of work: save the table alone as .csv"
        )
    return DamagedFileError(f"the reader broke on this file (exit code {code}): save it again, or as .csv")
