"""The child processes of an open house: started together, ended together."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.environment import PROJECT_FOLDER

_STOP_SECONDS_MAX = 15
_PR_SET_PDEATHSIG = 1
_LOG_LINES_SHOWN = 20


class ChildEndedError(Exception):
    """A child ended although nobody asked it to; the message holds its last words."""


@dataclass
class Children:
    """Processes that log to files of their own and leave when this one does."""

    log_folder: Path
    _running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, command: list[str], *, settings: Mapping[str, str] | None = None) -> None:
        """Start a child in a process group of its own: a Ctrl-C reaches it through us, once, and in order.

        `settings` are added to the environment it is given.
        """
        self.log_folder.mkdir(parents=True, exist_ok=True)
        with self.log_of(name).open("wb") as log:
            self._running[name] = subprocess.Popen(
                command,
                cwd=PROJECT_FOLDER,
                env={**os.environ, **(settings or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 no threads are running yet
            )

    def log_of(self, name: str) -> Path:
        """Return the file a child logs to."""
        return self.log_folder / f"{name}.log"

    def check(self) -> None:
        """Raise ChildEndedError if one has ended."""
        for name, process in self._running.items():
            code = process.poll()
            if code is not None:
                lines = self.log_of(name).read_text(errors="replace").splitlines()[-_LOG_LINES_SHOWN:]
                raise ChildEndedError(f"The {name} process ended with code {code}:\n" + "\n".join(lines))

    def stop(self) -> None:
        """Ask all to end, and kill the process groups of those that do not."""
        for process in self._running.values():
            _signal_group(process, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS_MAX
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
            _signal_group(process, signal.SIGKILL)  # whatever a child left in its group
            process.wait()
        self._running.clear()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    if process.poll() is None and number == signal.SIGTERM:
        process.send_signal(number)
    elif number == signal.SIGKILL:
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            pass


def _end_with_parent() -> None:
    """Have the kernel end this child if its parent is killed without a chance to tidy up; Linux only."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
