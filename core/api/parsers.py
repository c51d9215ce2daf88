"""Request bodies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from core.strict_json import JSONRefusedError, read_json

BODY_BYTES_MAX = 1024 * 1024
LONG_BODY_BYTES_MAX = 16 * BODY_BYTES_MAX


class BodyTooLargeError(APIException):
    """Raised before a body is read whole that is larger than the endpoint takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is too large: at most {BODY_BYTES_MAX:,} bytes are read."
    default_code = "too_large"


class StrictJSONParser(BaseParser):
    """Read a JSON body of at most a megabyte, as `core.strict_json` reads it."""

    media_type = "application/json"
    bytes_max = BODY_BYTES_MAX

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value. Raises ParseError or BodyTooLargeError."""
        body = stream.read(self.bytes_max + 1)
        if len(body) > self.bytes_max:
            raise BodyTooLargeError(f"The body is too large: at most {self.bytes_max:,} bytes are read.")
        try:
            return read_json(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 text: byte {error.start} cannot be read.") from None
        except JSONRefusedError as error:
            raise ParseError(f"The body cannot be read: {error}.") from None


class LongJSONParser(StrictJSONParser):
    """Read a JSON body of at most sixteen megabytes, where one request carries thousands of things."""

    bytes_max = LONG_BODY_BYTES_MAX
