"""Every example of the documented programme, as it is written there, with a log-in: posted, and what comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from pytest_django import Settings

from core.policies import policies_in_force
from loyalty.tests import cast
from loyalty.tests.api import ApiUser
from players.models import Player
from players.tiers import current_tiers
from rewards.models import RewardRule

# The database schema: a rule's two columns.
CONDITIONS = """{
  "segment": "LOSING",
  "net_loss_min": 100,
  "session_count_min": 3,
  "days_since_last_deposit": {"max": 7}
}"""
REWARD_CONFIG = """{
  "type": "BONUS_BALANCE",
  "formula": "net_loss * 0.10",
  "max_amount": 500,
  "wagering_requirement": 10,
  "expiry_hours": 48,
  "eligible_games": ["slots", "roulette"]
}"""
# The implementation plan: a whole rule, and a file.
LOSING_PLAYER_CASHBACK = """{
  "rule_id": "LOSING_PLAYER_CASHBACK",
  "priority": 10,
  "conditions": {
    "segment": "LOSING",
    "net_loss_min": 100,
    "session_count_min": 3,
    "days_since_last_deposit": {"max": 7}
  },
  "reward": {
    "type": "BONUS_BALANCE",
    "formula": "net_loss * 0.10",
    "max_amount": 500,
    "wagering_requirement": 10,
    "expiry_hours": 48,
    "eligible_games": ["slots", "roulette"]
  }
}"""
PLAYERS = """player_id | total_deposited | total_wagered | total_won | sessions | playtime_hours | last_deposit_date
P001      | 5000           | 15000         | 12000     | 25       | 48             | 2025-12-20
"""
# The readme: a rule's content, and a rule to create.
CASHBACK = """{
  "conditions": {
    "segment": "LOSING",
    "net_loss_min": 100,
    "session_count_min": 3
  },
  "reward_config": {
    "type": "BONUS_BALANCE",
    "formula": "net_loss * 0.10",
    "max_amount": 500,
    "wagering_requirement": 10,
    "expiry_hours": 48
  }
}"""
WEEKEND_BONUS = """{
    "rule_id": "WEEKEND_BONUS",
    "name": "Weekend Warrior Bonus",
    "priority": 5,
    "conditions": {"total_wagered_min": 500},
    "reward_config": {
      "type": "BONUS_BALANCE",
      "formula": "total_wagered * 0.05",
      "max_amount": 200
    }
  }"""
ON = "2025-12-21"


@pytest.fixture
def users(db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, User]:
    monkeypatch.setattr("core.background.has_worker", lambda: False)
    in_memory = {"BACKEND": "django.core.files.storage.InMemoryStorage"}
    settings.STORAGES = {**settings.STORAGES, "default": in_memory}
    return cast.make_users()


@pytest.fixture
def staff(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Loyalty staff"])


def import_players(staff: ApiUser, text: str = PLAYERS) -> None:
    """Upload a file of players, and have them measured."""
    status, job = staff.upload("/api/import/excel", {"file": SimpleUploadedFile("players.csv", text.encode())})
    assert (status, job["status"]) == (202, "SUCCEEDED"), job
    process()


def process() -> dict[str, Any]:
    operator = ApiUser(User.objects.get(username="operator"))
    status, run = operator.post("/api/batch/process", f'{{"player_ids": ["P001"], "on": "{ON}"}}')
    assert status == 200, run
    return dict(run)


def run_rule(users: dict[str, User], rule_id: str) -> None:
    """Let a colleague approve the rule."""
    status, seen = ApiUser(users["Loyalty staff"]).post(f"/api/rules/{rule_id}/submit", {})
    assert status == 200, seen
    named = {name: seen[name] for name in ("version", "content_hash")}
    assert ApiUser(users["Risk"]).post(f"/api/rules/{rule_id}/approve", named)[0] == 200


def tried(staff: ApiUser, rule_id: str) -> dict[str, Any]:
    status, result = staff.post(f"/api/rules/{rule_id}/test", {"player_id": "P001", "on": ON})
    assert status == 200, result
    return dict(result)


def test_the_documented_file_is_imported(staff: ApiUser) -> None:
    import_players(staff)

    status, player = staff.get("/api/players/P001")

    assert (status, player["segment"]) == (200, "LOSING")
    metrics = player["metrics"]
    assert (metrics["total_deposited"], metrics["total_wagered"], metrics["total_won"]) == (
        "5000.00",
        "15000.00",
        "12000.00",
    )
    assert (metrics["total_sessions"], metrics["net_pnl"]) == (25, "-3000.00")


def test_the_documented_columns_of_a_rule_are_one(staff: ApiUser) -> None:
    import_players(staff)

    made = staff.post("/api/rules", f'{{"rule_id": "R", "conditions": {CONDITIONS}, "reward_config": {REWARD_CONFIG}}}')

    assert (made[0], made[1]["status"]) == (201, "DRAFT")
    result = tried(staff, "R")
    # A tenth of 15,000 − 12,000.
    assert (result["verdict"], result["amount_computed"], result["amount_given"]) == ("APPROVED", "300.00", "300.00")


def test_the_documented_rule_pays_the_documented_bonus_with_its_terms(users: dict[str, User], staff: ApiUser) -> None:
    import_players(staff)
    assert staff.post("/api/rules", LOSING_PLAYER_CASHBACK)[0] == 201
    run_rule(users, "LOSING_PLAYER_CASHBACK")

    run = process()
    _, bonuses = staff.get("/api/players/P001/bonuses")

    assert run["counts"]["rewards"] == {"APPROVED": 1}
    (bonus,) = bonuses["results"]
    assert (bonus["amount"], bonus["wagering_required"]) == ("300.00", "3000.00")
    assert (bonus["active_hours"], bonus["eligible_games"]) == (48, ["slots", "roulette"])


def test_a_player_who_does_not_meet_the_documented_conditions_is_told_which(staff: ApiUser) -> None:
    import_players(staff, PLAYERS.replace("12000", "14950").replace("2025-12-20", "2025-12-01"))
    staff.post("/api/rules", LOSING_PLAYER_CASHBACK)

    result = tried(staff, "LOSING_PLAYER_CASHBACK")

    failed = {one["field"]: one["actual"] for one in result["conditions"] if one["holds"] is not True}
    assert (result["matches"], result["verdict"]) == (False, None)
    assert failed == {"segment": "BREAKEVEN", "net_loss": 50.0, "days_since_last_deposit": 20}


def test_the_documented_content_changes_a_rule(staff: ApiUser) -> None:
    import_players(staff)
    staff.post("/api/rules", LOSING_PLAYER_CASHBACK)

    status, rule = staff.send("PUT", "/api/rules/LOSING_PLAYER_CASHBACK", CASHBACK)

    assert (status, rule["version"]) == (200, 2)
    assert "days_since_last_deposit" not in rule["conditions"]
    assert tried(staff, "LOSING_PLAYER_CASHBACK")["amount_given"] == "300.00"


def test_the_documented_weekend_bonus_is_created_and_cut_to_its_maximum(staff: ApiUser) -> None:
    import_players(staff)

    status, rule = staff.post("/api/rules", WEEKEND_BONUS)

    assert (status, rule["name"], rule["priority"]) == (201, "Weekend Warrior Bonus", 5)
    # 15,000 × 0.05 = 750.00, cut to 200.00.
    assert tried(staff, "WEEKEND_BONUS")["amount_computed"] == "200.00"


def test_the_documented_file_of_the_readme_needs_only_its_four_columns(staff: ApiUser) -> None:
    import_players(staff, "player_id,total_deposited,total_wagered,total_won\nP001,5000,15000,12000\n")

    assert Player.objects.get().segment == "LOSING"


# Method and address of the documented administration, with a body, and what it answers.
ADDRESSES: list[tuple[str, str, Any, int]] = [
    ("GET", "/api/players", None, 200),
    ("GET", "/api/players/P001", None, 200),
    ("PUT", "/api/players/P001", {"name": "Paula"}, 200),
    ("DELETE", "/api/players/P001", None, 204),
    ("GET", "/api/rules", None, 200),
    ("POST", "/api/rules", WEEKEND_BONUS, 201),
    ("PUT", "/api/rules/R", {"priority": 7}, 200),
    ("DELETE", "/api/rules/R", None, 204),
    ("POST", "/api/rules/R/test", {"player_id": "P001"}, 200),
    ("GET", "/api/tiers", None, 200),
    ("POST", "/api/tiers", {"tier_level": "DIAMOND", "lp_min": 100_000}, 201),
    ("PUT", "/api/tiers/4", {"lp_min": 60_000}, 200),
    ("GET", "/api/analytics/dashboard", None, 200),
    ("GET", "/api/import/status/{job}", None, 200),
]


@pytest.mark.parametrize(("method", "path", "body", "status"), ADDRESSES, ids=lambda value: str(value)[:40])
def test_the_documented_addresses_do_what_they_say(
    staff: ApiUser, method: str, path: str, body: Any, status: int
) -> None:
    file = SimpleUploadedFile("players.csv", PLAYERS.encode())
    _, job = staff.upload("/api/import/excel", {"file": file})
    staff.post("/api/rules", {"rule_id": "R", "reward": {"type": "TICKETS", "amount": 1}})
    address = path.format(job=job["job_id"]).replace("/tiers/4", f"/tiers/{highest_tier()}")

    assert ApiUser(None).send(method, address, body)[0] == 401
    assert staff.send(method, address, body)[0] == status
    assert (RewardRule.objects.get(pk="R").status == "ARCHIVED") == (method == "DELETE" and path == "/api/rules/R")
    assert Player.objects.get().is_active != (method == "DELETE" and path == "/api/players/P001")


def highest_tier() -> int:
    return int(current_tiers()[-1].pk)


def test_the_documented_names_of_the_environment_are_policies(db: None) -> None:
    documented = {
        "MAX_DAILY_REWARD_PER_PLAYER",
        "MAX_WEEKLY_REWARD_PER_PLAYER",
        "NEW_PLAYER_WAGER_THRESHOLD",
        "VIP_WAGER_THRESHOLD",
    }

    assert documented <= {str(name) for name in dict(policies_in_force())}
