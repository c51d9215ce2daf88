"""The resident memory of a process and its children, sampled while they work."""

from __future__ import annotations

import os
import threading
from types import TracebackType
from typing import Self

import psutil

from bench.measuring import MEGABYTE

_SAMPLE_SECONDS = 0.02


class PeakMemory:
    """Samples the sum over the process tree from entering to leaving; pages shared by two processes count twice."""

    def __init__(self, process_id: int) -> None:
        self._process = psutil.Process(process_id)
        self._peak = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    @classmethod
    def of_this_process(cls) -> Self:
        return cls(os.getpid())

    @property
    def megabytes(self) -> float:
        return self._peak / MEGABYTE

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._is_over.wait(_SAMPLE_SECONDS):
            self._peak = max(self._peak, self._resident())

    def _resident(self) -> int:
        total = 0
        try:
            family = [self._process, *self._process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return 0
        for process in family:
            try:
                total += int(process.memory_info().rss)
            except psutil.NoSuchProcess:
                continue
        return total
