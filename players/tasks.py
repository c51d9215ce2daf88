"""Background work on players."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celery import shared_task
from django.core.files import File
from django.db import transaction

from players.importing import ImportOptions, run_import, start_import
from players.models import ImportJob

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@shared_task(name="players.run_import_job", acks_late=True, reject_on_worker_lost=True)
def run_import_job(job_id: int) -> None:
    """Run an import's job; given out twice, it is done once."""
    run_import(job_id)


def submit_import(
    *, file: File[bytes], name: str, uploaded_by: User | None, options: ImportOptions | None = None
) -> ImportJob:
    """Keep an uploaded file and let a worker import it; return the job to watch."""
    job = start_import(file=file, name=name, uploaded_by=uploaded_by, options=options)
    transaction.on_commit(lambda: run_import_job.delay(job.pk))
    return job
