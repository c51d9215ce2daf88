"""What people change of rules that are out: a draft beside the version that runs, but for what only lowers."""

from __future__ import annotations

from typing import Any

import pytest

from players.tests.factories import ON
from rewards.models import RewardRule, RewardRuleVersion, RuleApproval, RuleEvent
from rewards.problems import RuleInvalidError
from rewards.rule_life.approval import reject_rule
from rewards.rule_life.errors import RuleStatusError
from rewards.rule_life.stopping import archive_rule, pause_rule
from rewards.rule_life.versions import Change, changes_between, content_hash, is_lowering, version_of
from rewards.rules import active_rules
from rewards.tests.factories import evaluate, make_player, make_rule, verdicts
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

CASHBACK: dict[str, Any] = {
    "conditions": {"net_loss_min": 1},
    "reward_config": {"type": "CASHBACK", "formula": "net_loss * 0.10", "max_amount": 500},
    "daily_budget": "1000.00",
    "total_budget": "9000.00",
}


def test_a_change_waits_beside_the_version_that_runs() -> None:
    running_rule()

    rule = changed_by("ann", priority=5)

    assert (rule.status, rule.version, rule.priority, rule.pending_version) == ("ACTIVE", 1, 0, 2)
    assert [(rule.version, rule.priority) for rule in active_rules(on=ON)] == [(1, 0)]
    assert RewardRuleVersion.objects.get(version=2).content["priority"] == 5


def test_the_night_goes_on_with_the_approved_version() -> None:
    make_player("alice")
    running_rule()
    changed_by("ann", conditions={"segment": "VIP"})
    submitted_by("ann")

    evaluate()

    assert verdicts() == {"GIFT": "APPROVED"}


def test_further_changes_go_on_from_the_draft() -> None:
    running_rule()
    changed_by("ann", priority=5)
    changed_by("ann", cooldown_days=2)

    rule = approved_by("ben", submitted_by("ann"))

    assert (rule.version, rule.priority, rule.cooldown_days, rule.pending_version) == (3, 5, 2, None)


def test_a_draft_that_says_what_runs_is_no_draft() -> None:
    running_rule()
    changed_by("ann", priority=5)
    submitted_by("ann")

    rule = changed_by("ann", priority=0)

    assert (rule.pending_version, rule.version) == (None, 1)
    assert RuleApproval.objects.latest("id").status == "LAPSED"


def test_a_change_that_makes_no_sense_leaves_everything_as_it_was() -> None:
    running_rule()
    changed_by("ann", priority=5)
    seen = submitted_by("ann")

    with pytest.raises(RuleInvalidError):
        changed_by("ann", conditions={"nonsense": 1}, status="PAUSED")

    assert approved_by("ben", seen).priority == 5


LOWERED = {
    "a daily budget": {"daily_budget": "999.99"},
    "a total budget": {"total_budget": 5000},
    "the maximum amount": {"reward_config": {**CASHBACK["reward_config"], "max_amount": 499.99}},
    "both budgets": {"daily_budget": 1, "total_budget": 1},
}


@pytest.mark.parametrize("change", LOWERED.values(), ids=LOWERED)
def test_lowering_holds_at_once(change: dict[str, Any]) -> None:
    running_rule(**CASHBACK)

    rule = changed_by("ann", **change)

    assert (rule.status, rule.version, rule.approved_version, rule.pending_version) == ("ACTIVE", 2, 1, None)
    assert acts()[-1] == "LOWERED v2 ann"
    assert list(RuleEvent.objects.latest("id").details["changed"]) == list(change)


def test_a_first_limit_lowers_too() -> None:
    running_rule()

    assert changed_by("ann", daily_budget=100).version == 2


NOT_LOWERED = {
    "a raised budget": {"daily_budget": "1000.01"},
    "a removed budget": {"total_budget": None},
    "a raised maximum": {"reward_config": {**CASHBACK["reward_config"], "max_amount": 501}},
    "one lowered and one raised": {"daily_budget": 1, "total_budget": 10000},
    "a lowered budget and another priority": {"daily_budget": 1, "priority": 1},
    "a smaller share": {"reward_config": {**CASHBACK["reward_config"], "formula": "net_loss * 0.05"}},
    "a shorter cooldown": {"cooldown_days": 1},
    "another name": {"name": "Other"},
    "a holdout": {"holdout_percent": 5},
    "an end": {"ends_on": "2030-01-01"},
}


@pytest.mark.parametrize("change", NOT_LOWERED.values(), ids=NOT_LOWERED)
def test_all_else_waits_for_an_approval(change: dict[str, Any]) -> None:
    running_rule(**CASHBACK)

    rule = changed_by("ann", **change)

    assert (rule.version, rule.pending_version) == (1, 2)


def test_lowering_a_rule_lowers_the_draft_beside_it_and_takes_its_request_back() -> None:
    running_rule(**CASHBACK)
    changed_by("ann", priority=5)
    submitted_by("ann")

    rule = changed_by("cat", daily_budget=100)

    assert (rule.version, rule.priority, rule.daily_budget, rule.pending_version) == (2 + 1, 0, 100, 4)
    draft = RewardRuleVersion.objects.get(version=4).content
    assert (draft["priority"], draft["daily_budget"]) == (5, "100.00")
    assert RuleApproval.objects.latest("id").status == "LAPSED"
    approved = approved_by("ben", submitted_by("ann"))
    assert (approved.priority, approved.daily_budget) == (5, 100)


def test_lowering_leaves_a_draft_alone_that_is_lower_already() -> None:
    running_rule(**CASHBACK)
    changed_by("ann", priority=5, daily_budget=50)

    rule = changed_by("ann", daily_budget=100)

    assert rule.daily_budget == 100
    assert rule.pending_version is not None
    assert version_of("GIFT", rule.pending_version).content["daily_budget"] == "50.00"


@pytest.mark.parametrize("nonsense", ["abc", [], {}, "NaN", True])
def test_a_limit_that_is_no_number_is_refused_not_compared(nonsense: object) -> None:
    running_rule(**CASHBACK)

    with pytest.raises(RuleInvalidError, match="max_amount"):
        changed_by("ann", reward_config={**CASHBACK["reward_config"], "max_amount": nonsense})


def test_asking_for_active_submits_a_new_rule() -> None:
    assert written_by("ann", status="ACTIVE").status == "PENDING_APPROVAL"
    assert written_by("ann", "OTHER", is_active=True).status == "PENDING_APPROVAL"


def test_a_new_rule_that_shall_not_be_active_is_a_draft() -> None:
    assert written_by("ann", is_active=False).status == "DRAFT"


def test_a_change_with_the_status_active_is_submitted_beside_what_runs() -> None:
    running_rule()

    rule = changed_by("ann", priority=5, status="ACTIVE")

    assert (rule.status, rule.pending_version) == ("ACTIVE", 2)
    assert RuleApproval.objects.get(status="WAITING").version == 2


def test_the_status_pauses_resumes_and_archives_without_an_approval() -> None:
    running_rule()

    assert [changed_by("ann", status=status).status for status in ("PAUSED", "ACTIVE", "ARCHIVED")] == [
        "PAUSED",
        "ACTIVE",
        "ARCHIVED",
    ]
    assert acts()[-3:] == ["PAUSED v1 ann", "RESUMED v1 ann", "ARCHIVED v1 ann"]


def test_a_request_is_taken_back_by_asking_for_a_draft() -> None:
    written_by("ann")
    submitted_by("ann")

    assert changed_by("ann", status="DRAFT").status == "DRAFT"
    assert RuleApproval.objects.get().status == "LAPSED"


def test_a_rule_that_is_out_is_no_draft_again() -> None:
    running_rule()

    with pytest.raises(RuleStatusError, match="pause or archive it"):
        changed_by("ann", status="DRAFT")


def test_an_archived_rule_is_not_changed_any_more() -> None:
    running_rule()
    archive_rule(rule_id="GIFT", by=person("ann"))

    with pytest.raises(RuleStatusError, match="GIFT is archived"):
        changed_by("ann", status="ACTIVE")


def test_approving_the_change_of_a_paused_rule_does_not_wake_it() -> None:
    running_rule()
    pause_rule(rule_id="GIFT", reason="Holiday", by=person("ann"))
    changed_by("ann", priority=5)

    rule = approved_by("ben", submitted_by("ann"))

    assert (rule.status, rule.priority) == ("PAUSED", 5)


def test_a_rule_that_the_house_made_is_changed_like_any_other() -> None:
    make_rule()

    changed_by("ann", priority=5)
    reject_rule(rule_id="GIFT", version=submitted_by("ann")["version"], reason="No", by=person("ann"))

    assert RewardRule.objects.get().priority == 0


def test_differences_are_told_key_by_key() -> None:
    before = {"priority": 1, "reward_config": {"type": "TICKETS", "amount": 1}, "conditions": {}}
    after = {"priority": 1, "reward_config": {"type": "TICKETS", "max_amount": 5}, "conditions": {"tier": ["GOLD"]}}

    assert changes_between(before, after) == [
        Change(path="conditions", before={}, after=None),
        Change(path="conditions.tier", before=None, after=["GOLD"]),
        Change(path="reward_config.amount", before=1, after=None),
        Change(path="reward_config.max_amount", before=None, after=5),
    ]
    assert not is_lowering(before, before)


def test_the_hash_of_a_content_does_not_mind_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [2]}) == content_hash({"b": [2], "a": 1}) != content_hash({"a": 1, "b": [3]})
