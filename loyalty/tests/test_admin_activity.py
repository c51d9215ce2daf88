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
from players.models import ActivityException, Player, PlayerDay, PlayerMetrics, SourceChange

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
    return clients_of(role)[0]


def clients_of(*roles: str) -> list[Client]:
    users, clients = cast.make_users(), []
    for role in roles:
        clients.append(Client())
        clients[-1].force_login(users[role])
    return clients


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


def chosen(step: str, numbers: list[int], **answer: str) -> dict[str, Any]:
    return {"action": step, "_selected_action": [str(number) for number in numbers], **answer}


def list_several(count: int = 3) -> list[int]:
    at = (timezone.now() - timedelta(days=3)).isoformat()
    event = {"kind": "WAGER", "player_id": "alice", "occurred_at": at, "amount": "1.00"}
    record_activity(source="other", events=[{**event, "external_id": f"late {number}"} for number in range(count)])
    return list(ActivityException.objects.values_list("pk", flat=True))


def test_many_events_are_counted_together_with_one_note(exception: ActivityException) -> None:
    client, numbers = client_of("Loyalty staff"), list_several()
    url = reverse("admin:players_activityexception_changelist")

    asked = client.post(url, {**chosen("count_chosen", numbers), "index": "0"}).content.decode()
    assert "Count 4 events" in asked
    assert "4, to be looked at" in asked
    answer: Any = client.post(url, chosen("count_chosen", numbers, text="The file missed them"), follow=True)

    assert "4 events: counted." in answer.content.decode()
    assert PlayerDay.objects.get().wagered == 15
    assert set(ActivityException.objects.values_list("status", "note")) == {("APPLIED", "The file missed them")}


def test_of_many_events_none_is_counted_where_one_cannot_be(exception: ActivityException) -> None:
    numbers = list_several()
    ActivityException.objects.filter(pk=numbers[0]).update(reason="DOES_NOT_FIT")
    url = reverse("admin:players_activityexception_changelist")

    answer = client_of("Loyalty staff").post(url, chosen("count_chosen", numbers, text="All")).content.decode()

    assert "cannot be counted: says what cannot be corrected" in answer
    assert not PlayerDay.objects.exists()
    assert set(ActivityException.objects.values_list("status", flat=True)) == {"OPEN"}


def test_many_events_are_dismissed_by_who_may(exception: ActivityException) -> None:
    numbers = list_several()
    url = reverse("admin:players_activityexception_changelist")
    body = chosen("dismiss_chosen", numbers, text="In the balance")

    analyst, staff = clients_of("Analyst", "Loyalty staff")
    analyst.post(url, body)
    assert set(ActivityException.objects.values_list("status", flat=True)) == {"OPEN"}
    staff.post(url, body)

    assert set(ActivityException.objects.values_list("status", "resolved_by")) == {("DISMISSED", "staff")}


def test_players_are_switched_to_the_feed_on_a_page() -> None:
    for player_id in ("alice", "bob"):
        cast.make_player(player_id, source="FILE")
    client, analyst = clients_of("Loyalty staff", "Analyst")
    url = reverse("admin:players_sourcechange_switch")
    form = {"source": "FEED", "reason": "Live since Monday"}

    unknown = client.post(url, {**form, "players": "alice\nnobody"}).content.decode()
    assert "there is no player &#x27;nobody&#x27;" in unknown
    assert not SourceChange.objects.exists()
    answer: Any = client.post(url, {**form, "players": " alice \nbob\nalice\n"}, follow=True)

    assert "2 players: totals come from activity feed now." in answer.content.decode()
    assert set(Player.objects.values_list("source", flat=True)) == {"FEED"}
    assert analyst.get(url).status_code == 403
