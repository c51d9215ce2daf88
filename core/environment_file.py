"""Parse a `.env` file: one NAME=VALUE a line, quotes and comments allowed, nothing expanded."""

import re
from pathlib import Path

_LINE = re.compile(r"(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?P<value>.*)")
_QUOTED = re.compile(r"""(?P<quote>['"])(?P<value>.*)(?P=quote)\s*(?:#.*)?""")
_COMMENT = re.compile(r"(?:^|\s)#.*")


class EnvironmentFileError(ValueError):
    """A line of the file is not NAME=VALUE."""


def parse_environment_file(file: Path) -> dict[str, str]:
    """Return the names and values of the file.

    Raises EnvironmentFileError with file and line number where a line is neither empty, a comment nor NAME=VALUE.
    """
    values = {}
    for number, line in enumerate(file.read_text(encoding="utf-8-sig").splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None:
            raise EnvironmentFileError(f"{file}, line {number}: NAME=VALUE is needed, found {stripped[:40]!r}")
        values[match["name"]] = _unquote(match["value"])
    return values


def _unquote(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return quoted["value"] if quoted else _COMMENT.sub("", value).strip()
