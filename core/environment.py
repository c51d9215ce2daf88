"""Read settings from the environment and from an optional `.env` file, and refuse bad values by name.

The process environment wins over the file. An empty value counts as unset, because compose files and shells
pass empty strings for variables nobody filled in.
"""

import os
from collections.abc import Callable, Collection
from decimal import Decimal, InvalidOperation
from functools import cache
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from core.environment_file import parse_environment_file

PROJECT_FOLDER = Path(__file__).resolve().parent.parent

Value = TypeVar("Value")
Default = TypeVar("Default")

_BOOLEANS = {
    "1": True,
    "true": True,
    "yes": True,
    "on": True,
    "0": False,
    "false": False,
    "no": False,
    "off": False,
}


class EnvironmentValueError(ValueError):
    """A setting holds a value that cannot be used; the message names it and says what would be right."""

    def __init__(self, name: str, value: str | None, needed: str) -> None:
        found = "is not set" if value is None else f"is {value!r}"
        super().__init__(f"{name} {found}: {needed}")
        self.name = name


def text(name: str, *, default: Default) -> str | Default:
    """Return the value as it stands, or the default."""
    return _read(name, default, lambda value: value)


def boolean(name: str, *, default: Default) -> bool | Default:
    """Return a yes-or-no value; 1/0, true/false, yes/no and on/off are understood."""

    def parse(value: str) -> bool:
        if value.lower() not in _BOOLEANS:
            raise EnvironmentValueError(name, value, "yes or no is needed, for example true")
        return _BOOLEANS[value.lower()]

    return _read(name, default, parse)


def integer(name: str, *, default: Default, minimum: int | None = None, maximum: int | None = None) -> int | Default:
    """Return a whole number within the bounds, both inclusive."""

    def parse(value: str) -> int:
        needed = f"a whole number{_bounds(minimum, maximum)} is needed, for example {_example(default, minimum, '10')}"
        # int() also takes "1_000" and digits of other scripts, which nobody means in a settings file.
        if not value.removeprefix("-").isascii() or not value.removeprefix("-").isdigit():
            raise EnvironmentValueError(name, value, needed)
        number = int(value)
        if _is_outside(number, minimum, maximum):
            raise EnvironmentValueError(name, value, needed)
        return number

    return _read(name, default, parse)


def decimal(
    name: str,
    *,
    default: Default,
    minimum: Decimal | int | None = None,
    maximum: Decimal | int | None = None,
) -> Decimal | Default:
    """Return a finite decimal number within the bounds, both inclusive."""

    def parse(value: str) -> Decimal:
        bounds = _bounds(minimum, maximum)
        needed = f"a decimal amount{bounds} is needed, for example {_example(default, minimum, '1000')}"
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise EnvironmentValueError(name, value, needed) from None
        if not number.is_finite() or "_" in value or _is_outside(number, minimum, maximum):
            raise EnvironmentValueError(name, value, needed)
        return number

    return _read(name, default, parse)


def url(name: str, *, default: Default, schemes: Collection[str]) -> str | Default:
    """Return an address whose scheme is one of those given."""

    def parse(value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in schemes or not (parts.netloc or parts.path):
            # The value may carry a password, so the message repeats its scheme at most.
            shown = f"{parts.scheme}://…" if parts.scheme else "…"
            raise EnvironmentValueError(name, shown, f"an address is needed that starts with {_either(schemes)}")
        return value

    return _read(name, default, parse)


def choice(name: str, *, default: Default, choices: Collection[str]) -> str | Default:
    """Return one of the given words."""

    def parse(value: str) -> str:
        if value not in choices:
            raise EnvironmentValueError(name, value, f"one of {', '.join(choices)} is needed")
        return value

    return _read(name, default, parse)


def time_zone(name: str, *, default: Default) -> str | Default:
    """Return the name of a time zone that this machine knows."""

    def parse(value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise EnvironmentValueError(name, value, "a time zone's name is needed, for example Europe/Malta") from None
        return value

    return _read(name, default, parse)


def text_list(name: str, *, default: Collection[str] = ()) -> list[str]:
    """Return the comma-separated words, without blanks around them."""
    return _read(name, list(default), lambda value: [word.strip() for word in value.split(",") if word.strip()])


def path(name: str, *, default: Default) -> Path | Default:
    """Return a path; a relative one counts from the project folder."""
    return _read(name, default, lambda value: PROJECT_FOLDER / Path(value).expanduser())


def is_set(name: str) -> bool:
    """Tell whether the environment or the file gives the setting a value."""
    return _raw(name) is not None


def _read(name: str, default: Default, parse: Callable[[str], Value]) -> Value | Default:
    value = _raw(name)
    return default if value is None else parse(value)


def _raw(name: str) -> str | None:
    value = os.environ.get(name, "").strip() or _file_values(_file_path()).get(name, "").strip()
    return value or None


def _file_path() -> Path:
    """ENV_FILE names another file; an empty ENV_FILE means that no file is read."""
    return PROJECT_FOLDER / os.environ.get("ENV_FILE", ".env")


@cache
def _file_values(file: Path) -> dict[str, str]:
    return parse_environment_file(file) if file.is_file() else {}


def _is_outside(number: Decimal | int, minimum: Decimal | int | None, maximum: Decimal | int | None) -> bool:
    return (minimum is not None and number < minimum) or (maximum is not None and number > maximum)


def _bounds(minimum: Decimal | int | None, maximum: Decimal | int | None) -> str:
    lower = "" if minimum is None else f" ≥ {minimum}"
    upper = "" if maximum is None else f" ≤ {maximum}"
    return f"{lower} and{upper}" if lower and upper else f"{lower}{upper}"


def _example(default: object, minimum: Decimal | int | None, fallback: str) -> object:
    if isinstance(default, int | Decimal) and not isinstance(default, bool):
        return default
    return fallback if minimum is None or minimum <= Decimal(fallback) else minimum


def _either(schemes: Collection[str]) -> str:
    return " or ".join(f"{scheme}://" for scheme in schemes)
