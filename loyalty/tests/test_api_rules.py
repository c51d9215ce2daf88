"""Rules in the API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from loyalty.api.urls import urlpatterns
from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from rewards.models import RewardDecision, RewardRule, RewardRuleVersion
from rewards.rules import RESERVED_IDS
from wallet.models import LedgerEntry

WEEKEND = {
    "rule_id": "WEEKEND_BONUS",
    "name": "Weekend Warrior Bonus",
    "priority": 5,
    "conditions": {"total_wagered_min": 500},
    "reward_config": {"type": "BONUS_BALANCE", "formula": "total_wagered * 0.05", "max_amount": 200},
}


@pytest.fixture
def staff(db: None) -> ApiUser:
    return ApiUser(cast.make_users()["Loyalty staff"])


def test_the_documented_rule_is_created_as_a_draft(staff: ApiUser) -> None:
    status, rule = staff.post("/api/rules", WEEKEND)

    assert (status, rule["status"], rule["is_active"], rule["version"]) == (201, "DRAFT", False, 1)
    assert rule["conditions"] == {"total_wagered_min": 500}
    assert RewardRuleVersion.objects.get(rule_id="WEEKEND_BONUS").saved_by.username == "staff"  # type: ignore[union-attr]


def test_the_documented_other_name_of_the_reward_is_understood(staff: ApiUser) -> None:
    content: dict[str, Any] = {**WEEKEND, "is_active": True}
    content["reward"] = content.pop("reward_config")

    status, rule = staff.post("/api/rules", content)

    assert (status, rule["status"], rule["reward_config"]["max_amount"]) == (201, "PENDING_APPROVAL", 200)


def test_decimals_in_conditions_stay_what_they_are(staff: ApiUser) -> None:
    status, rule = staff.post("/api/rules", {**WEEKEND, "conditions": {"win_loss_ratio": {"gt": 1.1}}})

    assert (status, rule["conditions"]) == (201, {"win_loss_ratio": {"gt": 1.1}})


def test_a_rule_id_is_used_once(staff: ApiUser) -> None:
    staff.post("/api/rules", WEEKEND)

    answer = staff.post("/api/rules", {**WEEKEND, "name": "Another"})

    assert (answer[0], error_of(answer)["code"]) == (409, "rule_exists")
    assert RewardRule.objects.get().name == "Weekend Warrior Bonus"


@pytest.mark.parametrize("rule_id", ["", " ", "A/B", "é", "x" * 101, "_START", 7, None])
def test_a_rule_id_must_fit_into_an_address(staff: ApiUser, rule_id: object) -> None:
    assert staff.post("/api/rules", {**WEEKEND, "rule_id": rule_id})[0] == 400
    assert not RewardRule.objects.exists()


def test_every_problem_is_listed_with_its_path_and_what_would_be_right(staff: ApiUser) -> None:
    answer = staff.post(
        "/api/rules",
        {**WEEKEND, "conditions": {"any": [{"total_wagred_min": 5}, {"segment": "LUCKY"}]}},
    )

    error = error_of(answer)
    assert (answer[0], error["code"]) == (422, "rule_invalid")
    assert error["details"][0]["field"] == "conditions.any[0].total_wagred_min"
    assert "total_wagered" in error["details"][0]["suggestion"]
    assert len(error["details"]) == 2


@pytest.mark.parametrize(
    "change",
    [
        {"priority": "high"},
        {"priority": 1.5},
        {"name": 7},
        {"conditions": []},
        {"reward_config": "money"},
        {"reward_config": {"type": "BONUS_BALANCE", "formula": "total_wagered * 0.05"}},
        {"reward_config": {"type": "BONUS_BALANCE", "formula": "__import__('os')", "max_amount": 1}},
        {"holdout_percent": 101},
        {"max_players": 0},
        {"max_players": 2.5},
        {"budget_pacing": "FAST"},
        {"budget_pacing": "EVEN", "total_budget": 100},
        {"reward_config": {"type": "TICKETS", "amount": 1, "withdrawable": True}},
        {"daily_budget": 0},
        {"daily_budget": "12.345"},
        {"starts_on": "soon"},
        {"starts_on": "2026-02-02", "ends_on": "2026-02-01"},
        {"status": "LIVE"},
        {"frequency_period": "YEAR"},
        {"frequency_max": 0},
        {"number": 1},
        {"version": 9},
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_not_stored(staff: ApiUser, change: dict[str, object]) -> None:
    answer = staff.post("/api/rules", {**WEEKEND, **change})

    assert answer[0] in {400, 422}, answer
    error_of(answer)
    assert not RewardRule.objects.exists()


def test_limits_are_kept_and_read_back(staff: ApiUser) -> None:
    limits = {"max_players": 50, "total_budget": "500.00", "budget_pacing": "EVEN", "ends_on": "2026-03-31"}

    status, rule = staff.post("/api/rules", {**WEEKEND, **limits})

    assert (status, {name: rule[name] for name in limits}) == (201, limits)
    assert staff.put("/api/rules/WEEKEND_BONUS", {"max_players": None})[1]["max_players"] is None


def test_a_pace_without_an_end_is_refused_at_its_path(staff: ApiUser) -> None:
    answer = staff.post("/api/rules", {**WEEKEND, "total_budget": 100, "budget_pacing": "EVEN"})

    problem = error_of(answer)["details"][0]
    assert (answer[0], problem["field"]) == (422, "budget_pacing")
    assert problem["suggestion"] == "set ends_on, or choose NONE"


def test_a_rule_saved_again_as_it_was_is_no_new_version_though_it_is_older_than_its_fields(staff: ApiUser) -> None:
    staff.post("/api/rules", WEEKEND)
    kept = RewardRuleVersion.objects.get()
    kept.content = {name: value for name, value in kept.content.items() if name not in {"max_players", "budget_pacing"}}
    kept.save()

    assert staff.put("/api/rules/WEEKEND_BONUS", {"priority": 5})[1]["version"] == 1


def test_changing_a_rule_makes_a_new_version_and_keeps_the_rest(staff: ApiUser) -> None:
    staff.post("/api/rules", WEEKEND)

    status, rule = staff.put("/api/rules/WEEKEND_BONUS", {"priority": 9, "status": "ACTIVE"})

    assert (status, rule["version"], rule["priority"], rule["status"]) == (200, 2, 9, "PENDING_APPROVAL")
    assert rule["conditions"] == {"total_wagered_min": 500}


def test_a_refused_change_leaves_the_rule_as_it_was(staff: ApiUser) -> None:
    staff.post("/api/rules", WEEKEND)
    before = RewardRule.objects.values().get()

    answer = staff.put("/api/rules/WEEKEND_BONUS", {"name": "New", "conditions": {"nonsense": 1}})

    assert answer[0] == 422
    assert RewardRule.objects.values().get() == before


def test_deleting_a_rule_archives_it(staff: ApiUser) -> None:
    staff.post("/api/rules", WEEKEND)

    assert staff.delete("/api/rules/WEEKEND_BONUS")[0] == 204
    assert staff.get("/api/rules/WEEKEND_BONUS")[1]["status"] == "ARCHIVED"


def test_rules_are_listed_by_priority_and_filtered(staff: ApiUser) -> None:
    cast.make_rule("LOW", name="Low", priority=1)
    cast.make_rule("HIGH", name="High", priority=99, status="DRAFT")

    def found(query: str) -> list[str]:
        return [rule["rule_id"] for rule in staff.get(f"/api/rules?{query}")[1]["results"]]

    assert found("") == ["HIGH", "LOW"]
    assert found("is_active=true") == ["LOW"]
    assert found("status=DRAFT") == ["HIGH"]
    assert found("search=lo") == ["LOW"]


def test_a_test_says_what_the_night_would_do_and_writes_nothing(staff: ApiUser) -> None:
    cast.make_rule()
    cast.make_player("alice")

    status, result = staff.post("/api/rules/CASHBACK/test", {"player_id": "alice", "on": "2026-03-10"})

    assert status == 200
    assert result["matches"] is True
    assert result["amount_computed"] == "300.00"
    loss = next(condition for condition in result["conditions"] if condition["field"] == "net_loss")
    assert (loss["holds"], Decimal(loss["actual"])) == (True, Decimal(3000))
    assert not RewardDecision.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_a_test_of_a_player_whom_the_rule_does_not_match_says_which_condition_fails(staff: ApiUser) -> None:
    cast.make_rule(conditions={"segment": "VIP"})
    cast.make_player("alice")

    _, result = staff.post("/api/rules/CASHBACK/test", {"player_id": "alice"})

    assert (result["matches"], result["verdict"], result["amount_given"]) == (False, None, None)
    assert [condition["holds"] for condition in result["conditions"]] == [False]


@pytest.mark.parametrize(
    ("body", "status"),
    [({"player_id": "nobody"}, 404), ({}, 400), ({"player_id": 7}, 400), ({"player_id": "alice", "on": "noon"}, 400)],
)
def test_a_test_needs_a_player_and_a_date(staff: ApiUser, body: dict[str, object], status: int) -> None:
    cast.make_rule()
    cast.make_player("alice")

    answer = staff.post("/api/rules/CASHBACK/test", body)

    assert answer[0] == status
    error_of(answer)


def test_the_schema_and_the_fields_are_served_to_those_who_write_rules(staff: ApiUser) -> None:
    status, schema = staff.get("/api/rules/schema/")
    fields_status, listed = staff.get("/api/rules/fields")

    assert (status, fields_status) == (200, 200)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$defs"]["tier_test"]["anyOf"][0]["enum"] == ["BRONZE", "SILVER", "GOLD", "PLATINUM"]
    assert {field["name"] for field in listed["fields"]} < set(schema["$defs"]["conditions"]["properties"])


def test_a_rule_is_checked_without_being_saved(staff: ApiUser) -> None:
    wrong = {"conditions": {"net_lost_min": 5}, "reward": {"type": "TICKETS", "amount": 1.5}}

    assert staff.post("/api/rules/check", {"conditions": {}, "reward": {"type": "TICKETS", "amount": 1}}) == (
        200,
        {"problems": []},
    )
    status, answer = staff.post("/api/rules/check", wrong)

    assert status == 200
    assert [(problem["path"], problem["suggestion"]) for problem in answer["problems"]] == [
        ("conditions.net_lost_min", "did you mean 'net_loss'?"),
        ("reward_config.amount", "tickets are not cut"),
    ]
    assert not RewardRule.objects.exists()


def test_every_other_address_below_the_rules_is_no_id_of_a_rule() -> None:
    routes = [str(pattern.pattern) for pattern in urlpatterns]
    words = {route.split("/")[1] for route in routes if route.startswith("rules/") and "/" in route}

    assert {word for word in words if word and not word.startswith("<")} == RESERVED_IDS


@pytest.mark.parametrize("rule_id", sorted(RESERVED_IDS))
def test_a_rule_cannot_be_called_like_an_address(staff: ApiUser, rule_id: str) -> None:
    answer = staff.post("/api/rules", {**WEEKEND, "rule_id": rule_id})

    assert answer[0] == 400
    assert "address" in error_of(answer)["details"][0]["message"]
