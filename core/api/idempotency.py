"""The key that makes a money write safe to repeat."""

from __future__ import annotations

import re

from drf_spectacular.utils import OpenApiParameter
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request

HEADER = "Idempotency-Key"
_PATTERN = re.compile(r"[\x21-\x7e]{1,100}")


KEY_PARAMETER = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A new one for each request that is to do something. The same key and body again are answered with the "
    "first result; another body under the same key is refused.",
)


class IdempotencyKeyError(APIException):
    """Raised when a money write comes without a usable key."""

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = (
        f"The header {HEADER} is needed: 1 to 100 printable ASCII characters without blanks, a new one for each "
        "act. Repeat a request with the same key and it is done once."
    )
    default_code = "idempotency_key_needed"


def idempotency_key(request: Request) -> str:
    """Return the key, made unique per user so that two integrators cannot meet. Raises IdempotencyKeyError."""
    given = request.headers.get(HEADER, "")
    if not _PATTERN.fullmatch(given):
        raise IdempotencyKeyError
    return f"api:{request.user.pk}:{given}"
