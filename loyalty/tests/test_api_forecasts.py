"""What rules would cost, asked through the API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from loyalty.tests import cast
from loyalty.tests.api import ApiUser, error_of
from players.models import Player, PlayerDay
from rewards.models import RewardDecision, RuleForecast

pytestmark = pytest.mark.django_db
CASHBACK = {"type": "CASHBACK", "formula": "net_loss * 0.03", "max_amount": 500}


@pytest.fixture
def staff(db: None) -> ApiUser:
    users = cast.make_users()
    cast.make_player("dora", registered_on=timezone.localdate())
    cast.make_rule(reward_config=CASHBACK)
    return ApiUser(users["Loyalty staff"])


def yesterday() -> str:
    return str(timezone.localdate() - timedelta(days=1))


def test_a_simulation_is_asked_for_and_read(staff: ApiUser) -> None:
    status, asked = staff.post("/api/rules/CASHBACK/simulate", {})

    assert (status, asked["kind"], asked["rule_version"]) == (202, "SIMULATION", 1)
    status, found = staff.get(f"/api/rules/forecasts/{asked['forecast_id']}")
    assert (status, found["status"], found["error"]) == (200, "SUCCEEDED", "")
    assert (found["result"]["total"]["rewards"], found["result"]["total"]["money_value"]) == (1, "90.00")
    assert not RewardDecision.objects.exists()
    assert RuleForecast.objects.get().asked_by.username == "staff"  # type: ignore[union-attr]


def test_a_back_test_compares_two_versions(staff: ApiUser) -> None:
    PlayerDay.objects.create(player=Player.objects.get(), on=yesterday(), wagered=100)
    Player.objects.update(registered_on=None)
    staff.put("/api/rules/CASHBACK", {"reward_config": {**CASHBACK, "formula": "net_loss * 0.01"}})

    body = {"since": yesterday(), "until": yesterday(), "compared_version": 1}
    status, asked = staff.post("/api/rules/CASHBACK/backtest", body)

    assert (status, asked["status"], asked["error"]) == (202, "SUCCEEDED", "")
    result = asked["result"]
    assert [day["money_value"] for day in result["replay"]["days"]] == ["30.00"]
    assert (result["compared"]["total"]["money_value"], result["difference"]["money_value"]) == ("90.00", "-60.00")


def test_the_overlap_map_is_asked_for_and_the_newest_is_shown(staff: ApiUser) -> None:
    reward = {"type": "BONUS_BALANCE", "amount": 5}
    cast.make_rule("SECOND", reward_config=reward, priority=1)
    assert staff.get("/api/rules/overlap")[0] == 404

    assert staff.post("/api/rules/overlap", {})[0] == 202

    pair = staff.get("/api/rules/overlap")[1]["result"]["pairs"][0]
    assert (pair["rule_id"], pair["other_rule_id"], pair["players"], pair["cost_together"]) == (
        "CASHBACK",
        "SECOND",
        1,
        "95.00",
    )


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        ("NOTHING/simulate", {}, 404, "not_found"),
        ("CASHBACK/simulate", {"on": "2020-01-01"}, 422, "simulation_date"),
        ("CASHBACK/simulate", {"on": "soon"}, 400, "invalid_input"),
        ("CASHBACK/simulate", {"until": "2025-01-01"}, 400, "invalid_input"),
        ("CASHBACK/backtest", {}, 400, "invalid_input"),
        ("CASHBACK/backtest", {"since": "2025-02-01", "until": "2025-01-01"}, 422, "backtest_period_reversed"),
        ("CASHBACK/backtest", {"since": "2024-01-01", "until": "2999-01-01"}, 422, "backtest_period_in_future"),
        ("CASHBACK/backtest", {"since": "2020-01-01", "until": "2021-06-01"}, 422, "backtest_period_too_long"),
        ("CASHBACK/backtest", {"since": "2020-01-01", "until": "2020-06-01"}, 422, "backtest_no_daily_rows"),
    ],
)
def test_what_cannot_be_asked_is_said(staff: ApiUser, path: str, body: dict[str, str], status: int, code: str) -> None:
    answer = staff.post(f"/api/rules/{path}", body)

    assert (answer[0], error_of(answer)["code"]) == (status, code)
    assert not RuleForecast.objects.exists()


def test_a_version_the_rule_never_had_is_not_compared_with(staff: ApiUser) -> None:
    PlayerDay.objects.create(player=Player.objects.get(), on=yesterday(), wagered=100)

    body = {"since": yesterday(), "until": yesterday(), "compared_version": 9}
    answer = staff.post("/api/rules/CASHBACK/backtest", body)

    assert (answer[0], error_of(answer)["message"]) == (404, "CASHBACK has no version 9; its newest is 1")


def test_a_forecast_that_is_not_there_is_not_found(staff: ApiUser) -> None:
    assert error_of(staff.get("/api/rules/forecasts/99"))["message"] == "there is no forecast 99"
