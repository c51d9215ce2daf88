"""One open house per clone: a second beat would send every scheduled task twice."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.environment import PROJECT_FOLDER

_CLOSE_SECONDS_MAX = 60


class HouseAlreadyOpenError(Exception):
    """Another process of this clone serves already."""


def lock_file() -> Path:
    """Return the file that an open house holds locked; it holds the process id."""
    return PROJECT_FOLDER / "var" / "house.lock"


@contextmanager
def presence() -> Iterator[None]:
    """Hold the lock; raises HouseAlreadyOpenError with the process id of the holder."""
    lock_file().parent.mkdir(exist_ok=True)
    with lock_file().open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise HouseAlreadyOpenError(
                f"This clone is served already by process {file.read().strip()}: `make stop` ends it."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def close_open_house() -> bool:
    """Ask the open house to close, wait for it, and tell whether there was one."""
    if not is_open():
        return False
    os.kill(int(lock_file().read_text()), signal.SIGTERM)
    deadline = time.monotonic() + _CLOSE_SECONDS_MAX
    while is_open() and time.monotonic() < deadline:
        time.sleep(0.05)
    return True


def is_open() -> bool:
    """Tell whether a process holds the lock."""
    try:
        with lock_file().open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
