"""Restrictions through the API: imposed on a player's word, never ended early, lifted by two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import LiftRequest, PlayerRestriction
from wallet.models import Lot

RESTRICTIONS = "/api/restrictions"
WORD = {"source": "the player", "reason": "Asked in the app"}


@pytest.fixture
def users(db: None) -> dict[str, User]:
    users = cast.make_users()
    cast.make_bob()
    return users


@pytest.fixture
def integrator(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Integrator"])


@pytest.fixture
def risk(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Risk"])


def impose(user: ApiUser, kind: str = "SELF_EXCLUDED", **changes: Any) -> tuple[int, Any]:
    return user.post(RESTRICTIONS, {"player_id": "bob", "kind": kind, **WORD, **changes})


def step(user: ApiUser, name: str, **body: Any) -> tuple[int, Any]:
    return user.post(f"{RESTRICTIONS}/{PlayerRestriction.objects.get().pk}/{name}", body or WORD)


def test_an_integrator_excludes_a_player_and_the_bonus_ends(integrator: ApiUser) -> None:
    status, answer = impose(integrator, evidence={"screen": 4}, external_reference="R1")

    assert status == 201
    assert (answer["player_id"], answer["kind"], answer["is_in_force"], answer["has_taken_effect"]) == (
        "bob",
        "SELF_EXCLUDED",
        True,
        True,
    )
    assert (answer["created_by"], answer["evidence"], answer["ends_at"]) == ("integrator", {"screen": 4}, None)
    assert Lot.objects.get().status == "CANCELLED"


def test_the_same_reference_again_answers_the_same(integrator: ApiUser) -> None:
    _, first = impose(integrator, external_reference="R1")

    status, again = impose(integrator, external_reference="R1")

    assert (status, again["restriction_id"]) == (201, first["restriction_id"])


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"kind": "FRIEND"}, 400, "invalid_input"),
        ({"until": "2020-01-01T00:00:00Z"}, 422, "invalid_input"),
        ({"player_id": "nobody"}, 404, "not_found"),
        ({"reason": ""}, 400, "invalid_input"),
        ({"evidence": "a letter"}, 400, "invalid_input"),
        ({"extra": 1}, 400, "invalid_input"),
    ],
)
def test_what_cannot_be_is_refused(integrator: ApiUser, changes: dict[str, Any], status: int, code: str) -> None:
    answer = integrator.post(RESTRICTIONS, {"player_id": "bob", "kind": "BLOCKED", **WORD, **changes})

    assert (answer[0], error_of(answer)["code"]) == (status, code)
    assert not PlayerRestriction.objects.exists()


def test_nobody_lifts_an_exclusion_early(integrator: ApiUser, risk: ApiUser) -> None:
    impose(integrator)

    refused = [step(integrator, "lift"), step(risk, "lift"), step(risk, "move-end", **WORD, until=_soon())]

    assert [(answer[0], error_of(answer)["code"]) for answer in refused] == [(409, "restriction_not_liftable")] * 3
    assert "earliest_at" in error_of(refused[0])["details"][0]


def _soon() -> str:
    return (timezone.now() + timedelta(days=1)).isoformat()


def test_after_its_minimum_one_asks_and_another_decides(integrator: ApiUser, risk: ApiUser) -> None:
    impose(integrator, "RG_HARM")

    status, asked = step(integrator, "lift")
    decided = step(risk, "decide-lift", is_granted=True, note="Assessment passed")

    assert (status, asked["is_lifted"], asked["earliest_at"] is not None) == (200, False, True)
    assert (decided[0], decided[1]["is_lifted"]) == (200, True)
    assert LiftRequest.objects.get().is_granted


def test_who_asked_does_not_decide(risk: ApiUser) -> None:
    impose(risk, "RG_HARM")
    step(risk, "lift")

    answer = step(risk, "decide-lift", is_granted=True, note="Fine")

    assert (answer[0], error_of(answer)["code"]) == (409, "second_person_needed")


def test_an_exclusion_of_the_wrong_player_is_corrected_by_two(integrator: ApiUser, risk: ApiUser) -> None:
    impose(integrator)
    address = f"{RESTRICTIONS}/{PlayerRestriction.objects.get().pk}"
    right = cast.make_carol().restrictions.get()
    body = {**WORD, "evidence": {"call": 17}, "right_restriction_id": right.pk}
    second = ApiUser(User.objects.get(username="root"))

    forbidden = integrator.post(f"{address}/correct", body)
    status, asked = risk.post(f"{address}/correct", body)
    decided = second.post(f"{address}/decide-lift", {"is_granted": True, "note": "Call heard"})

    assert (forbidden[0], status, asked["is_lifted"]) == (403, 200, False)
    assert (decided[0], decided[1]["is_lifted"]) == (200, True)


def test_an_opt_out_is_lifted_at_once_and_a_block_by_staff_alone(integrator: ApiUser, risk: ApiUser) -> None:
    impose(risk, "BLOCKED")
    assert step(integrator, "lift")[0] == 403
    assert step(risk, "lift")[1]["is_lifted"] is True


def test_the_list_is_filtered(integrator: ApiUser) -> None:
    impose(integrator, "MARKETING_OPT_OUT", external_reference="R1")
    cast.make_carol()

    def found(query: str) -> list[str]:
        return [row["player_id"] for row in integrator.get(f"{RESTRICTIONS}?{query}")[1]["results"]]

    assert found("") == ["carol", "bob"]
    assert found("kind=SELF_EXCLUDED") == ["carol"]
    assert found("player_id=bob&is_in_force=true") == ["bob"]
    assert found("is_in_force=false") == []
    assert found("source=the player&external_reference=R1") == ["bob"]
    assert found("is_asked_to_lift=true") == []


def test_the_list_costs_the_same_queries_however_long_it_is(integrator: ApiUser) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert integrator.get(RESTRICTIONS)[0] == 200
        return len(captured)

    impose(integrator)
    few = queries()
    for number in range(5):
        cast.make_player(f"p{number}")
        impose(integrator, player_id=f"p{number}")

    assert queries() == few
