"""One log line per request, and the request's id in every line logged meanwhile."""

import time
import uuid
from collections.abc import Callable

import structlog
from django.http import HttpRequest, HttpResponse

_HEADER = "X-Request-ID"
_ID_CHARACTERS_MAX = 100
_QUIET_PATHS = ("/health/", "/metrics", "/static/")

log = structlog.get_logger("loyalty.request")


class RequestLogMiddleware:
    """Give each request an id, taken from the proxy where it sends one, and log method, path, status and duration."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer the request and log it; bodies and queries are left out, they hold personal data."""
        request_id = request.headers.get(_HEADER, "")[:_ID_CHARACTERS_MAX] or uuid.uuid4().hex
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started = time.perf_counter()
        response = self.get_response(request)
        response[_HEADER] = request_id
        if not request.path.startswith(_QUIET_PATHS):
            duration_ms = round((time.perf_counter() - started) * 1000, 1)
            log.info(
                "request",
                method=request.method,
                path=request.path,
                status=response.status_code,
                duration_ms=duration_ms,
                user_id=getattr(getattr(request, "user", None), "pk", None),
            )
        return response
