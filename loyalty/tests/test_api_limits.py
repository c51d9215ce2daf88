"""How many requests a minute the API takes, of whom, and what it answers to more."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any
from unittest.mock import Mock

import pytest
from django.core.cache import cache
from django.test import Client
from redis.exceptions import ConnectionError as RedisConnectionError

from core.api import limits
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from wallet.models import LoyaltyBalance

pytestmark = pytest.mark.django_db
LOGIN = {"username": "integrator", "password": "wrong"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mock]:
    """Stand still 48 seconds after a minute began; the counts of other tests are gone."""
    cache.clear()
    now = Mock(return_value=1_000_000 * 60 + 48.0)
    monkeypatch.setattr(limits, "_now", now)
    yield now
    cache.clear()


def test_more_than_a_users_limit_waits_for_the_next_minute(settings: Any, clock: Mock) -> None:
    settings.API_REQUESTS_PER_MINUTE = 2
    users = cast.make_users()
    staff = ApiUser(users["Loyalty staff"])

    assert [staff.get("/api/tiers")[0] for _ in range(3)] == [200, 200, 429]
    response = staff.client.get("/api/tiers", headers=staff.headers)
    assert response["Retry-After"] == "12"
    assert response.json() == {
        "error": {
            "code": "too_many_requests",
            "message": "At most 2 requests a minute are taken from the user 'staff'. Try again in 12 seconds.",
            "details": [{"limit": 2, "per": "minute", "retry_after_seconds": 12}],
        }
    }
    assert ApiUser(users["Analyst"]).get("/api/tiers")[0] == 200

    clock.return_value += 12
    assert staff.get("/api/tiers")[0] == 200


def test_a_request_beyond_the_limit_changes_nothing(settings: Any, clock: Mock) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    cast.make_alice()
    integrator = ApiUser(cast.make_users()["Integrator"])
    body = {"player_id": "alice", "amount": "5.00", "source": "gift"}

    assert integrator.post("/api/wallet/add-lp", body, Idempotency_Key="a")[0] == 201
    assert integrator.post("/api/wallet/add-lp", body, Idempotency_Key="b")[0] == 429
    assert integrator.client.get("/api/players/alice/balance", headers=integrator.headers).status_code == 429

    clock.return_value += 60
    assert integrator.get("/api/players/alice/balance")[0] == 200
    assert LoyaltyBalance.objects.get(player="alice").lp_balance == 105


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer made-up"}])
def test_requests_without_a_log_in_that_holds_are_counted_by_address(
    settings: Any, clock: Mock, headers: dict[str, str]
) -> None:
    settings.API_UNKNOWN_REQUESTS_PER_MINUTE = 2

    def ask(address: str) -> int:
        return Client(REMOTE_ADDR=address).get("/api/tiers", headers=headers).status_code

    assert [ask("203.0.113.7") for _ in range(3)] == [401, 401, 429]
    assert ask("203.0.113.8") == 401
    # One customer's network of version 6, whichever of its addresses.
    assert [ask(f"2001:db8::{number}") for number in range(3)] == [401, 401, 429]


@pytest.mark.parametrize("path", ["/api/token", "/api/token/", "/api/token/refresh"])
def test_passwords_cannot_be_tried_without_end(settings: Any, clock: Mock, path: str) -> None:
    settings.API_LOGINS_PER_MINUTE = 3
    cast.make_users()
    nobody = ApiUser(None)
    body = LOGIN if "refresh" not in path else {"refresh": "made-up"}

    assert [nobody.post(path, body)[0] for _ in range(4)] == [401, 401, 401, 429]
    assert error_of(nobody.post(path, body))["code"] == "too_many_requests"


def test_whose_address_it_is_says_the_last_proxy_that_is_ours(settings: Any, clock: Mock) -> None:
    settings.API_UNKNOWN_REQUESTS_PER_MINUTE = 1
    settings.REST_FRAMEWORK = {**settings.REST_FRAMEWORK, "NUM_PROXIES": 1}

    def ask(forwarded: str) -> int:
        return Client().get("/api/tiers", headers={"X-Forwarded-For": forwarded}).status_code

    # What stands before the proxy's own entry anybody can write.
    assert [ask("198.51.100.1, 203.0.113.7"), ask("198.51.100.2, 203.0.113.7")] == [401, 429]
    assert ask("198.51.100.2, 203.0.113.9") == 401


def test_by_default_nothing_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "cache", Mock(spec=[]))
    staff = ApiUser(cast.make_users()["Loyalty staff"])

    assert [staff.get("/api/tiers")[0], ApiUser(None).get("/api/tiers")[0]] == [200, 401]


def test_while_the_cache_cannot_be_reached_requests_are_taken(
    settings: Any, clock: Mock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.API_REQUESTS_PER_MINUTE = 1
    monkeypatch.setattr(limits, "cache", Mock(add=Mock(side_effect=RedisConnectionError)))
    staff = ApiUser(cast.make_users()["Loyalty staff"])

    assert [staff.get("/api/tiers")[0] for _ in range(2)] == [200, 200]


def test_requests_at_once_are_each_counted(clock: Mock) -> None:
    taken: list[Any] = []

    def ask() -> None:
        for _ in range(50):
            try:
                limits._count("user:1", limit=120, whose="from a test")
            except limits.TooManyRequestsError:
                continue
            taken.append(1)

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == 120
