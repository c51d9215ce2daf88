"""How many requests are taken in a minute: of each user, of each address without a log-in, and to log in.

Counted in the cache that all web processes share, by minutes of the clock, with an increment that no two processes can
both win. Where the cache cannot be reached requests are taken: what they may change is guarded elsewhere.
"""

from __future__ import annotations

import logging
import time
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.core.cache import cache
from redis.exceptions import RedisError
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

_SECONDS = 60
_NETWORK_BITS = 64
"""Of an address of version 6 so many belong to one customer, who has all that follow."""

log = logging.getLogger(__name__)


class TooManyRequestsError(APIException):
    """Raised for a request beyond the limit; `wait` is after how many seconds the next is taken."""

    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_code = "too_many_requests"

    def __init__(self, *, whose: str, limit: int, wait: int) -> None:
        super().__init__(f"At most {limit:,} requests a minute are taken {whose}. Try again in {wait} seconds.")
        self.wait = wait
        self.details = [{"limit": limit, "per": "minute", "retry_after_seconds": wait}]


class RequestLimit(BaseThrottle):
    """Count a request for its user, or for its address where nobody is logged in.

    A view whose `limit` is `logins` is counted apart.
    """

    def allow_request(self, request: Request, view: Any) -> bool:
        """Take the request. Raises TooManyRequestsError."""
        if request.user.is_authenticated:
            whose = f"from the user {request.user.get_username()!r}"
            _count(f"user:{request.user.pk}", limit=settings.API_REQUESTS_PER_MINUTE, whose=whose)
        elif getattr(view, "limit", "") == "logins":
            whose = "from one address to log in"
            _count(f"logins:{self._address(request)}", limit=settings.API_LOGINS_PER_MINUTE, whose=whose)
        else:
            self.count_unknown(request)
        return True

    def count_unknown(self, request: Request) -> None:
        """Count a request of nobody who is logged in. Raises TooManyRequestsError."""
        limit = settings.API_UNKNOWN_REQUESTS_PER_MINUTE
        _count(f"address:{self._address(request)}", limit=limit, whose="from one address without a log-in")

    def _address(self, request: Request) -> str:
        text = self.get_ident(request) or ""
        try:
            address = ip_address(text)
        except ValueError:
            return "unknown"
        if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
            return f"{int(address) >> (128 - _NETWORK_BITS):x}"
        return str(address)


def _count(name: str, *, limit: int, whose: str) -> None:
    """Count one request in this minute; without a limit nothing is asked."""
    if not limit:
        return
    minute, passed = divmod(_now(), _SECONDS)
    if _counted(f"api-requests:{name}:{int(minute)}") > limit:
        raise TooManyRequestsError(whose=whose, limit=limit, wait=max(1, round(_SECONDS - passed)))


def _counted(key: str) -> int:
    """Return the how-manieth request this is."""
    try:
        cache.add(key, 0, timeout=2 * _SECONDS)
        return int(cache.incr(key))
    except (RedisError, OSError, ValueError) as error:
        log.warning("requests cannot be counted: %s", type(error).__name__)
        return 0


def _now() -> float:
    return time.time()
