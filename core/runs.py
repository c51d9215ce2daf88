"""Runs made of steps made of chunks: watchable, resumable after a crash, each chunk done exactly once.

A worker claims a chunk by locking its row and does the chunk's work in the same transaction; a killed worker's
transaction rolls back and the chunk is free again. There are no leases to expire.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise
from typing import Any, Protocol

from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import DeadlockDetected

from core.errors import ConflictError
from core.models import Run, RunChunk, RunStatus, RunStep
from core.policies import saved_policies_read_once

Counts = dict[str, int]
DEADLOCK_TRIES_MAX = 5


class StepsChangedError(ConflictError):
    """Raised when a run is resumed by code that cuts it into other steps; the code it began with can finish it."""

    code = "run_steps_changed"


class Keys(Protocol):
    """A range of keys, or keys by name."""

    def condition(self, column: str) -> tuple[str, list[Any]]:
        """Return SQL and parameters that hold for `column` of those keys."""

    def filters(self, field_name: str) -> dict[str, Any]:
        """Return the same as keyword arguments for `filter()`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRange:
    """The keys `lower` ≤ key < `upper`; None is an open end."""

    lower: str | None = None
    upper: str | None = None

    @classmethod
    def holding(cls, first: str, last: str | None = None) -> KeyRange:
        """Return the range that holds the keys from `first` to `last`, or `first` alone."""
        # No key lies between one and itself with the lowest storable character behind it.
        return cls(lower=first, upper=(first if last is None else last) + "\x01")

    def condition(self, column: str) -> tuple[str, list[str]]:
        """Return SQL and parameters that hold for `column` within the range."""
        bounds = [(f"{column} >= %s", self.lower), (f"{column} < %s", self.upper)]
        given = [(sql, key) for sql, key in bounds if key is not None]
        return (" AND ".join(sql for sql, _ in given) or "true", [key for _, key in given])

    def filters(self, field_name: str) -> dict[str, Any]:
        """Return the same as keyword arguments for `filter()`."""
        bounds = {f"{field_name}__gte": self.lower, f"{field_name}__lt": self.upper}
        return {name: key for name, key in bounds.items() if key is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedKeys:
    """Some keys by name, where a `KeyRange` would be too coarse."""

    keys: Sequence[str]

    def condition(self, column: str) -> tuple[str, list[Any]]:
        """Return SQL and parameters that hold for `column` among the names."""
        return f"{column} = ANY (%s)", [list(self.keys)]

    def filters(self, field_name: str) -> dict[str, Any]:
        """Return the same as keyword arguments for `filter()`."""
        return {f"{field_name}__in": list(self.keys)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkContext:
    """What a step's work gets: the run, its range of keys, its number in the step and one real time."""

    run: Run
    keys: KeyRange
    number: int
    at: datetime


ALL_KEYS = KeyRange()
# Stands for a range in a statement that is compiled once and bound to many ranges; no key holds a NUL.
UNBOUND_RANGE = KeyRange(lower="\x00lower", upper="\x00upper")
# The last character there is, once more than a key has room for.
_KEY_BEYOND_ALL = "\U0010ffff" * 51


def bind_range(params: Sequence[Any], *, keys: KeyRange) -> list[Any]:
    """Return the parameters of a statement compiled for `UNBOUND_RANGE` with the bounds of a range in their place."""
    bounds = {
        UNBOUND_RANGE.lower: keys.lower or "",
        UNBOUND_RANGE.upper: _KEY_BEYOND_ALL if keys.upper is None else keys.upper,
    }
    return [bounds.get(param, param) if isinstance(param, str) else param for param in params]


def is_open_bound(param: Any) -> bool:
    """Tell whether a parameter stands for a bound of `UNBOUND_RANGE`."""
    return isinstance(param, str) and param in (UNBOUND_RANGE.lower, UNBOUND_RANGE.upper)


Work = Callable[[ChunkContext], Counts]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A named step: its work per chunk, and the ranges it is cut into (all keys at once by default)."""

    name: str
    work: Work
    ranges: Callable[[Run], Sequence[KeyRange]] = field(default=lambda _: (ALL_KEYS,))
    before: Callable[[Run], None] | None = None


def sample_key_edges(*, table: str, column: str, rows_per_chunk: int, workers: int = 1) -> list[str]:
    """Return the keys that cut a table into about `rows_per_chunk` rows each, by sampling, whatever their shape.

    Where there are several chunks there are as many for each of the workers, so that none waits for the last one.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table}")
        rows = cursor.fetchone()[0]
        chunks = -(-rows // rows_per_chunk)
        if chunks <= 1:
            return []
        chunks = -(-chunks // workers) * workers
        percent = min(100.0, 100 * max(0.02, chunks * 300 / rows))
        fractions = [number / chunks for number in range(1, chunks)]
        cursor.execute(
            f"SELECT DISTINCT k FROM unnest((SELECT percentile_disc(%s::float8[]) WITHIN GROUP (ORDER BY {column}) "
            f"FROM {table} TABLESAMPLE BERNOULLI (%s) REPEATABLE (1))) k",
            [fractions, percent],
        )
        return sorted(key for (key,) in cursor.fetchall() if key is not None)


def ranges_between(edges: Sequence[str]) -> list[KeyRange]:
    """Return the ranges that the edges cut all keys into."""
    return [KeyRange(lower=lower, upper=upper) for lower, upper in pairwise([None, *edges, None])]


def execute_steps(run: Run, steps: Sequence[Step], *, on_chunk: Callable[[RunStep], None] | None = None) -> None:
    """Work through the steps together with whoever else works on the same run; return when all are done."""
    for position, step in enumerate(steps):
        record = _open_step(run, step, position)
        while record.finished_at is None and _work_on_chunk(run, step, record):
            if on_chunk is not None:
                on_chunk(record)
        _close_step(record)


def _open_step(run: Run, step: Step, position: int) -> RunStep:
    """Return the step's row, making it and its chunks once, however many workers arrive."""
    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).get(pk=run.pk)
        existing = RunStep.objects.filter(run=run, position=position).first()
        if existing is not None:
            _check_name(existing, step)
            return existing
        if step.before is not None:
            step.before(run)
        record = RunStep.objects.create(run=run, position=position, name=step.name)
        RunChunk.objects.bulk_create(
            RunChunk(step=record, number=number, lower_key=keys.lower, upper_key=keys.upper)
            for number, keys in enumerate(step.ranges(run), start=1)
        )
        return record


def _check_name(record: RunStep, step: Step) -> None:
    """Refuse to go on with other steps than the run began with, as after an upgrade in between."""
    if record.name != step.name:
        raise StepsChangedError(
            f"step {record.position} of run {record.run_id} began as {record.name!r} and is {step.name!r} now",
            run_id=record.run_id,
        )


def _work_on_chunk(run: Run, step: Step, record: RunStep) -> bool:
    """Claim one chunk and do it; say whether there may be more. A deadlock's victim tries again."""
    for _ in range(DEADLOCK_TRIES_MAX - 1):
        try:
            return _try_chunk(run, step, record)
        except OperationalError as error:
            if not isinstance(error.__cause__, DeadlockDetected):
                raise
    return _try_chunk(run, step, record)


def _try_chunk(run: Run, step: Step, record: RunStep) -> bool:
    with transaction.atomic():
        chunk = _claim(record)
        if chunk is None:
            return RunChunk.objects.filter(step=record, is_done=False).exists()
        keys = KeyRange(lower=chunk.lower_key, upper=chunk.upper_key)
        with saved_policies_read_once():
            counts = step.work(ChunkContext(run=run, keys=keys, number=chunk.number, at=timezone.now()))
        chunk.is_done, chunk.counts, chunk.finished_at = True, counts, timezone.now()
        chunk.save(update_fields=["is_done", "counts", "finished_at"])
    return True


def _claim(record: RunStep) -> RunChunk | None:
    """Lock a free chunk; where only locked ones are left, wait for one and look again."""
    waiting = RunChunk.objects.filter(step=record, is_done=False).order_by("number")
    free = waiting.select_for_update(skip_locked=True, no_key=True).first()
    return free or waiting.select_for_update(no_key=True).first()


def _close_step(record: RunStep) -> None:
    RunStep.objects.filter(pk=record.pk, finished_at=None).update(finished_at=timezone.now())


def step_counts(run: Run) -> dict[str, Counts]:
    """Return the counts of each step, summed over its chunks, in order."""
    totals: dict[str, Counts] = {}
    rows = RunChunk.objects.filter(step__run=run).order_by("step__position", "number")
    for name, counts in rows.values_list("step__name", "counts"):
        step_total = totals.setdefault(name, {})
        for key, count in counts.items():
            step_total[key] = step_total.get(key, 0) + count
    return totals


@contextmanager
def recorded_failure(run: Run) -> Iterator[None]:
    """Write an error that ends the run into its row, so that it can be read; a later attempt resumes it."""
    try:
        yield
    except Exception as error:
        Run.objects.filter(pk=run.pk).exclude(status=RunStatus.SUCCEEDED).update(
            status=RunStatus.FAILED, error=f"{type(error).__name__}: {error}"
        )
        raise


def finish_run(run: Run, counts: dict[str, Any]) -> bool:
    """Mark the run done; True for the one worker that did."""
    done = {"status": RunStatus.SUCCEEDED, "counts": counts, "error": "", "finished_at": timezone.now()}
    if Run.objects.filter(pk=run.pk).exclude(status=RunStatus.SUCCEEDED).update(**done) != 1:
        run.refresh_from_db()
        return False
    for name, value in done.items():
        setattr(run, name, value)
    return True
