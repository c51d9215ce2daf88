"""Show how far an import is while its transaction is still open."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

_SECONDS_BETWEEN = 0.5


class Progress:
    """Writes phase and percentage of a job through a connection of its own, so that others see them at once."""

    def __init__(self, job_id: int | None) -> None:
        self._job_id = job_id
        self._connection: BaseDatabaseWrapper = connection.copy()
        self._written_at = 0.0
        self._phase = ""
        self.seconds: dict[str, float] = {}
        self._phase_began = time.perf_counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_phase()
        self._connection.close()

    def enter_phase(self, phase: str, percent: int) -> None:
        """Begin a phase of the import."""
        self._close_phase()
        self._phase = phase
        self._write(percent)

    def seen(self, *, rows: int, percent: int) -> None:
        """Say how many rows have been read; written twice a second at most."""
        if time.monotonic() - self._written_at >= _SECONDS_BETWEEN:
            self._write(percent, rows=rows)

    def _close_phase(self) -> None:
        now = time.perf_counter()
        if self._phase:
            self.seconds[self._phase] = round(self.seconds.get(self._phase, 0.0) + now - self._phase_began, 3)
        self._phase_began = now

    def _write(self, percent: int, *, rows: int | None = None) -> None:
        self._written_at = time.monotonic()
        if self._job_id is None:
            return
        counts = "" if rows is None else ", counts = jsonb_set(counts, '{rows_read}', to_jsonb(%s::integer))"
        params: list[str | int | None] = [self._phase, percent, *([] if rows is None else [rows]), self._job_id]
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE import_jobs SET phase = %s, progress_percent = %s{counts} "
                "WHERE id = %s AND status = 'RUNNING'",
                params,
            )
