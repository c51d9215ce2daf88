"""Health and metrics: who may see what."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from loyalty import probe
from reporting import gauges
from safety.models import AbuseSignal, ReviewCase
from safety.review.opening import flag_for_review
from safety.review.working import claim_case
from safety.tests.factories import make_signal
from safety.tests.review.factories import make_abuser, make_reviewer

pytestmark = pytest.mark.django_db


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


def figures_of(client: Client) -> dict[str, float]:
    lines = client.get("/metrics").content.decode().splitlines()
    return {
        name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line.startswith("loyalty_"))
    }


def test_metrics_tell_what_risk_staff_have_before_them(client: Client) -> None:
    alice, bob = make_abuser("alice"), make_abuser("bob")
    late, taken = flag_for_review("alice", "look"), flag_for_review("bob", "look")
    claim_case(case_id=taken.pk, by=make_reviewer())
    ReviewCase.objects.filter(pk=late.pk).update(due_at=timezone.now() - timedelta(hours=1), money_at_stake="12.50")
    AbuseSignal.objects.filter(player=alice).update(
        detector="MINIMUM_BETS", is_resolved=True, resolved_at=timezone.now()
    )
    for player, is_shadow in ((alice, False), (bob, True)):
        signal = make_signal(player, 5)
        AbuseSignal.objects.filter(pk=signal.pk).update(detector="MINIMUM_BETS", is_shadow=is_shadow)

    told = figures_of(client)

    assert told["loyalty_safety_figures_up"] == 1
    assert told['loyalty_review_cases{status="OPEN"}'] == told['loyalty_review_cases{status="ASSIGNED"}'] == 1
    assert told['loyalty_review_cases_overdue{status="OPEN"}'] == 1
    assert told['loyalty_review_cases_overdue{status="ASSIGNED"}'] == 0
    assert told['loyalty_review_cases_unassigned{status="OPEN"}'] == 1
    assert told['loyalty_review_cases_unassigned{status="APPEALED"}'] == 0
    assert told['loyalty_review_money_at_stake{status="OPEN"}'] == 12.5
    assert told["loyalty_rewards_pending_review"] == 0
    assert told['loyalty_abuse_signals_open{detector="MINIMUM_BETS",is_shadow="false"}'] == 1
    assert told['loyalty_abuse_signals_open{detector="MINIMUM_BETS",is_shadow="true"}'] == 1
    assert told['loyalty_detector_last_run_seconds{detector="MINIMUM_BETS"}'] == 0


def test_metrics_of_requests_are_told_though_the_database_does_not_answer(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise DatabaseError

    monkeypatch.setattr(gauges, "fetch_rows", refuse)

    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert "django_http_requests" in answer.content.decode()
    assert figures_of(client) == {"loyalty_safety_figures_up": 0}


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
