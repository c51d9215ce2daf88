"""The review queue in the admin: what it lists, what a case shows, and each step on a page that asks first."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.test_api_reviewing import make_waiting
from rewards.admin.reviewing.pages import due_in_words, evidence_in_words, length_in_words
from rewards.tests.factories import decision, evaluate, make_player, make_rule
from safety.models import AbuseSignal, ReviewCase, Ring, RingMember
from safety.review.opening import flag_for_review
from safety.tests.review.factories import make_ring

pytestmark = pytest.mark.django_db
QUEUE = "admin:safety_reviewcase_changelist"


@pytest.fixture
def users() -> dict[str, User]:
    return cast.make_users()


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(case: ReviewCase, name: str = "change") -> str:
    return reverse(f"admin:safety_reviewcase_{name}", args=[case.pk])


def test_a_case_is_claimed_and_decided_signal_by_signal(users: dict[str, User]) -> None:
    case, client = make_waiting(), client_of(users["Risk"])
    strong, weak = case.signals.order_by("id")

    shown = client.get(page(case)).content.decode()
    assert page(case, "claim") in shown
    assert page(case, "decide") not in shown
    assert "D-17" in shown
    assert client.post(page(case, "claim"), {"text": "I look at it"}).status_code == 302
    assert f"signal_{strong.pk}" in client.get(page(case, "decide")).content.decode()
    answers = {f"signal_{strong.pk}": "CONFIRMED", f"signal_{weak.pk}": "DISMISSED", "text": "One of two"}
    answer = client.post(page(case, "decide"), answers, follow=True).content.decode()

    assert "Confirmed in part" in answer
    assert "score 100 → 50" in answer
    assert list(AbuseSignal.objects.order_by("id").values_list("outcome", flat=True)) == ["CONFIRMED", "DISMISSED"]
    assert (decision().verdict, str(decision().amount_given)) == ("REDUCED", "5.00")


def test_who_decided_is_not_offered_the_appeal_and_told_so(users: dict[str, User]) -> None:
    case, client = make_waiting(), client_of(users["Risk"])
    client.post(page(case, "claim"), {"text": ""})
    answers = {f"signal_{signal.pk}": "CONFIRMED" for signal in case.signals.all()}
    client.post(page(case, "decide"), {**answers, "text": "Five accounts"})

    client.post(page(case, "appeal"), {"source": "PLAYER", "text": "It was my brother"})
    answer = client.post(page(case, "claim"), {"text": ""}).content.decode()

    assert "somebody else must decide the appeal" in answer
    assert "It was my brother" in client.get(page(case)).content.decode()


def test_evidence_that_joined_while_the_page_was_open_is_not_judged_unseen(users: dict[str, User]) -> None:
    case, client = make_waiting(), client_of(users["Risk"])
    client.post(page(case, "claim"), {"text": ""})
    answers = {f"signal_{signal.pk}": "DISMISSED" for signal in case.signals.all()}
    AbuseSignal.objects.create(player=case.player, signal_type="LATE", severity=1, case=case)

    answer = client.post(page(case, "decide"), {**answers, "text": "Fine"})

    assert answer.status_code == 200
    case.refresh_from_db()
    assert case.status == "ASSIGNED"


def test_a_case_of_a_person_is_decided_with_what_was_found(users: dict[str, User]) -> None:
    make_player("alice")
    case, client = flag_for_review("alice", "Two names on one card"), client_of(users["Risk"])
    client.post(page(case, "claim"), {"text": ""})

    client.post(page(case, "decide"), {"outcome": "CONFIRMED", "severity": "8", "text": "It is his uncle's"})

    assert AbuseSignal.objects.get().signal_type == "STAFF_FINDING"


def test_a_player_is_flagged_on_a_page_that_says_what_is_wrong(users: dict[str, User]) -> None:
    make_player("alice")
    client, flag = client_of(users["Loyalty staff"]), reverse("admin:safety_reviewcase_flag")

    refused = client.post(flag, {"player_id": "dora", "reason": "Two names"}).content.decode()
    answer = client.post(flag, {"player_id": "alice", "reason": "Two names"}, follow=True).content.decode()

    assert "there is no player &#x27;dora&#x27;" in refused
    assert "Player alice is under review" in answer
    assert ReviewCase.objects.get().opened_by == users["Loyalty staff"]
    assert client_of(users["Analyst"]).get(flag).status_code == 403


@pytest.mark.parametrize("step", ["claim", "decide", "note", "link", "assign", "release"])
def test_who_may_only_look_takes_no_step(users: dict[str, User], step: str) -> None:
    case, client = make_waiting(), client_of(users["Analyst"])

    assert client.get(page(case)).status_code == 200
    assert client.post(page(case, step), {"text": "x"}).status_code == 403
    case.refresh_from_db()
    assert case.status == "OPEN"


def test_notes_links_and_assignment_stand_in_the_history(users: dict[str, User]) -> None:
    case, client = make_waiting(), client_of(users["Risk"])

    client.post(page(case, "note"), {"text": "Called the player"})
    client.post(page(case, "link"), {"url": "https://tickets.example/4711", "text": "Complaint"})
    client.post(page(case, "assign"), {"text": users["Superuser"].pk})
    shown = client.get(page(case)).content.decode()

    assert "Called the player" in shown
    assert "https://tickets.example/4711" in shown
    assert "to admin" in shown or users["Superuser"].username in shown
    assert client.post(page(case, "assign"), {"text": users["Analyst"].pk}).status_code == 200


def test_the_queue_lists_what_is_undecided_and_its_parts(users: dict[str, User]) -> None:
    make_player("alice")
    make_player("bob")
    alice, bob = flag_for_review("alice", "Why"), flag_for_review("bob", "Why")
    client = client_of(users["Risk"])
    client.post(page(alice, "claim"), {"text": ""})
    ReviewCase.objects.filter(pk=bob.pk).update(due_at=timezone.now() - timedelta(hours=3))

    def listed(part: str) -> set[int]:
        found = client.get(reverse(QUEUE), {"queue": part} if part else {}).context["cl"].result_list
        return {case.pk for case in found}

    assert listed("") == listed("all") == {alice.pk, bob.pk}
    assert listed("mine") == {alice.pk}
    assert listed("free") == listed("overdue") == {bob.pk}
    assert listed("appeals") == listed("decided") == set()


def test_the_page_of_a_case_asks_no_more_queries_for_more_evidence(users: dict[str, User]) -> None:
    case, client = make_waiting(), client_of(users["Risk"])

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page(case)).status_code == 200
        return len(captured)

    client.post(page(case, "note"), {"text": "One"})
    few = queries()
    for number in range(8):
        AbuseSignal.objects.create(player=case.player, signal_type="MORE", severity=1, case=case)
        client.post(page(case, "note"), {"text": f"Note {number}"})

    assert queries() == few


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(hours=48), "2 days"),
        (timedelta(days=30), "30 days"),
    ],
)
def test_lengths_of_time_are_told_by_their_largest_unit(length: timedelta, words: str) -> None:
    now = timezone.now()

    assert length_in_words(length) == words
    assert due_in_words(now + length, now=now) == f"in {words}"
    assert due_in_words(now - length, now=now) == f"{words} ago"


def test_evidence_is_told_in_words() -> None:
    metadata = {"shared_devices": ["D-17", "D-20"], "bonus": {"given": 3, "wagered_alone": True}, "ip": None}

    assert list(evidence_in_words(metadata)) == [
        ("shared devices", "D-17, D-20"),
        ("bonus", "given 3; wagered alone yes"),
        ("ip", "not known"),
    ]


def make_ring_of_waiting(count: int = 3) -> Ring:
    """Return a ring of players whose reward of ten waits, each with a case."""
    ring = make_ring()
    for number in range(count):
        player = make_player(f"P{number:02}", bonus_abuse_score=100)
        RingMember.objects.create(ring=ring, player=player, joined_at=timezone.now(), last_seen_at=timezone.now())
        AbuseSignal.objects.create(
            player=player, signal_type="SHARED_DEVICE", severity=10, ring=ring, description="One of 3 accounts."
        )
        AbuseSignal.objects.create(player=player, signal_type="QUICK_WITHDRAWAL", severity=10, description="In 2 hours")
    make_rule(reward={"wagering_requirement": 10})
    evaluate()
    return ring


def test_a_ring_is_claimed_and_decided_on_one_page(users: dict[str, User]) -> None:
    ring, client = make_ring_of_waiting(), client_of(users["Risk"])
    first, second, third = ReviewCase.objects.order_by("player_id")

    assert page(first, "claim_ring") in client.get(page(first)).content.decode()
    claimed = client.post(page(first, "claim_ring"), follow=True).content.decode()
    asked = client.get(page(first, "decide_ring")).content.decode()
    seen = client.get(page(first, "decide_ring")).context["form"]["seen"].initial
    answers = {"outcome": "CONFIRMED", f"case_{second.pk}": "DISMISSED", f"case_{third.pk}": "LEFT", "seen": seen}
    answer = client.post(page(first, "decide_ring"), {**answers, "text": "One card"}, follow=True).content.decode()

    assert f"Ring {ring.pk}: 3 cases are yours." in claimed
    assert page(first, "decide_ring") in claimed
    # What all have in common is said once, and nobody asks for a severity that nothing needs.
    assert asked.count("One of 3 accounts.") == 1
    assert asked.count("In 2 hours") == 3
    assert "How severe" not in asked
    assert f"Ring {ring.pk}: 2 cases decided." in answer
    assert f"with ring {ring.pk}" in answer
    assert list(ReviewCase.objects.order_by("player_id").values_list("outcome", flat=True)) == [
        "CONFIRMED", "DISMISSED", "",
    ]  # fmt: skip


def test_a_signal_that_joined_while_the_page_was_open_leaves_the_ring_undecided(users: dict[str, User]) -> None:
    make_ring_of_waiting()
    client, first = client_of(users["Risk"]), ReviewCase.objects.earliest("player_id")
    client.post(page(first, "claim_ring"))
    seen = client.get(page(first, "decide_ring")).context["form"]["seen"].initial
    AbuseSignal.objects.create(player=first.player, signal_type="LATE", severity=1, case=first)

    answer = client.post(page(first, "decide_ring"), {"outcome": "CONFIRMED", "seen": seen, "text": "One card"})

    assert "look at the case again" in answer.content.decode()
    assert not ReviewCase.objects.filter(status="DECIDED").exists()


def test_the_page_of_a_ring_asks_for_as_many_statements_however_large_it_is(users: dict[str, User]) -> None:
    make_ring_of_waiting(6)
    client, asked = client_of(users["Risk"]), []
    cases = list(ReviewCase.objects.order_by("player_id"))
    for case in cases[:2]:
        client.post(page(case, "claim"), {"text": ""})
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            client.get(page(cases[0], "decide_ring"))
        asked.append(len(queries))
        client.post(page(cases[0], "claim_ring"))

    assert asked[0] == asked[1]


def test_who_may_only_look_decides_no_ring(users: dict[str, User]) -> None:
    make_ring_of_waiting()
    case, client = ReviewCase.objects.earliest("player_id"), client_of(users["Analyst"])

    assert client.post(page(case, "claim_ring")).status_code == 403
    assert client.post(page(case, "decide_ring"), {"outcome": "CONFIRMED", "text": "x"}).status_code == 403


def test_all_members_of_a_ring_are_reviewed_from_its_page(users: dict[str, User]) -> None:
    ring, client = make_ring(), client_of(users["Risk"])
    for player_id in ("alice", "bob"):
        player = make_player(player_id)
        RingMember.objects.create(ring=ring, player=player, joined_at=timezone.now(), last_seen_at=timezone.now())
    flag_for_review("alice", "Two names on one card")
    url = reverse("admin:safety_ring_review", args=[ring.pk])

    client.post(url, {"text": "One card"})
    shown = client.get(reverse("admin:safety_ring_change", args=[ring.pk])).content.decode()

    assert set(ReviewCase.objects.values_list("player_id", "cause", "ring_number")) == {
        ("alice", "FLAG", ring.pk), ("bob", "RING", ring.pk),
    }  # fmt: skip
    assert "2 cases, 2 undecided" in shown
    assert client_of(users["Analyst"]).post(url, {"text": "One card"}).status_code == 403


def test_a_long_reason_leaves_the_rows_of_the_queue_one_line_high(users: dict[str, User]) -> None:
    make_player("alice")
    flag_for_review("alice", "Two names on one card. " * 10)

    shown = client_of(users["Risk"]).get(reverse(QUEUE)).content.decode()

    assert "Two names on one card. Tw…</span>" in shown
