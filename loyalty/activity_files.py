"""Storing the events of uploaded files, through the feed: first every row is looked at, then stored in batches."""

from __future__ import annotations

import csv
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, Any

from django.core.files import File
from django.db import connection
from django.utils import timezone

from core.background import plain_statements
from core.errors import LoyaltyError, NotFoundError
from core.stored_files import on_this_machine
from loyalty.activity import ActivityOutcome, take_activity, take_good_activity
from players.activity import ActivityRefusedError, EventProblem
from players.activity.events import FIELDS
from players.activity.files import RowsOfEvents, events_of_file
from players.activity.uploads import RowProblem, check_rows, makes_players, mapping_of, problems_of_rows
from players.importing.problems import harmless_cell
from players.models import ActivityFile, ActivityFileStatus

ERRORS_KEPT_MAX = 1_000
_FILE_LOCK = 715_000_003
_UNFINISHED = (ActivityFileStatus.PENDING, ActivityFileStatus.RUNNING)


def take_rows(
    rows: RowsOfEvents, *, source: str, create_players: bool | None, skip_bad_rows: bool, **options: Any
) -> ActivityOutcome:
    """Take the events of rows: all, or with `skip_bad_rows` the good ones. Options are those of `take_activity`.

    Raises ActivityRefusedError with what is wrong with each, where nothing was stored.
    """
    options = {**options, "source": source, "create_players": create_players}
    if not rows.unreadable:
        return (take_good_activity if skip_bad_rows else take_activity)(events=rows.events, **options)
    bad = {problem.index for problem in rows.unreadable}
    left = [index for index in range(len(rows.events)) if index not in bad]
    if not (skip_bad_rows and left):
        raise ActivityRefusedError(rows.unreadable, received=len(rows.events))
    outcome = take_good_activity(events=[rows.events[index] for index in left], **options)
    found = [replace(problem, index=left[problem.index]) for problem in outcome.refused]
    return replace(outcome, refused=(*rows.unreadable, *found))


def run_activity_file(file_id: int) -> ActivityFile:
    """Store the events of a file whose columns are named and return its row, finished; one that is finished stays so.

    Run again after its process died it goes on, for what is stored is known. Nothing is done while it is run elsewhere.
    Raises NotFoundError.
    """
    kept = ActivityFile.objects.filter(pk=file_id).first()
    if kept is None:
        raise NotFoundError(f"there is no file of events {file_id}")
    with _held(file_id) as is_ours, plain_statements():
        if is_ours and _claim(kept):
            with _Rejected() as rejected:
                _FileRun(kept, rejected).run()
    kept.refresh_from_db()
    return kept


@contextmanager
def _held(file_id: int) -> Iterator[bool]:
    """Hold the file's lock on a connection of its own, since each batch ends a transaction; tell whether it is ours."""
    own = connection.copy()
    try:
        with own.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_FILE_LOCK, file_id])
            yield bool(cursor.fetchone()[0])
            cursor.execute("ROLLBACK")
    finally:
        own.close()


def _claim(kept: ActivityFile) -> bool:
    unfinished = ActivityFile.objects.filter(pk=kept.pk, status__in=_UNFINISHED)
    return bool(unfinished.update(status=ActivityFileStatus.RUNNING, started_at=timezone.now()))


class _Rejected:
    """The rows that are not stored, as a file that can be mended and uploaded again: its columns are the fields."""

    def __init__(self) -> None:
        self._file: IO[str] = tempfile.TemporaryFile(  # noqa: SIM115  # closed on leaving
            "w+", encoding="utf-8-sig", newline=""
        )
        self._writer = csv.writer(self._file)
        self.rows = 0
        self.problems: list[RowProblem] = []

    def __enter__(self) -> _Rejected:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, rows: RowsOfEvents, problems: Sequence[EventProblem], *, with_all: bool = False) -> int:
        """Note what is wrong; `with_all` the good rows of the batch are not stored either. Return how many are bad."""
        found = problems_of_rows(list(problems), rows)
        self.problems += found[: ERRORS_KEPT_MAX - len(self.problems)]
        wrong: dict[int, list[str]] = {}
        for problem in found:
            wrong.setdefault(problem.row, []).append(f"{problem.column}: {problem.message}".removeprefix(": "))
        for number, event in zip(rows.row_numbers, rows.events, strict=True):
            if with_all or number in wrong:
                self._write(number, event, wrong.get(number, ["left out with the others of its batch"]))
        return len(wrong)

    def _write(self, number: int, event: dict[str, Any], wrong: list[str]) -> None:
        if not self.rows:
            self._writer.writerow([*FIELDS, "row", "problem"])
        self.rows += 1
        cells = [_cell(event.get(name, "")) for name in FIELDS]
        self._writer.writerow([*cells, number, harmless_cell("; ".join(wrong))])

    def as_file(self) -> File[bytes] | None:
        """Return the file, or None where no row was rejected."""
        if not self.rows:
            return None
        self._file.flush()
        raw = self._file.buffer  # type: ignore[attr-defined]
        raw.seek(0)
        return File(raw)


def _cell(value: Any) -> str:
    return harmless_cell(value.isoformat() if hasattr(value, "isoformat") else str(value))


class _FileRun:
    """One attempt at a file."""

    def __init__(self, kept: ActivityFile, rejected: _Rejected) -> None:
        self._kept, self._rejected = kept, rejected
        self._counts: Counter[str] = Counter()

    def run(self) -> None:
        """Store the file's events, or write down why not."""
        self._kept.rejected_file.name = ""
        try:
            with on_this_machine(self._kept.stored_file, name=self._kept.file_name) as path:
                self._work(path)
        except LoyaltyError as error:
            self._fail(error.message, row=error.details.get("row"))
        except Exception as error:
            self._fail(f"the import broke off ({type(error).__name__}); the server's log says more")
            raise

    def _work(self, path: Any) -> None:
        self._show("looking at the rows", percent=0)
        for rows in self._batches(path):
            self._counts["rows"] += len(rows.events)
            if not self._kept.skip_bad_rows:
                self._look(rows)
            self._show("looking at the rows", percent=0)
        if self._counts["refused"]:
            self._end(ActivityFileStatus.FAILED)
            return
        done = 0
        for rows in self._batches(path):
            self._store(rows)
            done += len(rows.events)
            self._show("storing", percent=min(99, done * 100 // max(self._counts["rows"], 1)))
        self._end(ActivityFileStatus.PARTIAL if self._rejected.rows else ActivityFileStatus.SUCCEEDED)

    def _batches(self, path: Any) -> Iterator[RowsOfEvents]:
        with events_of_file(path, mapping_of(self._kept), name=self._kept.file_name) as batches:
            yield from batches

    def _look(self, rows: RowsOfEvents) -> None:
        kept = self._kept
        checked = check_rows(rows, source=kept.source, create_players=makes_players(kept), at=timezone.now())
        if checked.problems:
            self._counts["refused"] += self._rejected.add(rows, checked.found)

    def _store(self, rows: RowsOfEvents) -> None:
        kept = self._kept
        self._counts["rounded"] += rows.rounded
        try:
            outcome = take_rows(
                rows,
                source=kept.source,
                create_players=makes_players(kept),
                skip_bad_rows=kept.skip_bad_rows,
                started_by=kept.created_by,
            )
        except ActivityRefusedError as error:
            bad = self._rejected.add(rows, error.found, with_all=not kept.skip_bad_rows)
            self._counts["refused"] += bad
            self._counts["left_out"] += len(rows.events) - bad if not kept.skip_bad_rows else 0
            return
        self._counts["refused"] += self._rejected.add(rows, outcome.refused) if outcome.refused else 0
        self._counts["stored"] += outcome.recorded.stored
        self._counts["known"] += outcome.recorded.repeated
        self._counts["listed"] += len(outcome.recorded.listed)

    def _show(self, phase: str, *, percent: int) -> None:
        self._update(phase=phase, progress_percent=percent, counts=dict(self._counts))

    def _fail(self, message: str, *, row: int | None = None) -> None:
        self._rejected.problems.insert(0, RowProblem(row=row or 0, column="", field="", message=message))
        status = ActivityFileStatus.PARTIAL if self._counts["stored"] else ActivityFileStatus.FAILED
        self._end(status)

    def _end(self, status: ActivityFileStatus) -> None:
        file = self._rejected.as_file()
        if file is not None:
            stem = self._kept.file_name.split(".", maxsplit=1)[0] or "events"
            self._kept.rejected_file.save(f"{stem}-rejected.csv", file, save=False)
        self._update(
            status=status,
            phase="",
            progress_percent=100 if status != ActivityFileStatus.FAILED else self._kept.progress_percent,
            counts=dict(self._counts),
            errors=[problem.as_dict() for problem in self._rejected.problems[:ERRORS_KEPT_MAX]],
            rejected_file=self._kept.rejected_file.name or "",
            finished_at=timezone.now(),
        )

    def _update(self, **values: Any) -> None:
        ActivityFile.objects.filter(pk=self._kept.pk).update(**values)
