"""What machines ask about the house: is it well, and how much did it do?"""

import secrets
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView
from health_check.checks import Database
from health_check.contrib.redis import Redis
from health_check.views import HealthCheckView
from prometheus_client import CollectorRegistry, generate_latest
from redis.asyncio import Redis as RedisClient

from reporting.gauges import SafetyCollector

# Asked of the database, so not among the figures that each process counts for itself.
_HOUSE = CollectorRegistry()
_HOUSE.register(SafetyCollector())
_LOOPBACK = ("127.0.0.1", "::1")


@dataclass(repr=False)
class Queue(Redis):
    """Redis by its role: the library's own name for it would tell the world host and port."""

    def __repr__(self) -> str:
        return "Queue()"

    @property
    def labels(self) -> dict[str, str]:
        """Labels of the OpenMetrics answer."""
        return {"check": "Queue"}


class HouseHealthView(HealthCheckView):
    """Answer 200 where the database and the queue answer, else 500 with what is wrong."""

    def get_checks(self) -> Any:
        """Yield the checks; Redis is looked up late, so that settings may be overridden."""
        yield Database()
        yield Queue(client_factory=lambda: RedisClient.from_url(settings.QUEUE_URL))


def metrics(request: HttpRequest) -> HttpResponse:
    """Answer Prometheus: with METRICS_TOKEN as bearer token, as staff, or from this very machine if no token is set."""
    if not may_read_metrics(request):
        raise PermissionDenied("Show METRICS_TOKEN as a bearer token.")
    response: HttpResponse = ExportToDjangoView(request)
    response.content += generate_latest(_HOUSE)
    return response


def may_read_metrics(request: HttpRequest) -> bool:
    """Tell whether the request comes from somebody entitled to the figures."""
    if request.user.is_authenticated and request.user.is_staff:
        return True
    if settings.METRICS_TOKEN:
        shown = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return secrets.compare_digest(shown.encode(), settings.METRICS_TOKEN.encode())
    # A proxy on this machine makes every visitor look local; it tells by the header.
    return request.META.get("REMOTE_ADDR") in _LOOPBACK and "X-Forwarded-For" not in request.headers
