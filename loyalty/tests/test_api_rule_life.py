"""The life of a rule in the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Run
from loyalty.tests import cast
from loyalty.tests.api import Answer, ApiUser, error_of
from players.tests.factories import ON
from rewards import tasks
from rewards.live import apply_reward
from rewards.models import RewardRule, RuleApproval, RuleEvent
from wallet.models import LoyaltyBalance

TICKETS = {"name": "Tickets", "rule_id": "GIFT", "reward_config": {"type": "TICKETS", "amount": 3}}


@pytest.fixture
def users(db: None, monkeypatch: pytest.MonkeyPatch) -> dict[str, User]:
    monkeypatch.setattr("core.background.has_worker", lambda: False)
    return cast.make_users()


@pytest.fixture
def staff(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Loyalty staff"])


@pytest.fixture
def risk(users: dict[str, User]) -> ApiUser:
    return ApiUser(users["Risk"])


def submitted(staff: ApiUser, **asked: Any) -> dict[str, Any]:
    """Return what an approval names, after staff have written a rule and submitted it."""
    staff.post("/api/rules", TICKETS)
    status, request = staff.post("/api/rules/GIFT/submit", asked)
    assert status == 200, request
    return {name: request[name] for name in ("version", "content_hash")}


def code_of(answer: Answer) -> tuple[int, str]:
    return answer[0], error_of(answer)["code"]


def test_a_rule_is_written_by_one_and_approved_by_another(staff: ApiUser, risk: ApiUser) -> None:
    seen = submitted(staff, forecast_cost="40.00", note="Opening week")

    status, rule = risk.post("/api/rules/GIFT/approve", seen)

    assert (status, rule["status"], rule["is_active"]) == (200, "ACTIVE", True)
    assert (rule["approved_version"], rule["forecast_cost"]) == (1, "40.00")


def test_who_wrote_a_rule_is_refused_by_name(users: dict[str, User], staff: ApiUser) -> None:
    seen = submitted(staff)

    answer = staff.post("/api/rules/GIFT/approve", seen)

    assert code_of(answer) == (409, "second_person_needed")
    assert error_of(answer)["details"][0]["edited_by"] == ["staff"]


def test_a_superuser_does_not_approve_what_he_wrote(users: dict[str, User]) -> None:
    root = ApiUser(users["Superuser"])

    assert code_of(root.post("/api/rules/GIFT/approve", submitted(root))) == (409, "second_person_needed")


def test_what_was_changed_meanwhile_is_not_approved(staff: ApiUser, risk: ApiUser) -> None:
    seen = submitted(staff)
    staff.put("/api/rules/GIFT", {"priority": 50})

    assert code_of(risk.post("/api/rules/GIFT/approve", seen)) == (409, "approval_outdated")


def test_a_rejection_says_why(staff: ApiUser, risk: ApiUser) -> None:
    seen = submitted(staff)

    status, rule = risk.post("/api/rules/GIFT/reject", {"version": seen["version"], "reason": "Too many"})

    assert (status, rule["status"]) == (200, "DRAFT")
    assert RuleApproval.objects.get().reason == "Too many"


def test_a_change_of_an_active_rule_is_shown_as_waiting(staff: ApiUser) -> None:
    cast.make_rule("GIFT")

    status, rule = staff.put("/api/rules/GIFT", {"priority": 50, "is_active": True})

    assert (status, rule["status"], rule["priority"]) == (200, "ACTIVE", 10)
    assert (rule["version"], rule["pending_version"]) == (1, 2)
    assert RuleApproval.objects.get().version == 2


def test_lowering_a_budget_holds_at_once(staff: ApiUser) -> None:
    cast.make_rule("GIFT")

    rule = staff.put("/api/rules/GIFT", {"daily_budget": "100.00"})[1]

    assert (rule["version"], rule["pending_version"], rule["daily_budget"]) == (2, None, "100.00")


def test_a_rule_is_paused_resumed_and_archived(staff: ApiUser, risk: ApiUser) -> None:
    cast.make_rule("GIFT")

    assert risk.post("/api/rules/GIFT/pause", {"reason": "Looks wrong"})[1]["status"] == "PAUSED"
    assert staff.post("/api/rules/GIFT/resume", {})[1]["status"] == "ACTIVE"
    assert staff.post("/api/rules/GIFT/archive", {"reason": "Over"})[1]["status"] == "ARCHIVED"
    assert RuleEvent.objects.get(act="PAUSED").reason == "Looks wrong"


def test_a_step_that_the_status_does_not_lead_to_is_refused(staff: ApiUser) -> None:
    cast.make_rule("GIFT")

    assert code_of(staff.post("/api/rules/GIFT/resume", {})) == (409, "rule_status")
    assert code_of(staff.post("/api/rules/GIFT/submit", {})) == (409, "rule_status")
    staff.delete("/api/rules/GIFT")
    assert code_of(staff.put("/api/rules/GIFT", {"priority": 3})) == (409, "rule_status")


def test_versions_say_what_each_changed(staff: ApiUser) -> None:
    cast.make_rule("GIFT")
    staff.put("/api/rules/GIFT", {"priority": 50})

    status, found = staff.get("/api/rules/GIFT/versions")

    assert (status, found["version"], found["pending_version"]) == (200, 1, 2)
    newest, oldest = found["versions"]
    assert (newest["version"], newest["saved_by"], oldest["saved_by"]) == (2, "staff", None)
    assert newest["changes"] == [{"path": "priority", "before": 10, "after": 50}]
    assert (oldest["content"]["priority"], oldest["changes"]) == (10, [])


def test_many_versions_cost_no_more_queries(staff: ApiUser) -> None:
    cast.make_rule("GIFT")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            staff.get("/api/rules/GIFT/versions")
        return len(captured)

    few = queries()
    for priority in range(20, 25):
        staff.put("/api/rules/GIFT", {"priority": priority})
    assert queries() == few


def test_what_is_left_of_a_rules_rewards_is_looked_at_and_taken_back(risk: ApiUser) -> None:
    cast.make_player("alice")
    rule = cast.make_rule("GIFT", reward_config=TICKETS["reward_config"])
    apply_reward(player_id="alice", rule=rule, on=ON)

    _, preview = risk.get("/api/rules/GIFT/revoke")
    status, run = risk.post("/api/rules/GIFT/revoke", {"reason": "Wrong rule"})

    (line,) = preview["given"]
    assert (line["currency"], line["lots_left"], line["remaining"], line["used"]) == ("TICKETS", 1, "3.00", "0.00")
    assert (status, run["status"], run["counts"]) == (202, "SUCCEEDED", {"lots taken back": 1, "players": 1})
    assert (run["rule_id"], run["reason"], run["since"], run["started_by"]) == ("GIFT", "Wrong rule", None, "risk")
    assert risk.get(f"/api/rules/GIFT/revocations/{run['run_id']}") == (200, run)
    assert LoyaltyBalance.objects.get().tickets_balance == 0
    assert risk.post("/api/rules/GIFT/revoke", {"reason": "Again"})[1]["counts"]["lots taken back"] == 0


def test_with_a_worker_a_revocation_is_left_to_it(risk: ApiUser, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    monkeypatch.setattr("core.background.has_worker", lambda: True)
    monkeypatch.setattr("rewards.tasks.run_revocation.delay", given.append)
    cast.make_player("alice")
    apply_reward(player_id="alice", rule=cast.make_rule("GIFT", reward_config=TICKETS["reward_config"]), on=ON)

    status, run = risk.post("/api/rules/GIFT/revoke", {"reason": "Wrong rule"})

    assert (status, run["status"], run["progress_percent"], given) == (202, "PENDING", 0, [run["run_id"]])
    assert LoyaltyBalance.objects.get().tickets_balance == 3
    tasks.run_revocation(run["run_id"])
    done = risk.get(f"/api/rules/GIFT/revocations/{run['run_id']}")[1]
    assert (done["status"], done["progress_percent"], done["counts"]["players"]) == ("SUCCEEDED", 100, 1)
    assert LoyaltyBalance.objects.get().tickets_balance == 0


@pytest.mark.parametrize("number", [0, 10**6, 2**63])
def test_a_revocation_nobody_asked_for_is_not_found(risk: ApiUser, number: int) -> None:
    cast.make_rule("GIFT")

    assert code_of(risk.get(f"/api/rules/GIFT/revocations/{number}")) == (404, "not_found")


def test_a_revocation_of_another_rule_or_another_run_is_not_shown(risk: ApiUser) -> None:
    cast.make_rule("GIFT", reward_config=TICKETS["reward_config"])
    cast.make_rule("OTHER")
    night = Run.objects.create(kind="LIVE", business_date=ON)
    run = risk.post("/api/rules/GIFT/revoke", {"reason": "x"})[1]["run_id"]

    assert risk.get(f"/api/rules/OTHER/revocations/{run}")[0] == 404
    assert risk.get(f"/api/rules/GIFT/revocations/{night.pk}")[0] == 404


def test_only_rewards_granted_since_a_date_are_taken_back(risk: ApiUser) -> None:
    cast.make_player("alice")
    rule = cast.make_rule("GIFT", reward_config=TICKETS["reward_config"])
    apply_reward(player_id="alice", rule=rule, on=ON)

    assert risk.get("/api/rules/GIFT/revoke?since=2099-01-01")[1]["given"] == []
    assert risk.post("/api/rules/GIFT/revoke", {"reason": "x", "since": "2099-01-01"})[1]["counts"] == {
        "lots taken back": 0,
        "players": 0,
    }


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("submit", {"forecast_cost": "0"}),
        ("submit", {"forecast_cost": 1.234}),
        ("submit", {"forcast": 1}),
        ("submit", {"note": "x" * 501}),
        ("approve", {}),
        ("approve", {"version": 1}),
        ("approve", {"version": "1", "content_hash": "x"}),
        ("reject", {"version": 1}),
        ("reject", {"version": 1, "reason": ""}),
        ("pause", {}),
        ("pause", {"reason": 7}),
        ("resume", {"why": "x"}),
        ("archive", {"reason": "x" * 501}),
        ("revoke", {}),
        ("revoke", {"reason": "x", "since": "soon"}),
        ("revoke", {"reason": "x" * 201}),
    ],
    ids=str,
)
def test_bad_input_is_refused_and_changes_nothing(users: dict[str, User], step: str, body: dict[str, Any]) -> None:
    root = ApiUser(users["Superuser"])
    cast.make_rule("GIFT")
    before = RewardRule.objects.values().get()

    answer = root.post(f"/api/rules/GIFT/{step}", body)

    assert answer[0] == 400, answer
    error_of(answer)
    assert RewardRule.objects.values().get() == before


@pytest.mark.parametrize(
    ("step", "body"),
    [
        ("submit", {}),
        ("approve", {"version": 1, "content_hash": "x"}),
        ("reject", {"version": 1, "reason": "x"}),
        ("pause", {"reason": "x"}),
        ("resume", {}),
        ("archive", {}),
        ("revoke", {"reason": "x"}),
    ],
    ids=str,
)
def test_an_unknown_rule_is_not_found(users: dict[str, User], step: str, body: dict[str, Any]) -> None:
    assert code_of(ApiUser(users["Superuser"]).post(f"/api/rules/NOTHING/{step}", body)) == (404, "not_found")
