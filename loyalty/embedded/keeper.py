"""Wait until nobody uses a server, then stop it: `python -m loyalty.embedded.keeper NAME DESCRIPTOR`.

A process of its own, because the last user may be killed and cannot tidy up. It waits inside the kernel, for the
exclusive form of the lock that every user holds shared.
"""

import fcntl
import os
import sys

from loyalty.embedded.locks import Locks, try_lock
from loyalty.embedded.servers import SERVERS, Server, locks_of


def keep(server: Server, keeper: int) -> None:
    """Return when the server has been stopped, or its folder is gone and with it our right to act there."""
    locks = locks_of(server)
    users = locks.open("users")
    while True:
        fcntl.flock(users, fcntl.LOCK_EX)
        # Nobody may wait for the gate while holding `users`: starters take the two in the other order.
        fcntl.flock(users, fcntl.LOCK_UN)
        if not _is_still_there(locks, users):
            return
        if _stop_if_unused(server, locks, users, keeper):
            return


def _stop_if_unused(server: Server, locks: Locks, users: int, keeper: int) -> bool:
    with locks.gate():
        if not try_lock(users, fcntl.LOCK_EX):
            return False
        try:
            server.stop()
        finally:
            # Before the gate opens: the next starter must not take us for a living keeper.
            os.close(keeper)
        return True


def _is_still_there(locks: Locks, users: int) -> bool:
    """Tell whether the lock file is still ours: the clone may have been deleted, or deleted and made again."""
    try:
        return (locks.folder / "users.lock").stat().st_ino == os.fstat(users).st_ino
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    keep(SERVERS[sys.argv[1]], int(sys.argv[2]))
