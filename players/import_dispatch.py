"""Who runs an accepted import: a worker, or this very process where there is none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import current_app
from django.db import connection
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from players.importing import run_import
from players.models import ImportJob
from players.tasks import run_import_job

_ANSWER_SECONDS_MAX = 1.0

log = logging.getLogger(__name__)


def dispatch_import(job: ImportJob) -> None:
    """See that the job is run. Without a worker it is run here, and the caller waits for its end.

    What is wrong with the file is written in the job, not raised.
    """
    if has_worker():
        run_import_job.delay(job.pk)
        return
    try:
        with plain_statements():
            run_import(job.pk)
    except Exception:
        log.exception("import %s broke off", job.pk)


def has_worker() -> bool:
    """Tell whether a worker answers within a second; without a broker none does."""
    try:
        return bool(current_app.control.inspect(timeout=_ANSWER_SECONDS_MAX, limit=1).ping())
    except (KombuError, RedisError, OSError):
        return False


@contextmanager
def plain_statements() -> Iterator[None]:
    """Send statements as they are: the history of a web request is prepended with parameters of its own, and a
    statement without parameters would then have to spell its percent signs differently.
    """
    wrappers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        yield
    finally:
        connection.execute_wrappers = wrappers
