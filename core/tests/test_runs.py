"""Runs: every chunk is done exactly once, however many work on it and whoever dies."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from threading import Barrier, BrokenBarrierError, Event
from urllib.parse import quote, urlencode

import pytest
from django.db import connection

from core.models import OutboxEvent, Run, RunChunk, RunKind, RunStatus, RunStep
from core.runs import (
    ALL_KEYS,
    ChunkContext,
    Counts,
    KeyRange,
    Step,
    execute_steps,
    finish_run,
    ranges_between,
    recorded_failure,
    step_counts,
)
from core.tests.threads import SECONDS_MAX, run_together, running, wait_until_somebody_waits_for_a_lock

FIVE_RANGES = ranges_between(["b", "c", "d", "e"])


def make_run() -> Run:
    return Run.objects.create(kind=RunKind.NIGHT, business_date=date(2025, 12, 21))


def note(chunk: ChunkContext) -> Counts:
    """Leave a trace that can be left only once."""
    OutboxEvent.objects.create(topic="work", key=f"chunk {chunk.number}", payload={})
    return {"chunks": 1, "number": chunk.number}


def five_chunks(work: Callable[[ChunkContext], Counts] = note, name: str = "work") -> Step:
    return Step(name=name, work=work, ranges=lambda _: FIVE_RANGES)


def traces() -> list[str]:
    return list(OutboxEvent.objects.filter(topic="work").order_by("key").values_list("key", flat=True))


ALL_TRACES = [f"chunk {number}" for number in range(1, 6)]


def address_of_the_test_database() -> str:
    address = {name: quote(str(connection.settings_dict[name]), safe="") for name in ("USER", "PASSWORD", "NAME")}
    place = urlencode({name.lower(): connection.settings_dict[name] for name in ("HOST", "PORT")})
    return f"postgresql://{address['USER']}:{address['PASSWORD']}@/{address['NAME']}?{place}"


@pytest.mark.django_db
def test_steps_are_worked_through_in_order_over_all_their_ranges() -> None:
    run, seen = make_run(), []

    def look(chunk: ChunkContext) -> Counts:
        seen.append((chunk.number, chunk.keys))
        return {}

    execute_steps(run, [five_chunks(look, "first"), Step(name="second", work=look)])

    assert seen == [*enumerate(FIVE_RANGES, start=1), (1, ALL_KEYS)]
    assert list(RunStep.objects.values_list("name", "position").order_by("position")) == [("first", 0), ("second", 1)]
    assert not RunStep.objects.filter(finished_at=None).exists()
    assert not RunChunk.objects.filter(is_done=False).exists()


@pytest.mark.django_db
def test_counts_are_summed_per_step_in_order() -> None:
    run = make_run()

    execute_steps(run, [five_chunks(), Step(name="empty", work=lambda _: {})])

    assert step_counts(run) == {"work": {"chunks": 5, "number": 15}, "empty": {}}
    assert list(step_counts(run)) == ["work", "empty"]


@pytest.mark.django_db
def test_a_finished_run_worked_on_again_does_nothing() -> None:
    run = make_run()
    prepared: list[Run] = []
    step = Step(name="work", work=note, before=prepared.append)

    execute_steps(run, [step])
    execute_steps(run, [step])

    assert traces() == ["chunk 1"]
    assert prepared == [run]


@pytest.mark.django_db
def test_progress_is_told_after_each_chunk() -> None:
    told: list[str] = []

    execute_steps(make_run(), [five_chunks()], on_chunk=lambda step: told.append(step.name))

    assert told == ["work"] * 5


@pytest.mark.django_db
def test_a_step_without_ranges_is_done_at_once() -> None:
    run = make_run()

    execute_steps(run, [Step(name="nothing", work=note, ranges=lambda _: [])])

    assert traces() == []
    assert RunStep.objects.get(run=run).finished_at is not None


@pytest.mark.django_db
def test_ranges_are_fixed_when_a_step_is_opened() -> None:
    run, seen = make_run(), []

    def fail_first(chunk: ChunkContext) -> Counts:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        execute_steps(run, [five_chunks(fail_first)])

    def look(chunk: ChunkContext) -> Counts:
        seen.append(chunk.keys)
        return {}

    execute_steps(run, [Step(name="work", work=look, ranges=lambda _: [KeyRange(lower="x")])])

    assert seen == FIVE_RANGES


@pytest.mark.django_db
def test_a_chunk_that_fails_leaves_nothing_and_the_next_attempt_goes_on_from_there() -> None:
    run = make_run()

    def fail_at_three(chunk: ChunkContext) -> Counts:
        counts = note(chunk)
        if chunk.number == 3:
            raise ZeroDivisionError("three")
        return counts

    with pytest.raises(ZeroDivisionError), recorded_failure(run):
        execute_steps(run, [five_chunks(fail_at_three)])

    run.refresh_from_db()
    assert (run.status, run.error) == (RunStatus.FAILED, "ZeroDivisionError: three")
    assert traces() == ["chunk 1", "chunk 2"]

    execute_steps(run, [five_chunks()])

    assert traces() == ALL_TRACES


@pytest.mark.django_db
def test_a_run_is_finished_once() -> None:
    run = make_run()

    assert finish_run(run, {"work": {"chunks": 5}}) is True
    assert finish_run(run, {}) is False
    assert (run.status, run.counts) == (RunStatus.SUCCEEDED, {"work": {"chunks": 5}})
    assert run.finished_at is not None


@pytest.mark.django_db
def test_a_late_failure_does_not_undo_a_finished_run() -> None:
    run = make_run()
    finish_run(run, {})

    with pytest.raises(ZeroDivisionError), recorded_failure(run):
        raise ZeroDivisionError

    run.refresh_from_db()
    assert run.status == RunStatus.SUCCEEDED


@pytest.mark.django_db(transaction=True)
def test_two_workers_share_the_chunks_and_each_is_done_once() -> None:
    run = make_run()
    both_work = Barrier(2, timeout=SECONDS_MAX)
    done_by: dict[int, list[int]] = {}

    def work(chunk: ChunkContext) -> Counts:
        if chunk.number <= 2:
            both_work.wait()
        done_by.setdefault(connection.connection.info.backend_pid, []).append(chunk.number)
        return note(chunk)

    outcomes = run_together(*[lambda: execute_steps(run, [five_chunks(work)])] * 2)

    assert outcomes == [None, None]
    assert traces() == ALL_TRACES
    assert len(done_by) == 2
    assert sorted(number for numbers in done_by.values() for number in numbers) == [1, 2, 3, 4, 5]
    assert step_counts(run) == {"work": {"chunks": 5, "number": 15}}
    assert RunStep.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_killed_workers_chunk_is_free_at_once_and_what_it_wrote_is_gone() -> None:
    run = make_run()
    worker = subprocess.Popen(
        [sys.executable, "-m", "core.tests.worker_that_hangs", str(run.pk)],
        env={
            **os.environ,
            "DATABASE_URL": address_of_the_test_database(),
            "DJANGO_SETTINGS_MODULE": "loyalty.settings_of_tests",
        },
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "working on chunk 1\n"
    assert traces() == []

    worker.kill()
    worker.wait(timeout=SECONDS_MAX)
    worker.stdout.close()
    execute_steps(run, [Step(name="work", work=note)])

    assert traces() == ["chunk 1"]
    assert OutboxEvent.objects.get().payload == {}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first_succeeds", [True, False])
def test_a_worker_waits_for_the_last_chunk_and_takes_it_only_if_it_came_free(first_succeeds: bool) -> None:
    run = make_run()
    holds, may_end = Event(), Event()
    attempts: list[int] = []

    def work(chunk: ChunkContext) -> Counts:
        attempts.append(chunk.number)
        if len(attempts) == 1:
            holds.set()
            may_end.wait(SECONDS_MAX)
            if not first_succeeds:
                raise ZeroDivisionError
        return note(chunk)

    with running(lambda: execute_steps(run, [Step(name="work", work=work)])) as first:
        assert holds.wait(SECONDS_MAX)
        with running(lambda: execute_steps(run, [Step(name="work", work=work)])) as second:
            wait_until_somebody_waits_for_a_lock()
            may_end.set()

    assert type(first[0]) is (type(None) if first_succeeds else ZeroDivisionError)
    assert second == [None]
    assert attempts == ([1] if first_succeeds else [1, 1])
    assert traces() == ["chunk 1"]


@pytest.mark.django_db(transaction=True)
def test_a_deadlocks_victim_tries_its_chunk_again() -> None:
    run = make_run()
    OutboxEvent.objects.bulk_create(OutboxEvent(topic="row", key=key, payload={}) for key in ("a", "b"))
    both_hold_one = Barrier(2, timeout=SECONDS_MAX)
    attempts: list[int] = []

    def lock(key: str) -> None:
        OutboxEvent.objects.select_for_update().get(key=key)

    def work(chunk: ChunkContext) -> Counts:
        attempts.append(chunk.number)
        first, second = ("a", "b") if chunk.number == 1 else ("b", "a")
        lock(first)
        try:
            both_hold_one.wait()
        except BrokenBarrierError:
            pass  # the second attempt comes alone
        both_hold_one.abort()
        lock(second)
        return note(chunk)

    step = Step(name="work", work=work, ranges=lambda _: ranges_between(["m"]))
    outcomes = run_together(*[lambda: execute_steps(run, [step])] * 2)

    assert outcomes == [None, None]
    assert len(attempts) > 2
    assert set(attempts) == {1, 2}
    assert traces() == ["chunk 1", "chunk 2"]
