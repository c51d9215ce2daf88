"""Imports as jobs: accept a file, run it, keep what came of it."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files import File
from django.db import transaction
from django.utils import timezone

from core.background import plain_statements
from core.errors import InvalidInputError, NotFoundError
from core.spreadsheets.errors import SpreadsheetError
from core.spreadsheets.limits import MEGABYTE
from core.stored_files import on_this_machine
from players.importing.errors import ImportRefusedError
from players.importing.importer import FileToImport, check_file
from players.importing.options import ImportOptions
from players.importing.problems import Problem
from players.importing.progress import Progress
from players.importing.results import ImportSummary, Outcome, summarize
from players.importing.running import file_problem, run_job
from players.models import ImportJob, ImportJobStatus

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def start_import(
    *, file: File[bytes], name: str, uploaded_by: User | None, options: ImportOptions | None = None
) -> ImportJob:
    """Keep an uploaded file and return its job, still to be run by `run_import`.

    Raises InvalidInputError where the file is too large or an option cannot be used.
    """
    size = file.size or 0
    if size > settings.UPLOAD_BYTES_MAX:
        limit = settings.UPLOAD_BYTES_MAX // MEGABYTE
        raise InvalidInputError(
            f"the file has {size // MEGABYTE:,} MB; at most {limit:,} MB can be uploaded", field="file"
        )
    job = _new_job(name=name, size=size, options=options or ImportOptions(), created_by=uploaded_by)
    job.content_hash = _hash_of_upload(file)
    job.stored_file.save(Path(name).name or "upload", file, save=False)
    job.save()
    return job


def run_import(job_id: int) -> ImportJob:
    """Run an uploaded file's job and return it, finished; one that is finished already is returned as it is.

    A job whose process died is begun again: nothing of it was written. Raises ImportRunningError while it is being run
    elsewhere.
    """
    job = ImportJob.objects.filter(pk=job_id).first()
    if job is None:
        raise NotFoundError(f"there is no import {job_id}")
    with on_this_machine(job.stored_file, name=job.file_name) as path:
        return run_job(job, path)


def import_players(
    file_path: str | Path, *, options: ImportOptions | None = None, created_by: User | None = None
) -> ImportSummary:
    """Import a file of this machine and return what came of it.

    The same content as an earlier import is recognised and changes nothing (`is_already_imported`). Raises
    ImportRefusedError where the file or its rows have problems; then nothing has changed.
    """
    path = _existing(file_path)
    job = _new_job(name=path.name, size=path.stat().st_size, options=options or ImportOptions(), created_by=created_by)
    job.content_hash = content_hash(path)
    job.save()
    job = run_job(job, path)
    if job.status == ImportJobStatus.FAILED:
        raise ImportRefusedError(_refusal_message(job), problems=job.errors, job=job)
    return summarize(job)


def check_import(file_path: str | Path, *, options: ImportOptions | None = None) -> Outcome:
    """Say what importing a file would meet, and leave no trace. Raises SpreadsheetError for the file as a whole."""
    path = _existing(file_path)
    chosen = options or ImportOptions()
    file = FileToImport(path=path, name=path.name, options=chosen, as_of=_business_date(chosen))
    with plain_statements(), Progress(None) as progress, transaction.atomic():
        _, _, outcome = check_file(file, progress=progress)
        transaction.set_rollback(True)
    return outcome


def validate_excel_format(file_path: str | Path, *, options: ImportOptions | None = None) -> list[Problem]:
    """Return the problems an import of the file would meet, none if it would succeed."""
    try:
        return check_import(file_path, options=options).problems
    except ImportRefusedError as error:
        return error.problems
    except SpreadsheetError as error:
        return [file_problem(error)]


def content_hash(path: Path) -> str:
    """Return the SHA-256 of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _hash_of_upload(file: File[bytes]) -> str:
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    return digest.hexdigest()


def _new_job(*, name: str, size: int, options: ImportOptions, created_by: User | None) -> ImportJob:
    return ImportJob(
        file_name=Path(name).name[:255],
        size_bytes=size,
        options=options.as_dict(),
        business_date=_business_date(options),
        created_by=created_by,
    )


def _business_date(options: ImportOptions) -> date:
    today = timezone.localdate()
    if options.as_of and options.as_of > today + timedelta(days=1):
        raise InvalidInputError(f"totals cannot be as of {options.as_of}, which is still to come", field="as_of")
    return options.as_of or today


def _existing(file_path: str | Path) -> Path:
    path = Path(file_path)
    if not path.is_file():
        raise NotFoundError(f"there is no file {str(path)!r}")
    return path


def _refusal_message(job: ImportJob) -> str:
    count, rows = job.counts.get("problems", 0), job.counts.get("rejected", 0)
    first = job.errors[0]
    if not first["value"] and not rows:
        return str(first["message"])
    where = f"row {first['row']}, " if first["row"] else ""
    column = f"column {first['column']}, " if first["column"] else ""
    shown = f"{first['value']!r}: " if first["value"] else ""
    intro = f"{count:,} problems in {rows:,} rows, so nothing was imported. The first: " if rows else ""
    return f"{intro}{where}{column}{shown}{first['message']}"
