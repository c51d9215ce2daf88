"""Review cases in the API: the queue, one case, every step, and what each refuses."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from rewards.tests.factories import decision, evaluate, make_player, make_rule
from safety.models import AbuseSignal, ReviewCase

pytestmark = pytest.mark.django_db
CASES = "/api/review/cases"


@pytest.fixture
def users() -> dict[str, User]:
    return cast.make_users()


@pytest.fixture
def risk(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Risk"])


def make_waiting(player_id: str = "alice") -> ReviewCase:
    """Return the case of a player whose reward of ten waits."""
    player = make_player(player_id, bonus_abuse_score=100)
    for _ in range(2):
        AbuseSignal.objects.create(
            player=player, signal_type="SHARED_DEVICE", severity=10, metadata={"devices": ["D-17"]}
        )
    make_rule(reward={"wagering_requirement": 10})
    evaluate()
    return ReviewCase.objects.get(player_id=player_id)


def test_a_case_goes_its_way_through_the_api(risk: ApiUser, users: dict[str, User]) -> None:
    case = make_waiting()
    path = f"{CASES}/{case.pk}"

    assert risk.post(f"{path}/claim", {})[1]["assigned_to"] == "risk"
    assert risk.post(f"{path}/notes", {"text": "Called the player"})[0] == 201
    assert risk.post(f"{path}/links", {"url": "https://tickets.example/1", "text": "Complaint"})[0] == 201
    status, decided = risk.post(f"{path}/decide", {"outcome": "CONFIRMED", "reason": "Five accounts on a device"})
    assert (status, decided["status"], decided["outcome"]) == (200, "DECIDED", "CONFIRMED")
    assert [one["verdict"] for one in decided["evidence"]] == ["REJECTED", None]

    status, filed = ApiUser(users["Integrator"]).post(f"{path}/appeal", {"text": "It was my brother"})
    assert (status, filed["status"]) == (201, "APPEALED")
    assert error_of(risk.post(f"{path}/claim", {}))["code"] == "second_person_needed"
    second = ApiUser(users["Superuser"])
    second.post(f"{path}/claim", {})
    second.post(f"{path}/decide", {"outcome": "DISMISSED", "reason": "He is right"})

    _, shown = risk.get(path)
    acts = [event["act"] for event in reversed(shown["events"])]
    assert acts[-5:] == ["REWARDS", "APPEALED", "CLAIMED", "DECIDED", "REWARDS"]
    assert (decision().verdict, str(decision().amount_given)) == ("APPROVED", "10.00")
    assert {signal["outcome"] for signal in shown["signals"]} == {"DISMISSED"}


def test_the_queue_shows_what_matters_most_first_and_only_what_is_undecided(risk: ApiUser) -> None:
    make_waiting("alice")
    make_player("bob")
    risk.post(CASES, {"player_id": "bob", "reason": "Two names on one card"})
    closed = ReviewCase.objects.get(player_id="bob")
    make_player("carl")
    risk.post(CASES, {"player_id": "carl", "reason": "Why"})
    risk.post(f"{CASES}/{closed.pk}/claim", {})
    risk.post(f"{CASES}/{closed.pk}/decide", {"outcome": "DISMISSED", "reason": "Fine"})

    def found(query: str = "") -> list[str]:
        return [case["player_id"] for case in risk.get(f"{CASES}{query}")[1]["results"]]

    assert found() == ["alice", "carl"]
    assert found("?cause=FLAG") == ["carl"]
    assert found("?status=DECIDED") == ["bob"]
    assert found("?status=ALL&player_id=bob") == ["bob"]
    assert found("?assigned_to=nobody") == ["alice", "carl"]
    assert found("?assigned_to=risk") == []
    assert found("?is_overdue=true") == []
    assert found("?ring_number=3") == []


def test_a_list_of_many_cases_asks_no_more_queries(risk: ApiUser) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert risk.get(CASES)[0] == 200
        return len(captured)

    make_player("P1")
    risk.post(CASES, {"player_id": "P1", "reason": "Why"})
    one = queries()
    for number in range(2, 8):
        make_player(f"P{number}")
        risk.post(CASES, {"player_id": f"P{number}", "reason": "Why"})

    assert queries() == one


@pytest.mark.parametrize(
    ("step", "body", "status", "said"),
    [
        ("decide", {"outcome": "CONFIRMED", "reason": "Seen"}, 409, "claim it before deciding it"),
        ("decide", {"outcome": "GUILTY", "reason": "Seen"}, 400, "GUILTY"),
        ("decide", {"outcome": "PARTIAL", "reason": "Seen", "signals": {"x": "CONFIRMED"}}, 400, "'x' is no id"),
        ("decide", {"outcome": "PARTIAL", "reason": "Seen", "signals": {"1": "MAYBE"}}, 400, "MAYBE"),
        ("decide", {"outcome": "CONFIRMED", "reason": "Seen", "verdict": 1}, 400, "not known"),
        ("notes", {"text": ""}, 400, "blank"),
        ("links", {"url": "javascript:alert(1)", "text": "x"}, 422, "an address such as"),
        ("assign", {"username": "analyst"}, 422, "who may decide review cases is needed"),
        ("release", {}, 409, "is nobody's"),
        ("appeal", {"text": "Why"}, 409, "only a decided one is appealed"),
        ("appeal", {"text": "Why", "source": "MOTHER"}, 400, "MOTHER"),
    ],
)
def test_what_cannot_be_done_says_why_and_changes_nothing(
    risk: ApiUser, step: str, body: dict[str, Any], status: int, said: str
) -> None:
    case = make_waiting()
    before = case.events.count()

    answer = risk.post(f"{CASES}/{case.pk}/{step}", body)

    assert answer[0] == status, answer
    assert said in str(answer[1])
    case.refresh_from_db()
    assert (case.status, case.events.count()) == ("OPEN", before)


def test_an_unknown_case_and_an_unknown_player_are_named(risk: ApiUser) -> None:
    assert error_of(risk.get(f"{CASES}/17"))["message"] == "there is no review case 17"
    assert error_of(risk.post(CASES, {"player_id": "dora", "reason": "Why"}))["code"] == "not_found"


def test_evidence_that_joined_since_is_a_conflict_that_names_it(risk: ApiUser) -> None:
    case = make_waiting()
    risk.post(f"{CASES}/{case.pk}/claim", {})
    seen = {str(number): "DISMISSED" for number in case.signals.values_list("pk", flat=True)[:1]}

    answer = risk.post(f"{CASES}/{case.pk}/decide", {"outcome": "DISMISSED", "reason": "Fine", "signals": seen})

    assert (answer[0], error_of(answer)["code"]) == (409, "review_outdated")


def test_a_ring_is_claimed_and_decided_with_one_reason(risk: ApiUser) -> None:
    cases = [make_waiting(player_id) for player_id in ("alice", "bob")]
    ReviewCase.objects.update(ring_number=7)
    numbers = list(AbuseSignal.objects.order_by("id").values_list("pk", flat=True))
    asked = {"cases": {str(case.pk): "CONFIRMED" for case in cases}, "reason": "One card", "signals": numbers[:3]}

    _, claimed = risk.post("/api/review/rings/7/claim", {})
    refused = risk.post("/api/review/rings/7/decide", asked)
    _, decided = risk.post("/api/review/rings/7/decide", {**asked, "signals": numbers})

    assert [case["assigned_to"] for case in claimed] == ["risk"] * 2
    assert (refused[0], error_of(refused)["code"]) == (409, "review_outdated")
    assert {(case["player_id"], case["outcome"]) for case in decided} == {
        ("alice", "CONFIRMED"), ("bob", "CONFIRMED"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "status_code", "says"),
    [
        ({"cases": {"x": "CONFIRMED"}, "reason": "One card"}, 400, "is no id of a case"),
        ({"cases": {"1": "PARTIAL"}, "reason": "One card"}, 400, "PARTIAL"),
        ({"cases": {}, "reason": "One card"}, 422, "1 to 500 of the ring"),
        ({"cases": {"1": "CONFIRMED"}, "reason": ""}, 400, "reason"),
        ({"cases": {"99999999": "CONFIRMED"}, "reason": "One card"}, 409, "is not one of ring 7"),
    ],
)
def test_a_ring_that_cannot_be_decided_says_why(
    risk: ApiUser, asked: dict[str, Any], status_code: int, says: str
) -> None:
    status, answer = risk.post("/api/review/rings/7/decide", asked)

    assert status == status_code
    assert says in str(answer)
    assert risk.post("/api/review/rings/7/claim", {})[0] == 404
