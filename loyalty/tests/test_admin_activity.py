"""The list of events that were not counted: each is counted or dismissed on a page of its own, by who may."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from players.activity import record_activity
from players.models import ActivityException, PlayerDay, PlayerMetrics

pytestmark = pytest.mark.django_db


@pytest.fixture
def exception() -> ActivityException:
    """Return an event of alice from before her opening balance."""
    cast.make_player("alice", source="FEED")
    PlayerMetrics.objects.update(totals_as_of=timezone.localdate() - timedelta(days=1))
    at = (timezone.now() - timedelta(days=3)).isoformat()
    event = {"kind": "WAGER", "external_id": "late", "player_id": "alice", "occurred_at": at, "amount": "12.00"}
    record_activity(source="platform", events=[event])
    return ActivityException.objects.get()


def client_of(role: str) -> Client:
    client = Client()
    client.force_login(cast.make_users()[role])
    return client


def page(step: str, exception: ActivityException) -> str:
    return reverse(f"admin:players_activityexception_{step}", args=[exception.pk])


def test_an_event_is_counted_by_hand(exception: ActivityException) -> None:
    client = client_of("Loyalty staff")
    shown = client.get(page("count", exception)).content.decode()
    assert "Part of the opening balance already" in shown
    assert "12.00" in shown

    answer: Any = client.post(page("count", exception), {"text": "The file missed it"}, follow=True)

    assert "Event" in answer.content.decode()
    assert PlayerDay.objects.get().wagered == 12
    exception.refresh_from_db()
    assert (exception.status, exception.note, exception.resolved_by) == ("APPLIED", "The file missed it", "staff")


def test_an_event_is_dismissed_once(exception: ActivityException) -> None:
    client = client_of("Loyalty staff")
    client.post(page("dismiss", exception), {"text": "In the balance"})

    again = client.post(page("dismiss", exception), {"text": "Again"})

    assert "is dismissed since" in again.content.decode()
    assert not PlayerDay.objects.filter(on__lt=date.today()).exists()


def test_who_may_only_look_resolves_nothing(exception: ActivityException) -> None:
    client = client_of("Analyst")

    assert client.post(page("count", exception), {"text": "x"}).status_code == 403
    assert "Count it" not in client.get(f"/admin/players/activityexception/{exception.pk}/change/").content.decode()
