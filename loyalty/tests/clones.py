"""A clone of the embedded servers' code in a folder of its own, and processes that use its servers."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from core.environment import PROJECT_FOLDER

_USE_UNTIL_TOLD = """
import sys
from loyalty.embedded import start_needed_servers
start_needed_servers(with_redis={with_redis})
print("ready", flush=True)
sys.stdin.readline()
"""
_SECONDS_MAX = 120


@dataclass(frozen=True)
class Clone:
    """A project folder with nothing in it but what the servers need."""

    folder: Path

    def run(self, *arguments: str, **variables: str) -> str:
        """Run Python in the clone and return what it prints."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=_environment(variables),
            check=True,
            capture_output=True,
            text=True,
            timeout=_SECONDS_MAX,
        ).stdout.strip()

    @property
    def home(self) -> Path:
        """Where the clone's servers keep their data."""
        return Path(self.run("-c", "from loyalty.embedded import folders; print(folders.home())"))

    def start_user(self, *, with_redis: bool = False) -> subprocess.Popen[str]:
        """Start a process that uses the servers until a line arrives or it is killed."""
        process = subprocess.Popen(
            [sys.executable, "-c", _USE_UNTIL_TOLD.format(with_redis=with_redis)],
            cwd=self.folder,
            env=_environment({}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def postmaster(self) -> psutil.Process | None:
        """Return the PostgreSQL server's main process, if it lives."""
        return _living(self.home / "postgres" / "data-18" / "postmaster.pid")

    def redis(self) -> psutil.Process | None:
        """Return the Redis server's process, if it lives."""
        return _living(self.home / "redis" / "redis.pid")

    def keeper(self) -> psutil.Process | None:
        """Return the keeper of PostgreSQL, if there is one."""
        for process in psutil.process_iter(["cmdline", "cwd"]):
            command = process.info["cmdline"] or []
            is_keeper = command[1:4] == ["-m", "loyalty.embedded.keeper", "postgres"]
            if is_keeper and process.info["cwd"] == str(self.folder):
                return process
        return None


@contextmanager
def new_clone(folder: Path) -> Iterator[Clone]:
    """Make a clone in the folder; its servers' data, which may lie elsewhere, is removed at the end."""
    for part in ("core/__init__.py", "core/environment.py", "core/environment_file.py", "loyalty/__init__.py"):
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT_FOLDER / part, folder / part)
    shutil.copytree(PROJECT_FOLDER / "loyalty" / "embedded", folder / "loyalty" / "embedded")
    clone = Clone(folder)
    try:
        yield clone
    finally:
        clone.run("-m", "loyalty.embedded", "remove")


def end(*processes: subprocess.Popen[str]) -> None:
    """Let the processes end in good order."""
    for process in processes:
        process.communicate("\n", timeout=_SECONDS_MAX)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill a process without giving it a chance."""
    process.kill()
    process.communicate()


def becomes_true(condition: Callable[[], object]) -> bool:
    """Wait until the condition holds; return False if it takes too long."""
    deadline = time.monotonic() + _SECONDS_MAX
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _living(process_id_file: Path) -> psutil.Process | None:
    try:
        process = psutil.Process(int(process_id_file.read_text().split("\n", 1)[0]))
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (FileNotFoundError, ValueError, psutil.Error):
        return None


def _environment(variables: dict[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    return {**kept, "ENV_FILE": "", **variables}
