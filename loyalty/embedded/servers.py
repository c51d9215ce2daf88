"""Start the servers this process needs, and let a keeper stop them after the last user."""

import fcntl
import os
import subprocess
import sys
import time
from typing import Protocol

from core import environment
from core.environment import PROJECT_FOLDER
from loyalty.embedded import folders
from loyalty.embedded.account import service_account
from loyalty.embedded.locks import Locks, try_lock
from loyalty.embedded.postgres import PostgresServer
from loyalty.embedded.redis import RedisServer

_STOP_SECONDS_MAX = 60


class Server(Protocol):
    """A server program with its data folder; the caller holds the gate for every method."""

    @property
    def name(self) -> str:
        """Name of its folder."""

    def is_running(self) -> bool:
        """Tell whether it answers."""

    def start(self) -> None:
        """Start it and return when it answers; raises EmbeddedServerError."""

    def stop(self) -> None:
        """Stop it in good order and return when it is gone."""


SERVERS: dict[str, Server] = {"postgres": PostgresServer(), "redis": RedisServer()}

# Descriptors of `users` locks held by this process and inherited by its forks. Keepers are remembered only so that
# they are not reported as forgotten child processes.
_held: dict[str, int] = {}
_keepers: list[subprocess.Popen[bytes]] = []


def start_needed_servers(*, with_redis: bool = True) -> None:
    """Start those servers whose URL is unset and use them until this process and its forks have ended."""
    if not environment.is_set("DATABASE_URL"):
        use(SERVERS["postgres"])
    if with_redis and not environment.is_set("REDIS_URL"):
        use(SERVERS["redis"])


def stop_when_unused() -> None:
    """Give up what this process uses; where nobody else does, return when the servers are gone."""
    for name in list(_held):
        os.close(_held.pop(name))
        wait_until_settled(locks_of(SERVERS[name]))


def use(server: Server) -> None:
    """Register this process as a user of the server and see that it runs and is kept."""
    if server.name in _held:
        return
    folders.prepare(server.name)
    locks = locks_of(server)
    with locks.gate():
        users = locks.open("users")
        fcntl.flock(users, fcntl.LOCK_SH)
        _held[server.name] = users
        try:
            if not server.is_running():
                server.start()
        except BaseException:
            os.close(_held.pop(server.name))
            raise
        _ensure_keeper(server, locks)


def locks_of(server: Server) -> Locks:
    """Return the locks in the server's folder."""
    return Locks(folder=folders.home() / server.name)


def wait_until_settled(locks: Locks) -> None:
    """Return when the keeper has stopped the server, or as soon as somebody else turns out to use it."""
    deadline = time.monotonic() + _STOP_SECONDS_MAX
    while locks.is_kept() and not locks.is_used() and time.monotonic() < deadline:
        time.sleep(0.02)


def _ensure_keeper(server: Server, locks: Locks) -> None:
    """Start a keeper that inherits the keeper lock already taken, so that there is never a second one."""
    keeper = locks.open("keeper")
    try:
        if try_lock(keeper, fcntl.LOCK_EX):
            _keepers.append(_spawn_keeper(server, keeper))
    finally:
        os.close(keeper)


def _spawn_keeper(server: Server, keeper: int) -> subprocess.Popen[bytes]:
    file = folders.home() / server.name / "keeper.log"
    with file.open("ab") as log:
        service_account().own(file)
        return subprocess.Popen(
            [sys.executable, "-m", "loyalty.embedded.keeper", server.name, str(keeper)],
            pass_fds=[keeper],
            cwd=PROJECT_FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C in the terminal is for the users, not for the keeper
        )
