"""JSON bodies, read strictly: what JSON itself leaves open is refused here, once, for every endpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

BODY_BYTES_MAX = 1024 * 1024
_NUMBER_CHARACTERS_MAX = 40


class BodyTooLargeError(APIException):
    """Raised before a body is read whole that is larger than the endpoint takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is too large: at most {BODY_BYTES_MAX:,} bytes are read."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Read a JSON body of at most a megabyte; numbers are exact decimals, never floats.

    Refused: NaN and infinities, numbers of more than 40 characters, keys given twice, NUL characters and halves of surrogate
    pairs (PostgreSQL stores neither), text that is not UTF-8, nesting too deep to read.
    """

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value. Raises ParseError or BodyTooLargeError."""
        body = stream.read(BODY_BYTES_MAX + 1)
        if len(body) > BODY_BYTES_MAX:
            raise BodyTooLargeError
        try:
            value = json.loads(
                body.decode("utf-8"),
                parse_float=_exact_decimal,
                parse_int=_whole_number,
                parse_constant=_refuse_constant,
                object_pairs_hook=_object_without_repetition,
            )
            check_text(value)
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 text: byte {error.start} cannot be read.") from None
        except json.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}.") from None
        except RecursionError:
            raise ParseError("The body is nested too deeply to be read.") from None
        return value


def check_text(value: Any) -> None:
    """Raise ParseError for text that no database column can hold, anywhere in the value."""
    if isinstance(value, str):
        if not is_storable(value):
            raise ParseError("The body holds a NUL character or half a surrogate pair in a text; neither can be stored.")
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


def _exact_decimal(text: str) -> Decimal:
    _check_length(text)
    return Decimal(text)


def _whole_number(text: str) -> int:
    _check_length(text)
    return int(text)


def _check_length(text: str) -> None:
    if len(text) > _NUMBER_CHARACTERS_MAX:
        raise ParseError(f"The body holds a number of {len(text)} characters; at most {_NUMBER_CHARACTERS_MAX} are read.")


def _refuse_constant(name: str) -> None:
    raise ParseError(f"The body holds {name}, which is not a JSON number.")


def _object_without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ParseError(f"The body gives the key {twice[:100]!r} twice in one object.")
    return found
