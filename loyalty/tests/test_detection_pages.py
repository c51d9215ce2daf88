"""Detectors and rings in the admin, and looking at one player through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Activity
from safety.detection.catalogue import shipped_thresholds
from safety.detection.labelling import signals_to_label
from safety.detection.running import detect_everybody, look_at_player
from safety.detection.thresholds import as_json
from safety.models import AbuseSignal, Detector, DetectorChange, ReviewCase, Ring, SignalLabel
from safety.review.opening import open_ring_cases
from wallet.models import Lot

pytestmark = pytest.mark.django_db
CODE = "CLAIMS_UNDER_LIMITS"


@pytest.fixture
def users() -> dict[str, Any]:
    return cast.make_users()


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user)
    return client


def make_ring(size: int) -> None:
    """Have players share a device and bonuses, and look for rings."""
    at = timezone.now() - timedelta(hours=5)
    for number in range(size):
        player = cast.make_player(f"ring{number:02}")
        Lot.objects.create(
            player=player,
            operation_id=0,
            currency_type="BONUS",
            kind="REWARD",
            amount=20,
            remaining=0,
            granted_on=at.date(),
            created_at=at,
        )
        Activity.objects.create(
            player=player, kind="SESSION", source="t", external_id=str(number), occurred_at=at, device_id="SHARED-1"
        )
    detect_everybody()


def change_url(code: str = CODE) -> str:
    return reverse("admin:safety_detector_change", args=[code])


def form(**changes: Any) -> dict[str, Any]:
    inline = {"changes-TOTAL_FORMS": "0", "changes-INITIAL_FORMS": "0"}
    return {"mode": "SHADOW", "severity": "3", "thresholds": "", "reason": "seen enough", **inline, **changes}


def test_the_list_of_detectors_shows_each_with_its_figures(users: dict[str, Any]) -> None:
    make_ring(3)

    page = client_of(users["Analyst"]).get(reverse("admin:safety_detector_changelist")).content.decode()

    assert "Accounts in a ring" in page
    assert "Claims just under limits" in page


def test_the_list_of_rings_says_how_many_of_their_cases_are_to_decide(users: dict[str, Any]) -> None:
    make_ring(3)
    client, address = client_of(users["Risk"]), reverse("admin:safety_ring_changelist")
    assert " of 3</a>" not in client.get(address).content.decode()

    open_ring_cases(ring_number=Ring.objects.get().pk, reasons=dict.fromkeys(["ring00", "ring01", "ring02"], "look"))

    assert ">3 of 3</a>" in client.get(address).content.decode()


def test_risk_staff_change_thresholds_and_the_change_is_on_record(users: dict[str, Any]) -> None:
    answer = client_of(users["Risk"]).post(change_url(), form(severity="4", thresholds='{"times_min": 4}'))

    assert answer.status_code == 302
    row = Detector.objects.get(pk=CODE)
    assert (row.severity, row.thresholds["times_min"]) == (4, 4)
    kept = DetectorChange.objects.get()
    assert (kept.changed_by, kept.reason) == (users["Risk"], "seen enough")
    assert LogEntry.objects.filter(object_id=CODE).count() == 1
    page = client_of(users["Risk"]).get(change_url()).content.decode()
    assert "times_min: 3 → 4" in page


def test_a_wrong_threshold_stands_in_the_form_with_its_path(users: dict[str, Any]) -> None:
    page = client_of(users["Risk"]).post(change_url(), form(thresholds='{"within_rat": 0.1}')).content.decode()

    assert "thresholds.within_rat is no threshold of this detector: did you mean" in page
    assert Detector.objects.get(pk=CODE).thresholds == {}


def test_switching_on_asks_for_confirmation_and_shows_the_figures(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])

    page = client.post(change_url(), form(mode="ACTIVE")).content.decode()
    assert "Its signals would count from now on; nobody has judged one of its signals yet. Only 0 of its" in page
    assert Detector.objects.get(pk=CODE).mode == "SHADOW"

    client.post(change_url(), form(mode="ACTIVE", confirmed="on"))
    assert Detector.objects.get(pk=CODE).mode == "ACTIVE"
    assert DetectorChange.objects.get().precision["signals"] == 0


def test_others_look_at_detectors_and_change_none(users: dict[str, Any]) -> None:
    client = client_of(users["Loyalty staff"])

    assert client.get(change_url()).status_code == 200
    assert client.post(change_url(), form(severity="9")).status_code == 403
    assert Detector.objects.get(pk=CODE).severity == 3


def test_a_detectors_page_costs_the_same_for_more_changes(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])
    client.post(change_url(), form(severity="4"))
    client.get(change_url())

    with CaptureQueriesContext(connection) as few:
        client.get(change_url())
    for severity in ("5", "6"):
        client.post(change_url(), form(severity=severity))
    with CaptureQueriesContext(connection) as many:
        client.get(change_url())

    assert DetectorChange.objects.count() == 3
    assert len(many) == len(few)


def test_a_rings_page_shows_its_members_and_costs_the_same_for_more_of_them(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])
    make_ring(3)
    url = reverse("admin:safety_ring_change", args=[Ring.objects.get().pk])
    client.get(url)

    with CaptureQueriesContext(connection) as few:
        page = client.get(url).content.decode()
    assert all(f"ring{number:02}" in page for number in range(3))
    assert "SHARED-1" in page
    Ring.objects.get().members.create(
        player=cast.make_player("late"), joined_at=timezone.now(), last_seen_at=timezone.now()
    )
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(few)


def test_a_signals_page_shows_figures_events_and_the_thresholds_in_force(users: dict[str, Any]) -> None:
    make_ring(3)
    signal = AbuseSignal.objects.filter(detector="SHARED_DEVICE")[0]

    page = client_of(users["Risk"]).get(reverse("admin:safety_abusesignal_change", args=[signal.pk])).content.decode()

    assert "One of 3 accounts that share 1 devices" in page
    assert "SHARED-1" in page
    assert "Device users max" in page


def shadow_ring(size: int) -> list[AbuseSignal]:
    Detector.objects.filter(pk="SHARED_DEVICE").update(mode="SHADOW")
    make_ring(size)
    return list(signals_to_label("SHARED_DEVICE"))


def test_a_sample_of_shadow_signals_leads_from_one_to_the_next_and_shows_the_precision(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])
    first, second, third = shadow_ring(3)
    judge_url = reverse("admin:safety_abusesignal_judge", args=[first.pk])

    asked = client.get(reverse("admin:safety_detector_sample", args=["SHARED_DEVICE"]))
    assert asked["Location"] == judge_url
    page = client.get(judge_url).content.decode()
    assert "One of 3 accounts that share 1 devices" in page
    assert f"{reverse('admin:safety_link_changelist')}?q=SHARED-1" in page

    done = client.post(judge_url, {"finding": "CONFIRMED", "note": "one bank card"}, follow=True)
    assert done.redirect_chain[-1][0] == reverse("admin:safety_abusesignal_judge", args=[second.pk])
    assert "100 % confirmed (1 of 1 judged players; 95 % interval 21–100 %)" in done.content.decode()
    left = client.get(reverse("admin:safety_detector_sample", args=["SHARED_DEVICE"]), {"after": second.pk})
    assert left["Location"] == reverse("admin:safety_abusesignal_judge", args=[third.pk])

    page = client.get(change_url("SHARED_DEVICE")).content.decode()
    assert "Only 1 of its players were judged, 20 are wanted: judge a sample of its signals." in page
    kept = client.get(reverse("admin:safety_abusesignal_change", args=[first.pk])).content.decode()
    assert "Confirmed by" in kept
    assert ": one bank card" in kept


def test_others_do_not_judge_and_a_signal_that_counts_is_not_judged_here(users: dict[str, Any]) -> None:
    signal, *_ = shadow_ring(3)
    url = reverse("admin:safety_abusesignal_judge", args=[signal.pk])
    assert client_of(users["Analyst"]).post(url, {"finding": "CONFIRMED"}).status_code == 403

    AbuseSignal.objects.update(is_shadow=False)
    page = client_of(users["Risk"]).post(url, {"finding": "CONFIRMED"}).content.decode()
    assert "its review case decides it" in page
    assert SignalLabel.objects.count() == 0


def test_a_preview_shows_whom_other_settings_would_hit_and_writes_nothing(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])
    make_ring(4)
    kept = list(AbuseSignal.objects.order_by("id").values())
    url = reverse("admin:safety_detector_preview", args=["SHARED_DEVICE"])

    page = client.post(url, {"severity": "10", "thresholds": '{"members_min": 4}'}).content.decode()

    assert "4 players found" in page
    assert "0 without an open signal of it now" in page
    # 5 × 7 is a reduced reward already, 5 × 10 too.
    assert page.count('<td>rewards reduced</td><td class="house-amount">4</td><td class="house-amount">4</td>') == 1
    assert "ring00" in page
    assert "members_min%22%3A+4" in page
    assert list(AbuseSignal.objects.order_by("id").values()) == kept

    page = client.post(url, {"severity": "7", "thresholds": '{"members_min": 5}'}).content.decode()
    assert "0 players found" in page
    assert "4 with an open signal that would not be found again" in page


def test_a_preview_names_what_is_wrong_and_leads_to_the_settings_it_showed(users: dict[str, Any]) -> None:
    client = client_of(users["Risk"])
    url = reverse("admin:safety_detector_preview", args=["SHARED_DEVICE"])

    page = client.post(url, {"severity": "7", "thresholds": '{"members_min": 1}'}).content.decode()
    assert "thresholds.members_min is 1: a whole number from 2" in page

    proposed = client.get(change_url("SHARED_DEVICE"), {"severity": "9", "thresholds": '{"members_min": 6}'})
    assert "&quot;members_min&quot;: 6" in proposed.content.decode()
    assert client.get(change_url("SHARED_DEVICE"), {"thresholds": "{"}).status_code == 200
    assert client_of(users["Analyst"]).get(url).status_code == 200


def test_the_page_of_a_case_shows_a_detectors_evidence_with_links(users: dict[str, Any]) -> None:
    make_ring(3)
    look_at_player("ring00")
    case = ReviewCase.objects.get(player="ring00")

    page = client_of(users["Risk"]).get(reverse("admin:safety_reviewcase_change", args=[case.pk])).content.decode()

    assert f"{reverse('admin:safety_link_changelist')}?q=SHARED-1" in page
    assert reverse("admin:safety_ring_change", args=[Ring.objects.get().pk]) in page


def test_risk_staff_look_at_a_player_through_the_api(users: dict[str, Any]) -> None:
    make_ring(3)
    AbuseSignal.objects.all().delete()

    status, body = ApiUser(users["Risk"]).post("/api/players/ring00/detect", {})

    assert status == 200
    # 5 × 7 for the ring.
    assert (body["player_id"], body["abuse_score"]) == ("ring00", 35)
    (found,) = body["signals"]
    assert found["detector"] == "SHARED_DEVICE"
    assert found["evidence"]["figures"]["members"] == 3
    assert found["evidence"]["thresholds"] == as_json(shipped_thresholds("SHARED_DEVICE"))
    # Whoever is of a ring is looked at by a person.
    assert ReviewCase.objects.get().player_id == "ring00"


def test_an_unknown_player_is_answered_with_404(users: dict[str, Any]) -> None:
    answer = ApiUser(users["Risk"]).post("/api/players/nobody/detect", {})

    assert (answer[0], error_of(answer)["code"]) == (404, "not_found")
