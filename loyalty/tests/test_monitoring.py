"""Health and metrics: who may see what."""

import pytest
from django.test import Client
from pytest_django import Settings

from loyalty import probe


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "203.0.113.7"}, 403),
    ],
)
def test_without_a_token_metrics_are_for_this_machine_only(
    client: Client, headers: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", headers=headers).status_code == status


@pytest.mark.parametrize(("shown", "status"), [("Bearer right", 200), ("Bearer wrong", 403), ("", 403)])
def test_with_a_token_metrics_are_for_those_who_show_it(
    client: Client, settings: Settings, shown: str, status: int
) -> None:
    settings.METRICS_TOKEN = "right"

    assert client.get("/metrics", headers={"Authorization": shown}).status_code == status


def test_staff_may_read_metrics(admin_client: Client, settings: Settings) -> None:
    settings.METRICS_TOKEN = "right"

    assert admin_client.get("/metrics").status_code == 200


@pytest.mark.django_db(transaction=True)
def test_health_names_what_is_wrong_and_gives_no_address_away(client: Client, settings: Settings) -> None:
    settings.QUEUE_URL = "redis://127.0.0.1:1/0"

    answer = client.get("/health/?format=json")

    assert answer.status_code == 500
    assert answer.json()["Database(alias='default')"] == "OK"
    assert answer.json()["Queue()"] != "OK"
    assert "127.0.0.1" not in answer.content.decode()


def test_a_request_keeps_the_id_its_proxy_gave_it(client: Client) -> None:
    assert client.get("/health/", headers={"X-Request-ID": "abc"})["X-Request-ID"] == "abc"
    assert len(client.get("/metrics")["X-Request-ID"]) == 32


def test_the_probe_says_no_where_nobody_answers() -> None:
    assert not probe.is_healthy(1)
