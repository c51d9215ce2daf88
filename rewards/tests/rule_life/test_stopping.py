"""Pausing, resuming, archiving: no approval, a reason, an event; a rule that is stopped gives nothing more."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from players.tests.factories import ON
from rewards.live import apply_reward
from rewards.models import RewardDecision, RewardRule, RuleApproval, RuleBudgetDay, RuleEvent
from rewards.rule_life.errors import ApprovalNeededError, RuleNotInForceError, RuleStatusError
from rewards.rule_life.stopping import archive_rule, pause_rule, resume_rule
from rewards.tests.factories import allocate, decision, evaluate, issue, make_player
from rewards.tests.rule_life.people import acts, changed_by, person, running_rule, submitted_by, written_by
from wallet.models import Lot

pytestmark = pytest.mark.django_db


def pause(reason: str = "Wrong amount") -> RewardRule:
    return pause_rule(rule_id="GIFT", reason=reason, by=person("ann"))


def test_a_rule_is_paused_and_resumed_without_an_approval() -> None:
    running_rule()

    assert pause().status == "PAUSED"
    assert resume_rule(rule_id="GIFT", by=person("ann")).status == "ACTIVE"

    assert acts()[-2:] == ["PAUSED v1 ann", "RESUMED v1 ann"]
    event = RuleEvent.objects.get(act="PAUSED")
    assert (event.status_before, event.status_after, event.reason) == ("ACTIVE", "PAUSED", "Wrong amount")


def test_others_hear_of_a_pause() -> None:
    running_rule()
    pause()

    event = OutboxEvent.objects.get(topic="rule.paused")
    told = {name: event.payload[name] for name in ("rule_id", "version", "cause", "by", "reason")}
    assert told == {"rule_id": "GIFT", "version": 1, "cause": "PERSON", "by": "ann", "reason": "Wrong amount"}


@pytest.mark.parametrize("reason", ["", "x" * 501, "a\x00"])
def test_a_pause_needs_a_reason(reason: str) -> None:
    running_rule()

    with pytest.raises(InvalidInputError, match="reason"):
        pause(reason)

    assert RewardRule.objects.get().status == "ACTIVE"


def test_only_an_active_rule_is_paused_and_only_a_paused_one_resumed() -> None:
    written_by("ann")
    with pytest.raises(RuleStatusError, match="is DRAFT: only ACTIVE leads to PAUSED"):
        pause()
    with pytest.raises(RuleStatusError, match="is DRAFT: only a paused one is resumed"):
        resume_rule(rule_id="GIFT", by=person("ann"))
    with pytest.raises(NotFoundError):
        pause_rule(rule_id="NOTHING", reason="x", by=person("ann"))


def test_a_paused_rule_that_was_never_approved_is_not_resumed() -> None:
    written_by("ann")
    RewardRule.objects.update(status="PAUSED")

    with pytest.raises(ApprovalNeededError, match="never approved"):
        resume_rule(rule_id="GIFT", by=person("ann"))


def test_archiving_takes_back_what_waits_and_happens_once() -> None:
    running_rule()
    changed_by("ann", priority=5)
    submitted_by("ann")

    archive_rule(rule_id="GIFT", by=person("ann"), reason="Over")
    rule = archive_rule(rule_id="GIFT", by=person("ben"))

    assert (rule.status, rule.pending_version) == ("ARCHIVED", None)
    assert RuleApproval.objects.latest("id").status == "LAPSED"
    assert acts().count("ARCHIVED v1 ann") == 1


@pytest.mark.parametrize("status", ["PAUSED", "ARCHIVED"])
def test_what_a_night_has_allocated_of_a_rule_is_not_given_once_the_rule_is_stopped(status: str) -> None:
    make_player("alice")
    running_rule(daily_budget=100)
    night = allocate()
    changed_by("ann", status=status)

    assert issue(night) == {"REJECTED": 1}

    assert decision().reason == "RULE_STOPPED"
    assert not Lot.objects.exists()
    assert RuleBudgetDay.objects.get().given_value == 0


def test_a_perk_that_waits_for_a_review_is_refused_too_when_its_rule_is_stopped() -> None:
    make_player("alice")
    running_rule(reward_config={"type": "VIP_PERKS", "amount": 1})
    night = allocate()
    pause()

    assert issue(night) == {"REJECTED": 1}


def test_a_stopped_rule_gives_nothing_live() -> None:
    make_player("alice")
    rule = running_rule()
    pause()

    with pytest.raises(RuleNotInForceError, match="rule GIFT gives nothing on 2025-12-21: it is PAUSED"):
        apply_reward(player_id="alice", rule=rule, on=ON)
    assert not RewardDecision.objects.exists()


def test_a_player_refused_by_a_pause_is_decided_again_once_the_rule_runs() -> None:
    make_player("alice")
    running_rule()
    night = allocate()
    pause()
    issue(night)
    resume_rule(rule_id="GIFT", by=person("ann"))

    evaluate(ON + timedelta(days=1))

    assert decision().amount_given == Decimal(10)
