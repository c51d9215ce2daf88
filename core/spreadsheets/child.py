"""Parse one file under memory and time limits: `python -m core.spreadsheets.child`, with the request on standard input.

Standard output carries one line of JSON with the columns found, then the rows. The report, or what was wrong, is
written to the file the request names. Django is never imported here.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from core.spreadsheets.columns import Column
from core.spreadsheets.errors import DamagedFileError, SpreadsheetError, SpreadsheetTooLargeError
from core.spreadsheets.formats import FileFormat, detect_format, extension_notice
from core.spreadsheets.header import Header
from core.spreadsheets.limits import MEGABYTE, Limits
from core.spreadsheets.report import Report
from core.spreadsheets.rows import RowSender, buffered


class Table(Protocol):
    """A table that was found in a file."""

    header: Header

    def describe(self, report: Report) -> None:
        """Write down how the file was understood."""
        ...

    def send_rows(self, sender: RowSender) -> None:
        """Send every row below the header."""
        ...


def main() -> int:
    """Answer one request; the exit code is 0 also for a refused file, since the report says why."""
    request = json.load(sys.stdin)
    limits = Limits(**request["limits"])
    confine(limits)
    report, error = Report(), None
    try:
        read_file(request, limits=limits, report=report, target=buffered(sys.stdout.fileno()))
    except SpreadsheetError as refused:
        error = refused
    except MemoryError:
        error = too_much_memory(limits)
    except (Exception, _panic()) as broken:  # noqa: BLE001 - whatever a parser trips over is the file's fault, and said so
        error = DamagedFileError(f"the file cannot be read: {type(broken).__name__}: {broken}")
    Path(request["report_path"]).write_text(json.dumps(report.as_dict(error)), encoding="utf-8")
    return 0


def confine(limits: Limits) -> None:
    """Take from this process what parsing does not need."""
    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes_max, limits.memory_bytes_max))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_seconds_max, limits.cpu_seconds_max + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * MEGABYTE, 64 * MEGABYTE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def read_file(request: dict[str, Any], *, limits: Limits, report: Report, target: BinaryIO) -> None:
    """Find the table, announce its columns, send its rows."""
    started = time.perf_counter()
    path = Path(request["path"])
    columns = [Column.from_dict(column) for column in request["columns"]]
    report.file_format = detect_format(path, limits=limits).value
    table = open_table(
        path, request=request, columns=columns, limits=limits, file_format=FileFormat(report.file_format)
    )
    note = extension_notice(request["name"], FileFormat(report.file_format))
    if note:
        report.notice("wrong_ending", note)
    table.describe(report)
    target.write(json.dumps(report.as_dict()).encode() + b"\n")
    target.flush()
    sender = RowSender(target, header=table.header, columns=columns, report=report)
    table.send_rows(sender)
    sender.finish()
    report.seconds = time.perf_counter() - started


def open_table(
    path: Path, *, request: dict[str, Any], columns: Sequence[Column], limits: Limits, file_format: FileFormat
) -> Table:
    """Return the file's table; each format's reader is loaded only when it is needed."""
    if file_format is FileFormat.TEXT:
        from core.spreadsheets.text_files import TextFile, delimiter_from

        delimiter = delimiter_from(request["delimiter"]) if request["delimiter"] else ""
        return TextFile(path, columns=columns, limits=limits, encoding=request["encoding"], delimiter=delimiter)
    from core.spreadsheets.workbooks import WorkbookTable

    workbook = open_workbook(path, limits=limits, file_format=file_format)
    return WorkbookTable(workbook, columns=columns, limits=limits, sheet_name=request["sheet"])


def open_workbook(path: Path, *, limits: Limits, file_format: FileFormat) -> Any:
    """Return the workbook through the reader of its format."""
    if file_format is FileFormat.XLSX:
        from core.spreadsheets.xlsx import XlsxWorkbook

        return XlsxWorkbook(path, limits=limits)
    if file_format is FileFormat.XLS:
        from core.spreadsheets.xls import XlsWorkbook

        return XlsWorkbook(path)
    from core.spreadsheets.ods import OdsWorkbook

    return OdsWorkbook(path, limits=limits)


def too_much_memory(limits: Limits) -> SpreadsheetTooLargeError:
    """Return what to say where the limit of memory was met."""
    return SpreadsheetTooLargeError(
        f"the file needs more than {limits.memory_bytes_max // MEGABYTE:,} MB of memory to be read: its cells may "
        "reach far beyond the table. Save the table alone as .csv"
    )


def _panic() -> type[BaseException]:
    """Return what a reader written in Rust raises when it breaks; it is no ordinary exception."""
    module = sys.modules.get("pyo3_runtime")
    return getattr(module, "PanicException", SpreadsheetError) if module else SpreadsheetError


if __name__ == "__main__":
    sys.exit(main())
