"""Who does what somebody waits for on a page or in the API: a worker, or this very process where there is none."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Task, current_app
from django.db import connection
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

_ANSWER_SECONDS_MAX = 1.0

log = logging.getLogger(__name__)


def run_soon(task: Task[[int], None], number: int) -> None:
    """See that a task on the row of that number is done. Without a worker it is done here, and the caller waits.

    What goes wrong is written in the row, not raised.
    """
    if has_worker():
        task.delay(number)
        return
    try:
        with plain_statements():
            task(number)
    except Exception:
        log.exception("%s %s broke off", task.name, number)


def has_worker() -> bool:
    """Tell whether a worker answers within a second; without a broker none does."""
    try:
        return bool(current_app.control.inspect(timeout=_ANSWER_SECONDS_MAX, limit=1).ping())
    except (KombuError, RedisError, OSError):
        return False


@contextmanager
def plain_statements() -> Iterator[None]:
    """Send statements as they are.

    The history of a web request puts a statement of its own with parameters before ours, whose percent signs would then
    mean something, and whose count of rows would be another's.
    """
    wrappers, connection.execute_wrappers = connection.execute_wrappers, []
    try:
        yield
    finally:
        connection.execute_wrappers = wrappers
