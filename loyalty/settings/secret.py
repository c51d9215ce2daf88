"""The key that signs sessions and tokens."""

import os
from pathlib import Path

from django.core.management.utils import get_random_secret_key

from core import environment
from core.environment import PROJECT_FOLDER, EnvironmentValueError

_CHARACTERS_MIN = 32


def secret_key(*, is_development: bool) -> str:
    """Return SECRET_KEY; in development one made once for this clone will do.

    Raises EnvironmentValueError where it is too short, or unset outside development.
    """
    key = environment.text("SECRET_KEY", default=None)
    needed = f"at least {_CHARACTERS_MIN} random characters are needed unless DEBUG is on"
    if key is None and is_development:
        return _development_key(PROJECT_FOLDER / "var" / "secret-key")
    if key is None:
        raise EnvironmentValueError("SECRET_KEY", None, needed)
    if len(key) < _CHARACTERS_MIN and not is_development:
        raise EnvironmentValueError("SECRET_KEY", "…", needed)
    return key


def _development_key(file: Path) -> str:
    try:
        return _stored_or_new_key(file)
    except OSError:
        # A folder we may not write to, or a file of another account: sessions then end with the process.
        return get_random_secret_key()


def _stored_or_new_key(file: Path) -> str:
    """Write under a private name and link it in place: of two processes at once the second reads the first one's."""
    if not file.exists():
        if not file.parent.exists():
            file.parent.mkdir(exist_ok=True)
            file.parent.chmod(0o755)  # the embedded servers' account passes through it
        draft = file.with_name(f"{file.name}.{os.getpid()}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(get_random_secret_key())
        try:
            os.link(draft, file)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return file.read_text()
