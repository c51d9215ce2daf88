"""File locks that tell who uses a server. The kernel frees them when a process ends, however it ends.

`gate` is held while a server is started or stopped. `users` is held shared by every process that uses the server.
`keeper` is held by the process that stops the server when nobody holds `users` any more.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from loyalty.embedded.account import service_account


@dataclass(frozen=True, kw_only=True)
class Locks:
    """The three lock files in a server's folder."""

    folder: Path

    def open(self, name: str) -> int:
        """Return a new descriptor of the lock file, closed on exec, shared with forks."""
        file = self.folder / f"{name}.lock"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        service_account().own(file)
        return descriptor

    @contextmanager
    def gate(self) -> Iterator[None]:
        """Wait until nobody else starts or stops the server."""
        descriptor = self.open("gate")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def is_kept(self) -> bool:
        """Tell whether a keeper watches."""
        return self._is_held("keeper", fcntl.LOCK_EX)

    def is_used(self) -> bool:
        """Tell whether a process, perhaps this one, uses the server; the keeper's own claim does not count."""
        return self._is_held("users", fcntl.LOCK_EX) and not self._is_held("users", fcntl.LOCK_SH)

    def _is_held(self, name: str, mode: int) -> bool:
        descriptor = self.open(name)
        try:
            return not try_lock(descriptor, mode)
        finally:
            os.close(descriptor)


def try_lock(descriptor: int, mode: int) -> bool:
    """Take the lock at once or return False."""
    try:
        fcntl.flock(descriptor, mode | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
