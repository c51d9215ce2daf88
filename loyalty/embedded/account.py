"""The system account that the servers run as: PostgreSQL refuses to run as root."""

import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

from core.environment import PROJECT_FOLDER

_UNPRIVILEGED = "nobody"


class Credentials(TypedDict, total=False):
    """Keyword arguments of `subprocess` that start a program as another account."""

    user: int
    group: int
    extra_groups: list[int]


@dataclass(frozen=True, kw_only=True)
class Account:
    """A user id and its main group."""

    user_id: int
    group_id: int

    def credentials(self) -> Credentials:
        """Return what `subprocess` needs to run a program as this account; nothing where we are it already."""
        if self.user_id == os.geteuid():
            return {}
        return {"user": self.user_id, "group": self.group_id, "extra_groups": []}

    def own(self, path: Path) -> None:
        """Give the path to this account; only root can and needs to."""
        if os.geteuid() == 0 and path.lstat().st_uid != self.user_id:
            os.chown(path, self.user_id, self.group_id, follow_symlinks=False)

    def can_enter(self, folder: Path) -> bool:
        """Tell whether this account may pass through the folder and everything above it."""
        return all(self._has_permission(place, 0o1) for place in (folder, *folder.parents))

    def can_run(self, program: Path) -> bool:
        """Tell whether this account reaches the program and may read and execute it."""
        return self.can_enter(program.parent) and self._has_permission(program, 0o5)

    def _has_permission(self, path: Path, wanted: int) -> bool:
        status = path.stat()
        if status.st_uid == self.user_id:
            granted = status.st_mode >> 6
        elif status.st_gid == self.group_id:
            granted = status.st_mode >> 3
        else:
            granted = status.st_mode
        return granted & wanted == wanted


def service_account() -> Account:
    """Return who runs the servers: ourselves, or as root the owner of the project, or else `nobody`."""
    if os.geteuid() != 0:
        return Account(user_id=os.geteuid(), group_id=os.getegid())
    owner = PROJECT_FOLDER.stat()
    if owner.st_uid != 0 and _has_name(owner.st_uid):
        return Account(user_id=owner.st_uid, group_id=owner.st_gid)
    unprivileged = pwd.getpwnam(_UNPRIVILEGED)
    return Account(user_id=unprivileged.pw_uid, group_id=unprivileged.pw_gid)


def _has_name(user_id: int) -> bool:
    try:
        pwd.getpwuid(user_id)
    except KeyError:
        return False
    return True
