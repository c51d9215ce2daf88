"""Where the embedded servers keep their data and sockets. Pure: nothing is created by asking."""

import hashlib
import os
import re
import stat
from functools import cache
from pathlib import Path

from core.environment import PROJECT_FOLDER
from loyalty.embedded.account import Account, service_account
from loyalty.embedded.errors import UnusableFolderError

# A socket's path must fit in 108 bytes on Linux and 104 on macOS.
_SOCKET_PATH_BYTES_MAX = 100
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._-]+")


@cache
def home() -> Path:
    """Return the folder of both servers: inside the project, or under /var/tmp where that is out of reach.

    As root the servers run as an account that may not be able to enter the project (a clone under /root, say).
    Loosening the permissions of somebody's folders is no option, so the data goes where everybody may enter.
    """
    account = service_account()
    inside = PROJECT_FOLDER / "var" / "embedded"
    if account.can_enter(PROJECT_FOLDER) and os.access(PROJECT_FOLDER, os.W_OK):
        return inside
    return Path("/var/tmp") / _private_name()  # noqa: S108 the owner of an existing folder is checked before use


@cache
def sockets() -> Path:
    """Return the folder of both sockets: in the home, or in /tmp where that path is too long or has odd characters."""
    inside = home() / "run"
    longest = os.fsencode(inside / _LONGEST_SOCKET_NAME)
    if len(longest) <= _SOCKET_PATH_BYTES_MAX and _PLAIN_PATH.fullmatch(str(inside)):
        return inside
    return Path("/tmp") / _private_name()  # noqa: S108 as above


def prepare(*names: str) -> None:
    """Create the home, the sockets' folder and the named folders in the home; the account owns all but the home.

    Raises UnusableFolderError where one exists and is not ours or out of the account's reach.
    """
    account = service_account()
    for folder in (home().parent, home()):
        _create(folder, 0o755)
        if not account.can_enter(folder):
            raise UnusableFolderError(f"{folder} cannot be entered by user {account.user_id}: {_WAY_OUT}")
    for folder in (sockets(), *(home() / name for name in names)):
        _create(folder, 0o700)
        _claim(folder, account)


def _create(folder: Path, mode: int) -> None:
    try:
        folder.mkdir()
    except FileExistsError:
        return
    except OSError as error:
        raise UnusableFolderError(f"{folder} cannot be created ({error.strerror}): {_WAY_OUT}") from error
    folder.chmod(mode)  # mkdir's own mode would be narrowed by the umask
    if os.geteuid() == 0:
        # A clone's owner must find nothing of root's in it after root ran something there.
        parent = folder.parent.stat()
        os.chown(folder, parent.st_uid, parent.st_gid)


def _claim(folder: Path, account: Account) -> None:
    """Give the folder to the account, unless a stranger put something there before us."""
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {0, os.geteuid(), account.user_id}:
        raise UnusableFolderError(f"{folder} belongs to user {status.st_uid}, not to us: {_WAY_OUT}")
    account.own(folder)


def _private_name() -> str:
    identity = f"{PROJECT_FOLDER}\0{service_account().user_id}".encode()
    return f"loyalty-{hashlib.sha256(identity).hexdigest()[:12]}"


_WAY_OUT = "remove it, or set DATABASE_URL and REDIS_URL to servers of your own"
