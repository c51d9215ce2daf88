"""Request bodies."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

from core.strict_json import JSONRefusedError, read_json

BODY_BYTES_MAX = 1024 * 1024
LONG_BODY_BYTES_MAX = 16 * BODY_BYTES_MAX
_GZIP_WINDOW = 16 + zlib.MAX_WBITS


class BodyTooLargeError(APIException):
    """Raised before a body is read whole that is larger than the endpoint takes."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"The body is too large: at most {BODY_BYTES_MAX:,} bytes are read."
    default_code = "too_large"


class ContentEncodingError(APIException):
    """Raised for a body that is packed in a way nobody here unpacks."""

    status_code = status.HTTP_415_UNSUPPORTED_MEDIA_TYPE
    default_code = "unsupported_media_type"


class StrictJSONParser(BaseParser):
    """Read a JSON body of at most a megabyte, packed by gzip or not, as `core.strict_json` reads it."""

    media_type = "application/json"
    bytes_max = BODY_BYTES_MAX

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Return the value. Raises ParseError, BodyTooLargeError and ContentEncodingError."""
        body = stream.read(self.bytes_max + 1)
        self._check_size(body)
        if parser_context is not None:
            body = self._unpacked(body, parser_context["request"].headers.get("Content-Encoding", ""))
        try:
            return read_json(body.decode("utf-8"))
        except UnicodeDecodeError as error:
            raise ParseError(f"The body is not UTF-8 text: byte {error.start} cannot be read.") from None
        except JSONRefusedError as error:
            raise ParseError(f"The body cannot be read: {error}.") from None

    def _check_size(self, body: bytes) -> None:
        if len(body) > self.bytes_max:
            raise BodyTooLargeError(f"The body is too large: at most {self.bytes_max:,} bytes are read.")

    def _unpacked(self, body: bytes, encoding: str) -> bytes:
        """Return a body as it was before it was packed; no more is unpacked than may be read."""
        encoding = encoding.strip().lower()
        if encoding in {"", "identity"}:
            return body
        if encoding != "gzip":
            raise ContentEncodingError(f"The Content-Encoding is {encoding[:40]!r}: gzip is read, or none.")
        unpacking = zlib.decompressobj(_GZIP_WINDOW)
        try:
            unpacked = unpacking.decompress(body, self.bytes_max + 1)
        except zlib.error:
            raise ParseError("The body is not packed by gzip, as its Content-Encoding says.") from None
        self._check_size(unpacked)
        if not unpacking.eof or unpacking.unused_data:
            raise ParseError("The body is packed by gzip and is cut off, or something follows it.")
        return unpacked


class LongJSONParser(StrictJSONParser):
    """Read a JSON body of at most sixteen megabytes, where one request carries thousands of things."""

    bytes_max = LONG_BODY_BYTES_MAX
