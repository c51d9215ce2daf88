"""Real threads with connections of their own, for races on the real database."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from threading import Barrier, Event, Thread
from typing import Any

from django.db import connection, transaction

from core.expressions import fetch_rows

SECONDS_MAX = 120  # only tells a hang from slow work


def run_together(*targets: Callable[[], Any]) -> list[Any]:
    """Start all targets at the same moment; return for each what it returned, or the error it raised."""
    start = Barrier(len(targets), timeout=SECONDS_MAX)

    def after_start(target: Callable[[], Any]) -> Any:
        start.wait()
        return target()

    with running(*[partial(after_start, target) for target in targets]) as outcomes:
        pass
    return outcomes


@contextmanager
def running(*targets: Callable[[], Any]) -> Iterator[list[Any]]:
    """Run the targets in threads beside the block; afterwards the list holds what each returned or raised."""
    outcomes: list[Any] = [None] * len(targets)

    def work(number: int, target: Callable[[], Any]) -> None:
        try:
            outcomes[number] = target()
        except BaseException as error:  # noqa: BLE001  # a thread's error must reach the test
            outcomes[number] = error
        finally:
            connection.close()

    threads = [Thread(target=work, args=(number, target), daemon=True) for number, target in enumerate(targets)]
    for thread in threads:
        thread.start()
    yield outcomes
    for thread in threads:
        thread.join(timeout=SECONDS_MAX)
    assert not any(thread.is_alive() for thread in threads), "a thread hangs"


@contextmanager
def transaction_held_open(act: Callable[[], Any]) -> Iterator[Callable[[], None]]:
    """Do `act` in a transaction of another connection, which is committed when the yielded function is called."""
    acted, may_commit = Event(), Event()

    def hold() -> None:
        with transaction.atomic():
            act()
            acted.set()
            may_commit.wait(SECONDS_MAX)

    with running(hold) as outcomes:
        assert acted.wait(SECONDS_MAX), outcomes
        yield may_commit.set
        may_commit.set()
    assert outcomes == [None]


def while_held_open(act: Callable[[], Any], *others: Callable[[], Any]) -> list[Any]:
    """Do `act` in a transaction, start the others one by one, and commit once each is held up or through.

    Return for each of the others what it returned, or the error it raised.
    """
    outcomes: list[list[Any]] = []
    ends: list[Event] = []

    def work(other: Callable[[], Any], end: Event) -> Any:
        try:
            return other()
        finally:
            end.set()

    with ExitStack() as stack:
        commit = stack.enter_context(transaction_held_open(act))
        for other in others:
            ends.append(Event())
            outcomes.append(stack.enter_context(running(partial(work, other, ends[-1]))))
            waiting = sum(not end.is_set() for end in ends)
            wait_until_somebody_waits_for_a_lock(waiting=waiting, unless=ends[-1].is_set)
        commit()
    return [outcome for (outcome,) in outcomes]


def wait_until_somebody_waits_for_a_lock(*, waiting: int = 1, unless: Callable[[], bool] = lambda: False) -> None:
    """Return once that many connections to the test database are held up by a lock, or `unless` holds."""
    count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    for _ in range(100 * SECONDS_MAX):
        if unless() or fetch_rows(count, [])[0][0] >= waiting:
            return
        time.sleep(0.01)
    raise AssertionError(f"fewer than {waiting} wait for a lock")
