"""The page that answers "why?" and "why not?", and the ways to it."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from loyalty.tests import cast
from rewards.live import apply_reward
from rewards.models import RewardDecision

URL = "admin:rewards_rewarddecision_explain"


def login(role: str) -> Client:
    client = Client()
    client.force_login(cast.make_users()[role])
    return client


@pytest.fixture
def risk(db: None) -> Client:
    return login("Risk")


def decide() -> RewardDecision:
    cast.make_player("alice")
    rule = cast.make_rule(reward_config={"type": "CASHBACK", "formula": "net_loss * 0.01", "max_amount": 500})
    decided = apply_reward(player_id="alice", rule=rule, on=cast.ON)
    assert decided is not None
    return decided


def test_a_decision_is_explained_in_words(risk: Client) -> None:
    decided = decide()

    page = risk.get(reverse(URL), {"decision": decided.pk}).content.decode()

    assert "30.00 (cashback) was given." in page
    assert "2,900.00 above 100.00" in page
    assert f"decision {decided.pk}" in page
    assert "{&" not in page


def test_a_player_without_a_decision_is_explained_too(risk: Client) -> None:
    cast.make_player("alice")
    cast.make_rule(conditions={"net_loss_min": 3037})

    page = risk.get(reverse(URL), {"player_id": "alice", "rule_id": "CASHBACK"}).content.decode()

    assert "Conditions do not hold: 37.00 more net loss needed." in page
    assert "does not hold" in page
    assert "as they would have been" in page
    assert not RewardDecision.objects.exists()


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"decision": "0"},
        {"decision": "x"},
        {"decision": "9" * 18},
        {"player_id": "nobody", "rule_id": "CASHBACK"},
        {"player_id": "alice", "rule_id": "NOTHING"},
        {"player_id": "alice", "rule_id": "CASHBACK", "at": "x"},
        {"player_id": "alice", "rule_id": "CASHBACK", "at": "2999-01-01"},
        {"player_id": "a\x00", "rule_id": "CASHBACK"},
    ],
    ids=str,
)
def test_what_cannot_be_explained_is_asked_again(risk: Client, query: dict[str, str]) -> None:
    cast.make_player("alice")
    cast.make_rule()

    response = risk.get(reverse(URL), query)

    assert response.status_code == 200
    assert "Explain</button>" in response.content.decode()


def test_the_list_the_decision_the_rule_and_the_player_lead_there(risk: Client) -> None:
    decided = decide()
    wanted = f"{reverse(URL)}?decision={decided.pk}"

    listed = risk.get(reverse("admin:rewards_rewarddecision_changelist")).content.decode()
    player = risk.get(reverse("admin:players_player_change", args=["alice"])).content.decode()
    from_decision: Any = risk.get(reverse("admin:rewards_rewarddecision_why", args=[decided.pk]))
    from_rule: Any = risk.get(reverse("admin:rewards_rewardrule_explain_for_player", args=["CASHBACK"]))

    assert wanted in listed
    assert wanted in player
    assert f"{reverse(URL)}?player_id=alice" in player
    assert from_decision.url == wanted
    assert from_rule.url == f"{reverse(URL)}?rule_id=CASHBACK"


def test_the_rule_is_chosen_already_when_one_comes_from_it(risk: Client) -> None:
    cast.make_rule()

    page = risk.get(reverse(URL), {"rule_id": "CASHBACK"}).content.decode()

    assert '<option value="CASHBACK" selected>' in page
    assert "This field is required" not in page


@pytest.mark.parametrize("role", ["Operator"])
def test_who_may_not_see_decisions_may_not_see_explanations(db: None, role: str) -> None:
    client = login(role)

    assert client.get(reverse(URL)).status_code == 403


def test_the_page_of_a_decision_costs_a_fixed_number_of_queries(risk: Client) -> None:
    decided = decide()
    url = f"{reverse(URL)}?decision={decided.pk}"
    risk.get(url)

    with CaptureQueriesContext(connection) as few:
        risk.get(url)
    for number in range(5):
        cast.make_rows(number)
    with CaptureQueriesContext(connection) as more:
        risk.get(url)

    assert len(few) == len(more) <= 30
