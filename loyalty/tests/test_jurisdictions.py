"""Jurisdictions in the API and the admin: who may look, propose, accept, check and decide."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Player, PlayerJurisdictionChange
from rewards.models import RewardRule
from rewards.tests.factories import make_rule
from safety.models import JurisdictionProfile, VipApproval

pytestmark = pytest.mark.django_db
GB = "United Kingdom"


@pytest.fixture
def users() -> dict[str, User]:
    return cast.make_users()


@pytest.fixture
def second() -> User:
    """Return another person of the role Risk."""
    return cast_second()


def cast_second() -> User:
    from django.contrib.auth.models import Group

    user = User.objects.create_user("risk2", is_staff=True)
    user.groups.set([Group.objects.get(name="Risk")])
    return user


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def tighter() -> dict[str, Any]:
    content = JurisdictionProfile.objects.get(code="GB", status="IN_FORCE").content
    limits = [{**one, "value": "5"} if one["kind"] == "WAGERING_REQUIREMENT_MAX" else one for one in content["limits"]]
    return {**content, "limits": limits}


def test_the_api_shows_profiles_with_clause_and_reading(users: dict[str, User]) -> None:
    status, body = ApiUser(users["Integrator"]).get("/api/jurisdictions")

    assert status == 200
    assert [(one["code"], len(one["limits"])) for one in body["results"]] == [("DEFAULT", 0), ("GB", 4)]
    limit = next(one for one in body["results"][1]["limits"] if one["kind"] == "WAGERING_REQUIREMENT_MAX")
    assert (limit["value"], limit["valid_from"]) == ("10.00", "2026-01-19")
    assert limit["clause"] == "LCCP, social responsibility code 5.1.1 (3)(a)"
    assert "deposit and bonus" in limit["reading"]
    assert ApiUser(users["Integrator"]).get("/api/jurisdictions/GB")[1]["name"] == "Great Britain"
    assert error_of(ApiUser(users["Integrator"]).get("/api/jurisdictions/XX"))["code"] == "not_found"


def test_the_api_shows_a_players_jurisdiction_and_vip_standing(users: dict[str, User]) -> None:
    alice = cast.make_player("alice", country=GB)
    Player.objects.filter(pk=alice.pk).update(segment="VIP")

    _, body = ApiUser(users["Integrator"]).get("/api/players/alice/jurisdiction")

    assert (body["decided_by"], body["country_code"], body["jurisdiction"]["code"]) == ("COUNTRY", "GB", "GB")
    assert body["vip"] == {
        "segment": "VIP",
        "vip_status": False,
        "needs_approval": True,
        "missing": "affordability, source of funds, harm, a second person",
    }


def test_only_risk_puts_a_player_under_a_jurisdiction(users: dict[str, User]) -> None:
    cast.make_player("alice", country="Germany")
    asked = {"jurisdiction": "GB", "reason": "Lives in Leeds"}

    refused = ApiUser(users["Loyalty staff"]).put("/api/players/alice/jurisdiction", asked)
    status, body = ApiUser(users["Risk"]).put("/api/players/alice/jurisdiction", asked)

    assert refused[0] == 403
    assert (status, body["decided_by"], body["jurisdiction"]["code"]) == (200, "STAFF", "GB")
    assert (
        ApiUser(users["Risk"]).put("/api/players/alice/jurisdiction", {"jurisdiction": None, "reason": "Moved"})[1][
            "decided_by"
        ]
        == "COUNTRY"
    )


def test_the_api_refuses_a_rule_that_breaks_what_it_names_and_tells_of_every_jurisdiction(
    users: dict[str, User],
) -> None:
    reward = {"type": "BONUS_BALANCE", "amount": 10, "wagering_requirement": 20, "eligible_games": ["slots"]}
    staff = ApiUser(users["Loyalty staff"])

    named = staff.post("/api/rules", {"rule_id": "A", "reward_config": reward, "jurisdictions": ["GB"]})
    status, _ = staff.post("/api/rules", {"rule_id": "B", "reward_config": reward})
    _, body = staff.get("/api/rules/B/jurisdictions")

    assert "reward_config.wagering_requirement: a turnover of 20 ×" in error_of(named)["message"]
    assert status == 201
    assert [(one["jurisdiction"], one["runs"]) for one in body["jurisdictions"]] == [("DEFAULT", True), ("GB", False)]
    assert body["jurisdictions"][1]["breaks"][0]["suggestion"] == "10 or less"


def test_a_bonus_beyond_the_limit_is_refused_by_the_api_with_the_clause(users: dict[str, User]) -> None:
    cast.make_player("alice", country=GB)
    bonus = {"player_id": "alice", "amount": "10.00", "wagering_requirement": "20", "expiry_hours": 48}

    answer = ApiUser(users["Integrator"]).post("/api/wallet/add-bonus", bonus, Idempotency_Key="one")

    assert answer[0] == 409
    assert error_of(answer)["code"] == "jurisdiction_limit"
    assert "5.1.1 (3)(a)" in error_of(answer)["message"]


def test_a_vip_is_approved_by_two_people_through_the_api(users: dict[str, User], second: User) -> None:
    cast.make_player("alice", country=GB)
    risk = ApiUser(users["Risk"])
    _, opened = risk.post("/api/players/alice/vip-approvals", {})
    path = f"/api/vip-approvals/{opened['id']}"
    for kind in ("AFFORDABILITY", "SOURCE_OF_FUNDS", "HARM"):
        risk.post(f"{path}/checks", {"kind": kind, "result": "PASSED", "evidence": "Seen"})

    own = risk.post(f"{path}/approve", {})
    status, body = ApiUser(second).post(f"{path}/approve", {})

    assert error_of(own)["code"] == "second_person_needed"
    assert (status, body["status"], body["decided_by"], len(body["checks"])) == (200, "APPROVED", "risk2", 3)
    assert ApiUser(users["Loyalty staff"]).post(f"{path}/revoke", {"note": "No"})[0] == 403
    assert ApiUser(second).post(f"{path}/revoke", {"note": "Losses"})[1]["status"] == "REVOKED"
    assert len(risk.get("/api/players/alice/vip-approvals")[1]["results"]) == 1


def test_a_profile_goes_its_way_through_the_pages(users: dict[str, User], second: User) -> None:
    make_rule("NAMES", reward={"eligible_games": ["slots"], "wagering_requirement": 8}, jurisdictions=["GB"])
    add = reverse("admin:safety_jurisdictionprofile_add")
    proposer, acceptor = client_of(users["Risk"]), client_of(second)
    assert "WAGERING_REQUIREMENT_MAX" in proposer.get(f"{add}?code=GB").content.decode()

    sent = {"code": "GB", "content": json.dumps(tighter()), "reason": "Stricter"}
    assert proposer.post(add, sent).status_code == 302
    proposed = JurisdictionProfile.objects.get(status="PROPOSED")
    page = reverse("admin:safety_jurisdictionprofile_accept", args=[proposed.pk])
    own = proposer.post(page, {"text": ""}).content.decode()
    asked = acceptor.get(page).content.decode()
    done = acceptor.post(page, {"text": "Read it"}, follow=True).content.decode()

    assert "somebody else has to accept it" in own
    assert "value 10" in asked
    assert "value 5" in asked
    assert "Break what they name: NAMES." in done
    compliance = acceptor.get(reverse("admin:safety_jurisdictionprofile_compliance")).content.decode()
    assert "a turnover of 8 × the bonus is required, at most 5 × may be" in compliance


def test_a_wrong_profile_is_shown_again_with_every_problem(users: dict[str, User]) -> None:
    sent = {"code": "GB", "content": '{"name": "", "limits": [{"kind": "SPEED"}]}', "reason": "New"}

    shown = client_of(users["Risk"]).post(reverse("admin:safety_jurisdictionprofile_add"), sent).content.decode()

    assert "limits[0].kind" in shown
    assert "limits[0].clause" in shown
    assert not JurisdictionProfile.objects.filter(status="PROPOSED").exists()


def test_a_vip_is_approved_by_two_people_through_the_pages(users: dict[str, User], second: User) -> None:
    cast.make_player("alice", country=GB)
    risk = client_of(users["Risk"])
    assert risk.post(reverse("admin:safety_vipapproval_add"), {"player": "alice", "note": ""}).status_code == 302
    approval = VipApproval.objects.get()
    record = reverse("admin:safety_vipapproval_record", args=[approval.pk])
    for kind in ("AFFORDABILITY", "SOURCE_OF_FUNDS", "HARM"):
        sent = {"kind": kind, "result": "PASSED", "evidence": f"File {kind}"}
        assert risk.post(record, sent).status_code == 302

    shown = risk.get(reverse("admin:safety_vipapproval_change", args=[approval.pk])).content.decode()
    client_of(second).post(
        reverse("admin:safety_vipapproval_approve", args=[approval.pk]), {"valid_until": "", "note": ""}
    )

    assert "File HARM" in shown
    assert "a second person" in shown
    approval.refresh_from_db()
    assert (approval.status, approval.decided_by) == ("APPROVED", second)


def test_a_player_is_put_under_a_jurisdiction_in_the_admin(users: dict[str, User]) -> None:
    cast.make_player("alice", country="Germany")
    add = reverse("admin:players_playerjurisdictionchange_add")
    sent = {"player": "alice", "jurisdiction_after": "GB", "reason": "Lives in Leeds"}

    assert client_of(users["Loyalty staff"]).get(add).status_code == 403
    assert client_of(users["Risk"]).post(add, sent).status_code == 302

    assert Player.objects.get(pk="alice").jurisdiction_id == "GB"


def test_a_rules_page_says_where_it_will_not_run_and_takes_jurisdictions(users: dict[str, User]) -> None:
    make_rule("OPEN", reward={"wagering_requirement": 20})
    page = reverse("admin:rewards_rewardrule_change", args=["OPEN"])
    client = client_of(users["Loyalty staff"])

    shown = client.get(page).content.decode()

    assert "Players of Great Britain will not be given it" in shown
    assert 'name="jurisdictions"' in shown
    assert RewardRule.objects.get(pk="OPEN").jurisdictions == []


def test_the_page_of_breaking_rules_asks_no_more_for_more_rules(users: dict[str, User]) -> None:
    client = client_of(users["Risk"])
    url = reverse("admin:safety_jurisdictionprofile_compliance")
    counts = []
    for number in range(4):
        make_rule(f"R{number}", reward={"wagering_requirement": 20})
        with CaptureQueriesContext(connection) as captured:
            assert client.get(url).status_code == 200
        counts.append(len(captured))

    assert counts[1] == counts[3]


def test_a_country_that_moves_a_player_to_another_jurisdiction_is_kept_with_who_and_when(
    users: dict[str, User],
) -> None:
    cast.make_player("alice", country="Germany")
    operator = ApiUser(users["Superuser"])

    for country in ("Austria", "United Kingdom"):
        assert operator.put("/api/players/alice", {"country": country})[0] == 200

    kept = PlayerJurisdictionChange.objects.get()
    assert (kept.player_id, kept.changed_by, kept.reason) == (
        "alice",
        users["Superuser"],
        "Country: Austria → United Kingdom; DEFAULT → GB",
    )
