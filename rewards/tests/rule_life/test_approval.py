"""Four eyes: who may let a rule run, and that an approval is for one content alone."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from core.errors import InvalidInputError, NotFoundError
from core.expressions import run_statement
from players.models import Tier
from players.tests.factories import ON
from rewards.models import RewardRule, RewardRuleVersion, RuleApproval, RuleEvent
from rewards.problems import RuleInvalidError
from rewards.rule_life.approval import approve_rule, reject_rule, submit_rule
from rewards.rule_life.errors import ApprovalOutdatedError, EditorMayNotApproveError, RuleStatusError
from rewards.rule_life.requests import requests_waiting_for
from rewards.rules import active_rules, save_rule
from rewards.tests.rule_life.people import (
    acts,
    approved_by,
    changed_by,
    person,
    running_rule,
    submitted_by,
    written_by,
)

pytestmark = pytest.mark.django_db


def running_versions() -> dict[str, int]:
    return {rule.rule_id: rule.version for rule in active_rules(on=ON)}


def test_a_rule_runs_once_somebody_else_has_approved_it() -> None:
    written_by("ann")
    seen = submitted_by("ann", note="For the weekend", forecast_cost="500.00")
    assert RewardRule.objects.get().status == "PENDING_APPROVAL"

    rule = approved_by("ben", seen)

    assert (rule.status, rule.approved_version, rule.forecast_cost) == ("ACTIVE", 1, Decimal("500.00"))
    assert acts() == ["EDITED v1 ann", "SUBMITTED v1 ann", "APPROVED v1 ben"]
    assert running_versions() == {"GIFT": 1}


@pytest.mark.parametrize("rights", [{}, {"is_superuser": True}], ids=["staff", "superuser"])
def test_who_edited_a_version_may_not_approve_it(rights: dict[str, bool]) -> None:
    person("ann", **rights)
    written_by("ann")
    seen = submitted_by("ben")

    with pytest.raises(EditorMayNotApproveError, match="edited by ann and submitted by ben: somebody else must") as no:
        approved_by("ann", seen)

    assert no.value.details["edited_by"] == ["ann"]
    assert RewardRule.objects.get().status == "PENDING_APPROVAL"


def test_who_submitted_a_version_with_its_forecast_may_not_approve_it() -> None:
    written_by("ann")
    seen = submitted_by("ben", forecast_cost=1_000_000)

    with pytest.raises(EditorMayNotApproveError, match="submitted by ben"):
        approved_by("ben", seen)


def test_everybody_who_edited_since_the_last_approval_is_an_editor() -> None:
    running_rule()
    changed_by("cat", priority=5)
    changed_by("dan", cooldown_days=3)
    seen = submitted_by("dan")

    with pytest.raises(EditorMayNotApproveError, match="edited by cat, dan"):
        approved_by("cat", seen)

    assert approved_by("ann", seen).version == 3


def test_who_wrote_what_is_approved_already_may_approve_what_others_change() -> None:
    running_rule()
    changed_by("ben", priority=5)

    assert approved_by("ann", submitted_by("ben")).priority == 5


def test_an_approval_lapses_when_the_content_changes() -> None:
    written_by("ann")
    seen = submitted_by("ann")

    changed_by("ann", priority=99)

    rule = RewardRule.objects.get()
    assert (rule.status, rule.version) == ("DRAFT", 2)
    assert RuleApproval.objects.get().status == "LAPSED"
    with pytest.raises(ApprovalOutdatedError, match="version 1 of rule GIFT does not wait for approval: nothing waits"):
        approved_by("ben", seen)


def test_saving_the_same_content_leaves_the_request_waiting() -> None:
    written_by("ann")
    seen = submitted_by("ann")

    changed_by("cat", priority=0)

    assert approved_by("ben", seen).status == "ACTIVE"


@pytest.mark.parametrize("change", [{"version": 2}, {"content_hash": "0" * 64}], ids=str)
def test_nothing_is_approved_but_what_was_looked_at(change: dict[str, Any]) -> None:
    written_by("ann")
    seen = submitted_by("ann")

    with pytest.raises(ApprovalOutdatedError):
        approved_by("ben", {**seen, **change})

    assert RewardRule.objects.get().status == "PENDING_APPROVAL"


def test_a_content_changed_past_the_services_is_not_approved() -> None:
    written_by("ann")
    seen = submitted_by("ann")
    RewardRuleVersion.objects.update(content={**RewardRuleVersion.objects.get().content, "priority": 7})

    with pytest.raises(ApprovalOutdatedError, match="is not what was submitted and looked at"):
        approved_by("ben", seen)


def test_a_rule_that_cannot_be_read_any_more_is_not_approved() -> None:
    written_by("ann", conditions={"tier": "GOLD"})
    seen = submitted_by("ann")
    Tier.objects.filter(tier_level="GOLD").delete()

    with pytest.raises(RuleInvalidError, match="unknown tier 'GOLD'"):
        approved_by("ben", seen)

    assert RewardRule.objects.get().status == "PENDING_APPROVAL"


def test_a_rejected_rule_is_a_draft_again_and_keeps_the_reason() -> None:
    written_by("ann")
    seen = submitted_by("ann")

    reject_rule(rule_id="GIFT", version=seen["version"], reason="Too dear", by=person("ben"))

    assert RewardRule.objects.get().status == "DRAFT"
    request = RuleApproval.objects.get()
    assert (request.status, request.reason, request.decided_by) == ("REJECTED", "Too dear", person("ben"))
    assert RuleEvent.objects.latest("id").reason == "Too dear"
    with pytest.raises(ApprovalOutdatedError):
        approved_by("ben", seen)


def test_a_rejected_change_stays_a_draft_beside_the_rule_that_goes_on() -> None:
    running_rule()
    changed_by("ann", priority=5)
    seen = submitted_by("ann")

    reject_rule(rule_id="GIFT", version=seen["version"], reason="Why?", by=person("ben"))

    rule = RewardRule.objects.get()
    assert (rule.status, rule.priority, rule.pending_version) == ("ACTIVE", 0, 2)
    assert approved_by("ben", submitted_by("ann")).priority == 5


@pytest.mark.parametrize("reason", ["", "x" * 501, "a\x00b"])
def test_a_rejection_needs_a_reason(reason: str) -> None:
    written_by("ann")
    seen = submitted_by("ann")

    with pytest.raises(InvalidInputError, match="reason"):
        reject_rule(rule_id="GIFT", version=seen["version"], reason=reason, by=person("ben"))

    assert RuleApproval.objects.get().status == "WAITING"


@pytest.mark.parametrize("forecast", ["much", "0", "-1", "1.234", "NaN"])
def test_a_forecast_is_an_amount_above_zero(forecast: str) -> None:
    written_by("ann")

    with pytest.raises(InvalidInputError, match="forecast_cost"):
        submit_rule(rule_id="GIFT", by=person("ann"), forecast_cost=forecast)

    assert not RuleApproval.objects.exists()


def test_a_rule_is_submitted_again_with_another_forecast() -> None:
    written_by("ann")
    submitted_by("ann", forecast_cost="10.00")

    assert approved_by("ben", submitted_by("ann", forecast_cost="20.00")).forecast_cost == Decimal("20.00")
    assert sorted(RuleApproval.objects.values_list("status", flat=True)) == ["APPROVED", "LAPSED"]


def test_nothing_is_submitted_of_a_rule_that_nobody_has_changed() -> None:
    running_rule()

    with pytest.raises(RuleStatusError, match="nothing to approve"):
        submitted_by("ann")


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(NotFoundError, match="'NOTHING'"):
        submit_rule(rule_id="NOTHING", by=person("ann"))
    with pytest.raises(NotFoundError, match="'NOTHING'"):
        approve_rule(rule_id="NOTHING", version=1, content_hash="", by=person("ann"))


def test_a_queue_holds_what_one_may_approve() -> None:
    running_rule()
    changed_by("cat", priority=5)
    submitted_by("dan")

    waiting = {
        name: [one.rule_id for one in requests_waiting_for(person(name))] for name in ("ann", "ben", "cat", "dan")
    }

    assert waiting == {"ann": ["GIFT"], "ben": ["GIFT"], "cat": [], "dan": []}


def test_where_no_approval_is_needed_a_person_s_rule_runs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RULE_APPROVAL", "NOT_REQUIRED")

    written_by("ann", status="ACTIVE")
    changed_by("ann", priority=5)

    rule = RewardRule.objects.get()
    assert (rule.status, rule.version, rule.priority, rule.pending_version) == ("ACTIVE", 2, 5, None)


def test_what_the_house_saves_runs_at_once_and_takes_requests_back() -> None:
    written_by("ann")
    seen = submitted_by("ann")

    save_rule(rule_id="GIFT", content={"priority": 3, "status": "ACTIVE"}, saved_by=None)

    assert running_versions() == {"GIFT": 2}
    with pytest.raises(ApprovalOutdatedError):
        approved_by("ben", seen)


@pytest.mark.parametrize(
    "statement", ["UPDATE rule_events SET reason = 'x'", "DELETE FROM rule_events", "TRUNCATE rule_events"]
)
def test_what_happened_to_a_rule_cannot_be_changed(statement: str) -> None:
    running_rule()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        run_statement(statement, [])
