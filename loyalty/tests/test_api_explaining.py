"""Explanations in the API: what is answered, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from rewards.live import apply_reward
from rewards.models import RewardDecision, RewardRule

PATH = "/api/rules/CASHBACK/explain"


@pytest.fixture
def analyst(db: None) -> ApiUser:
    return ApiUser(cast.make_users()["Analyst"])


def test_why_not_is_answered_with_tree_checks_and_amount(analyst: ApiUser) -> None:
    cast.make_player("alice")
    cast.make_rule(conditions={"any": [{"segment": "VIP"}, {"net_loss": {"gt": 3037}}]})

    status, found = analyst.get(f"{PATH}?player_id=alice")

    assert status == 200
    assert (found["basis"], found["verdict"], found["amount_given"]) == ("RECOMPUTED", "", "0.00")
    assert (found["conditions"]["group"], found["conditions"]["path"]) == ("any", "conditions.any")
    assert found["conditions"]["members"][1] == {
        "path": "conditions.any[1].net_loss.gt",
        "truth": "DOES_NOT_HOLD",
        "field": "net_loss",
        "label": "net loss",
        "unit": "money",
        "operator": "gt",
        "threshold": "3037",
        "actual": "3000.00",
        "requirement": "more than 3,037.00",
        "distance": "more than 37.00 more net loss needed",
    }
    assert [check["name"] for check in found["limits"]] == [
        "In force",
        "Frequency",
        "Cooldown",
        "Budgets",
        "Exclusive group",
        "Holdout",
    ]
    assert [check["name"] for check in found["safety"]] == [
        "Restrictions",
        "Jurisdiction",
        "Abuse",
        "Profitability",
        "Caps",
        "Budget",
    ]
    assert found["amount"][0] == {
        "name": "Formula",
        "before": None,
        "after": "300.00",
        "sentence": "net_loss * 0.10 with net loss 3,000.00",
    }
    assert not RewardDecision.objects.exists()


def test_a_stored_decision_is_answered_for_its_date(analyst: ApiUser) -> None:
    cast.make_player("alice")
    rule = cast.make_rule(reward_config={"type": "CASHBACK", "formula": "net_loss * 0.01", "max_amount": 500})
    decided = apply_reward(player_id="alice", rule=rule, on=cast.ON)
    assert decided is not None

    _, found = analyst.get(f"{PATH}?player_id=alice&at=2026-03-10")

    assert (found["basis"], found["decision_id"], found["on"]) == ("STORED", decided.pk, "2026-03-10")
    assert (found["verdict"], found["amount_given"]) == ("APPROVED", "30.00")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("", 400, "invalid_input"),
        ("?player_id=nobody", 404, "not_found"),
        ("?player_id=alice&at=yesterday", 400, "invalid_input"),
        ("?player_id=alice&on=2026-03-10", 400, "invalid_input"),
        ("?player_id=", 400, "invalid_input"),
    ],
)
def test_what_cannot_be_answered_is_refused(analyst: ApiUser, query: str, status: int, code: str) -> None:
    cast.make_player("alice")
    cast.make_rule()

    answer = analyst.get(f"{PATH}{query}")

    assert (answer[0], error_of(answer)["code"]) == (status, code)


def test_an_unknown_rule_is_not_found(analyst: ApiUser) -> None:
    cast.make_player("alice")

    answer = analyst.get("/api/rules/NOTHING/explain?player_id=alice")

    assert (answer[0], error_of(answer)["message"]) == (404, "there is no rule 'NOTHING'")


def test_a_day_that_has_not_come_is_refused_by_name(analyst: ApiUser) -> None:
    cast.make_player("alice")
    cast.make_rule()
    tomorrow = timezone.localdate() + timedelta(days=1)

    answer = analyst.get(f"{PATH}?player_id=alice&at={tomorrow}")

    assert (answer[0], error_of(answer)["code"]) == (422, "date_in_future")
    assert RewardRule.objects.count() == 1
