"""Run an import's job once: claimed, locked, in one transaction, its result kept with it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from django.core.files import File
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from core.background import plain_statements
from core.errors import LoyaltyError
from core.spreadsheets.errors import SpreadsheetError
from players.importing import problems
from players.importing.errors import ImportConflictError, ImportRefusedError, ImportRunningError
from players.importing.importer import FileToImport, apply_file, check_file
from players.importing.options import ImportOptions
from players.importing.problems import Problem
from players.importing.progress import Progress
from players.importing.results import Outcome
from players.models import ImportJob, ImportJobStatus

_JOB_LOCK = 715_000_002
_ATTEMPTS_MAX = 3
_UNFINISHED = (ImportJobStatus.PENDING, ImportJobStatus.RUNNING)


def run_job(job: ImportJob, path: Path) -> ImportJob:
    """Run the job over a file and return it as it then stands. Raises ImportRunningError while it is run elsewhere."""
    # Committed at once: everybody sees it, and no lock of ours stands in the way of our own progress.
    claimed = ImportJob.objects.filter(pk=job.pk, status__in=_UNFINISHED).update(
        status=ImportJobStatus.RUNNING, started_at=timezone.now()
    )
    if claimed:
        _JobRun(job, path).run()
    job.refresh_from_db()
    return job


def file_problem(error: LoyaltyError) -> Problem:
    """Return what is wrong with a file as a whole in the form of its rows' problems."""
    return {
        "row": error.details.get("row"),
        "column": error.details.get("column", ""),
        "value": "",
        "code": error.code,
        "message": error.message,
    }


class _JobRun:
    """One attempt at a job."""

    def __init__(self, job: ImportJob, path: Path) -> None:
        self._job = job
        self._options = ImportOptions.from_dict(job.options)
        self._file = FileToImport(path=path, name=job.file_name, options=self._options, as_of=job.business_date)
        self._outcome = Outcome()

    def run(self) -> None:
        """Import the file, or write down why not."""
        try:
            self._attempt()
        except ImportRunningError:
            raise
        except ImportRefusedError as error:
            self._fail(error.problems)
        except SpreadsheetError as error:
            self._fail([file_problem(error)])
        except ImportConflictError as error:
            self._fail([file_problem(error)])
            raise
        except IntegrityError as error:
            conflict = ImportConflictError("players were changed by something else during the import; run it again")
            self._fail([file_problem(conflict)])
            raise conflict from error
        except Exception as error:
            self._fail([_internal_problem(error)])
            raise

    def _attempt(self) -> None:
        """Do the work in one transaction; begin again where another one stood in each other's way."""
        for attempts_left in reversed(range(_ATTEMPTS_MAX)):
            try:
                with plain_statements(), Progress(self._job.pk) as progress, transaction.atomic():
                    self._work(progress)
                return
            except OperationalError as error:
                if attempts_left == 0 or not isinstance(error.__cause__, DeadlockDetected):
                    raise

    def _work(self, progress: Progress) -> None:
        if not self._lock():
            return
        if self._finish_if_known():
            return
        stage, style, self._outcome = check_file(self._file, progress=progress)
        if self._finish_if_known():
            return
        if self._outcome.problems:
            with problems.write_rejected_rows(stage, style) as rows:
                self._job.rejected_file.save(f"{self._file.path.stem}-rejected.csv", File(rows), save=False)
            if not self._options.skip_bad_rows:
                raise ImportRefusedError("the file has problems", problems=self._outcome.problems)
        apply_file(self._file, self._outcome, job_id=self._job.pk, progress=progress)
        self._succeed()

    def _lock(self) -> bool:
        """Make sure that nobody else runs the job, then look whether it is still to be run."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_JOB_LOCK, self._job.pk])
            (is_ours,) = cursor.fetchone()
        if not is_ours:
            raise ImportRunningError(f"import {self._job.pk} is being run by another process")
        return ImportJob.objects.filter(pk=self._job.pk, status__in=_UNFINISHED).exists()

    def _finish_if_known(self) -> bool:
        """Recognise content that was imported before; True where the job is thereby done."""
        earlier = _imported_before(self._job, sheet=self._options.sheet)
        if earlier is None or self._options.force:
            return False
        self._update(
            status=ImportJobStatus.DUPLICATE,
            duplicate_of=earlier,
            notices=[_duplicate_notice(earlier)],
            phase="",
            progress_percent=100,
        )
        return True

    def _succeed(self) -> None:
        self._update(
            status=ImportJobStatus.SUCCEEDED,
            phase="",
            progress_percent=100,
            **self._findings(),
            errors=self._outcome.problems,
            rejected_file=self._job.rejected_file.name,
        )

    def _fail(self, found: list[Problem]) -> None:
        self._update(
            status=ImportJobStatus.FAILED,
            phase="",
            **self._findings(),
            errors=found,
            rejected_file=self._job.rejected_file.name or "",
        )

    def _findings(self) -> dict[str, Any]:
        notices = [
            {key: value for key, value in asdict(notice).items() if value is not None}
            for notice in self._outcome.notices
        ]
        return {"counts": self._outcome.counts, "notices": notices}

    def _update(self, **values: Any) -> None:
        ImportJob.objects.filter(pk=self._job.pk).update(finished_at=timezone.now(), **values)


def _imported_before(job: ImportJob, *, sheet: str) -> ImportJob | None:
    same = ImportJob.objects.filter(content_hash=job.content_hash, status=ImportJobStatus.SUCCEEDED).exclude(pk=job.pk)
    return next((earlier for earlier in same.order_by("-pk") if earlier.options.get("sheet", "") == sheet), None)


def _duplicate_notice(earlier: ImportJob) -> dict[str, Any]:
    finished = f"{earlier.finished_at:%Y-%m-%d %H:%M}" if earlier.finished_at else "earlier"
    return {
        "code": "same_content",
        "message": f"the same content was imported as {earlier.file_name!r} ({finished}, import {earlier.pk}); "
        "nothing was done",
    }


def _internal_problem(error: Exception) -> Problem:
    return {
        "row": None,
        "column": "",
        "value": "",
        "code": "internal_error",
        "message": f"the import broke off and changed nothing ({type(error).__name__}); the server's log says more",
    }
