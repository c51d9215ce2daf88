"""Clocks, medians, and what one line of the table says."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

MEGABYTE = 1024 * 1024


class Verdict(StrEnum):
    """Whether a line keeps its promise; a line without one is there to be known."""

    MET = "met"
    MISSED = "missed"
    SHOWN = "shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Yardstick:
    """What the work may take at most: `times` × the seconds of something simpler, or of a promised rate."""

    name: str
    seconds: float
    times: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Another way to do the same work, in seconds for as much of it, and how many times slower it must at least be."""

    name: str
    seconds: float
    times: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """Most resident memory at once of the processes that did the work, in megabytes, and the most allowed."""

    megabytes: float
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table: a work, how long it took, and what that is measured against."""

    work: str
    seconds: float
    rate: str
    limit: Yardstick | None = None
    peer: Peer | None = None
    memory: Memory | None = None
    note: str = ""

    @property
    def limit_ratio(self) -> float | None:
        """The work's seconds ÷ the yardstick's."""
        return None if self.limit is None else self.seconds / self.limit.seconds

    @property
    def peer_ratio(self) -> float | None:
        """The peer's seconds ÷ the work's."""
        return None if self.peer is None else self.peer.seconds / self.seconds

    @property
    def verdict(self) -> Verdict:
        promises = []
        if self.limit is not None and self.limit_ratio is not None:
            promises.append(self.limit_ratio <= self.limit.times)
        if self.peer is not None and self.peer_ratio is not None:
            promises.append(self.peer_ratio >= self.peer.times)
        if self.memory is not None and self.memory.most is not None:
            promises.append(self.memory.megabytes < self.memory.most)
        if not promises:
            return Verdict.SHOWN
        return Verdict.MET if all(promises) else Verdict.MISSED


def seconds_of(work: Callable[[], object]) -> float:
    """Return how long one call takes by the wall clock."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def median_seconds(work: Callable[[], object], *, times: int) -> float:
    """Return the median of several calls, after one that only warms up."""
    work()
    return statistics.median(seconds_of(work) for _ in range(times))


def percentile_95(samples: list[float]) -> float:
    """Return the value that 95 of 100 samples do not exceed."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


def per_second(count: float, *, seconds: float, unit: str) -> str:
    """Return a rate people can read: 1.2 M evaluations/s."""
    rate = count / seconds if seconds else 0.0
    if rate >= 1_000_000:
        return f"{rate / 1_000_000:,.1f} M {unit}/s"
    return f"{rate:,.0f} {unit}/s"
