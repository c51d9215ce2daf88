"""JSON read strictly: what the standard leaves open is refused here, once, for the API and the admin alike."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

NUMBER_CHARACTERS_MAX = 40


class JSONRefusedError(ValueError):
    """Raised for a text that is no JSON, or JSON nobody should send; the message says where and why."""


def read_json(text: str) -> Any:
    """Return the value; numbers with a point are exact decimals, never floats.

    Raises JSONRefusedError for NaN and infinities, numbers of more than 40 characters, keys given twice, NUL characters
    and halves of surrogate pairs (PostgreSQL stores neither), and nesting too deep to read.
    """
    try:
        value = json.loads(
            text,
            parse_float=_exact_decimal,
            parse_int=_whole_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object_without_repetition,
        )
        check_text(value)
    except json.JSONDecodeError as error:
        raise JSONRefusedError(f"this is not JSON: {error.msg} at line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise JSONRefusedError("this is nested too deeply to be read") from None
    return value


def check_text(value: Any) -> None:
    """Raise JSONRefusedError for text that no database column can hold, anywhere in the value."""
    if isinstance(value, str):
        if not is_storable(value):
            raise JSONRefusedError("a text holds a NUL character or half a surrogate pair; neither can be stored")
    elif isinstance(value, dict):
        for key, member in value.items():
            check_text(key)
            check_text(member)
    elif isinstance(value, list):
        for member in value:
            check_text(member)


def is_storable(text: str) -> bool:
    """Tell whether PostgreSQL can hold the text."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def as_stored(value: Any, *, path: str) -> Any:
    """Return the value as a JSON column gives it back: decimals as floats, where that loses nothing.

    Raises JSONRefusedError for a decimal with more digits than a JSON number keeps; as text it would be kept.
    """
    if isinstance(value, dict):
        return {key: as_stored(member, path=f"{path}.{key}") for key, member in value.items()}
    if isinstance(value, list):
        return [as_stored(member, path=f"{path}[{index}]") for index, member in enumerate(value)]
    if not isinstance(value, Decimal):
        return value
    stored = float(value)
    if Decimal(repr(stored)) != value:
        raise JSONRefusedError(f"{path} is {value}: so many digits cannot be kept in a JSON number; give it as text")
    return stored


def _exact_decimal(text: str) -> Decimal:
    _check_length(text)
    return Decimal(text)


def _whole_number(text: str) -> int:
    _check_length(text)
    return int(text)


def _check_length(text: str) -> None:
    if len(text) > NUMBER_CHARACTERS_MAX:
        raise JSONRefusedError(f"a number has {len(text)} characters; at most {NUMBER_CHARACTERS_MAX} are read")


def _refuse_constant(name: str) -> None:
    raise JSONRefusedError(f"{name} is not a JSON number")


def _object_without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise JSONRefusedError(f"the key {twice[:100]!r} is given twice in one object")
    return found
