"""Races for a rule, each with real threads and connections of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from core.models import Run
from core.tests.threads import (
    run_together,
    running,
    transaction_held_open,
    wait_until_somebody_waits_for_a_lock,
)
from players.tests.factories import ON
from rewards.issuing import issue_rewards
from rewards.live import allocate_now
from rewards.models import RewardRule, RuleApproval, RuleBudgetDay, RuleEvent
from rewards.rule_life import revoking
from rewards.rule_life.errors import ApprovalOutdatedError
from rewards.rule_life.revoking import ask_revocation, run_revocation
from rewards.rule_life.stopping import pause_rule
from rewards.rules import active_rules
from rewards.tests.factories import allocate, issue, make_player, new_run
from rewards.tests.rule_life.people import approved_by, changed_by, person, running_rule, submitted_by, written_by
from wallet.models import LedgerEntry, Lot, PostingRefusal
from wallet.reconciliation import reconcile
from wallet.taking_back import take_back_rule

pytestmark = pytest.mark.django_db(transaction=True)


def test_two_who_approve_at_once_approve_once() -> None:
    written_by("ann")
    seen = submitted_by("ann")
    for name in ("ben", "cat"):
        person(name)

    outcomes = run_together(partial(approved_by, "ben", seen), partial(approved_by, "cat", seen))

    kinds = sorted(type(outcome).__name__ for outcome in outcomes)
    assert kinds == ["ApprovalOutdatedError", "RewardRule"]
    assert RuleEvent.objects.filter(act="APPROVED").count() == 1


def test_an_edit_under_way_is_waited_for_and_takes_the_approval_away() -> None:
    running_rule()
    changed_by("ann", priority=5)
    seen = submitted_by("ann")

    with (
        transaction_held_open(lambda: _ignore(changed_by("ann", priority=99))) as commit,
        running(partial(approved_by, "ben", seen)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert [type(outcome) for outcome in outcomes] == [ApprovalOutdatedError]
    rule = RewardRule.objects.get()
    assert (rule.version, rule.priority, rule.pending_version) == (1, 0, 3)


def test_an_approval_under_way_is_waited_for_and_the_edit_goes_on_from_it() -> None:
    running_rule()
    changed_by("ann", priority=5)
    seen = submitted_by("ann")

    with (
        transaction_held_open(lambda: _ignore(approved_by("ben", seen))) as commit,
        running(partial(changed_by, "ann", cooldown_days=3)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert isinstance(outcomes[0], RewardRule)
    rule = RewardRule.objects.get()
    assert (rule.version, rule.priority, rule.cooldown_days, rule.pending_version) == (2, 5, 0, 3)


def test_two_who_submit_at_once_leave_one_request_waiting() -> None:
    written_by("ann")
    person("ben")

    outcomes = run_together(partial(submitted_by, "ann"), partial(submitted_by, "ben"))

    assert all(isinstance(outcome, dict) for outcome in outcomes)
    assert sorted(RuleApproval.objects.values_list("status", flat=True)) == ["LAPSED", "WAITING"]


def test_two_who_pause_at_once_pause_once() -> None:
    running_rule()
    pause: Callable[[], Any] = partial(pause_rule, rule_id="GIFT", reason="Stop", by=person("ann"))

    outcomes = run_together(pause, pause)

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["RewardRule", "RuleStatusError"]
    assert RuleEvent.objects.filter(act="PAUSED").count() == 1


def test_a_pause_waits_for_the_rewards_being_posted_and_none_follow() -> None:
    make_player("alice")
    running_rule()
    first = allocate()
    make_player("bob")
    second = allocate()

    with (
        transaction_held_open(partial(_issue, first)) as commit,
        running(partial(pause_rule, rule_id="GIFT", reason="Stop", by=person("ann"))) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        assert RewardRule.objects.get().status == "ACTIVE"
        commit()

    assert isinstance(outcomes[0], RewardRule)
    with transaction.atomic():
        _issue(second)
    assert list(Lot.objects.values_list("player_id", flat=True)) == ["alice"]


def test_posting_waits_for_a_pause_under_way_and_gives_nothing() -> None:
    make_player("alice")
    running_rule()
    night = allocate()

    pause = partial(pause_rule, rule_id="GIFT", reason="Stop", by=person("ann"))
    with (
        transaction_held_open(lambda: _ignore(pause())) as commit,
        running(partial(_issue_in_transaction, night)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert outcomes == [{"REJECTED": 1}]
    assert not Lot.objects.exists()


def test_evaluations_at_once_never_pass_the_guardrail() -> None:
    for number in range(6):
        make_player(f"P{number}")
    running_rule(forecast_cost="15.00")

    outcomes = run_together(*[partial(_evaluate_player, f"P{number}") for number in range(6)])

    assert not [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert Lot.objects.count() == 3
    assert RuleBudgetDay.objects.get().given_value == 30
    assert RuleEvent.objects.filter(act="STOPPED_BY_GUARDRAIL").count() == 1
    assert RewardRule.objects.get().status == "PAUSED"


def test_two_who_revoke_at_once_take_it_back_once() -> None:
    for number in range(4):
        make_player(f"P{number}")
    running_rule()
    with transaction.atomic():
        _issue(allocate())
    first, second = asked_revocation(), asked_revocation()

    runs = run_together(partial(run_revocation, first.pk), partial(run_revocation, second.pk))

    assert all(isinstance(run, Run) for run in runs)
    assert sum(run.counts["lots taken back"] for run in runs) == 4
    assert LedgerEntry.objects.filter(transaction_type="REVERSAL").count() == 4
    assert reconcile()["entries"] == 8


def test_a_revocation_waits_for_one_under_way_and_finds_nothing_left() -> None:
    make_player("alice")
    rule = running_rule()
    with transaction.atomic():
        _issue(allocate())
    first = partial(take_back_rule, rule_number=rule.number, since=None, reason="Wrong", actor="rob", run_id=0)

    with (
        transaction_held_open(lambda: _ignore(first(at=timezone.now()))) as commit,
        running(partial(run_revocation, asked_revocation().pk)) as outcomes,
    ):
        wait_until_somebody_waits_for_a_lock()
        commit()

    assert [run.counts for run in outcomes] == [{"lots taken back": 0, "players": 0}]
    assert not PostingRefusal.objects.exists()


def test_two_workers_on_one_revocation_share_its_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoking, "LOTS_PER_CHUNK", 1)
    for number in range(6):
        make_player(f"P{number}")
    running_rule()
    with transaction.atomic():
        _issue(allocate())
    run = asked_revocation()

    run_together(partial(run_revocation, run.pk), partial(run_revocation, run.pk))

    run.refresh_from_db()
    assert (run.status, run.counts) == ("SUCCEEDED", {"lots taken back": 6, "players": 6})
    assert RuleEvent.objects.filter(act="REVOKED").count() == 1


def asked_revocation() -> Run:
    return ask_revocation(rule_id="GIFT", reason="Wrong", by=person("rob"), at=timezone.now())


def _issue(run: Run) -> None:
    issue(run)


def _issue_in_transaction(run: Run) -> dict[str, int]:
    with transaction.atomic():
        return issue(run)


def _evaluate_player(player_id: str) -> None:
    """Allocate for one player and post, as a chunk of a night that others work on does."""
    with transaction.atomic():
        run = new_run()
        rules = active_rules(on=ON)
        occasion = allocate_now(rules, run=run, player_ids=[player_id])
        issue_rewards(rules, occasion=occasion, at=timezone.now())


def _ignore(_: object) -> None:
    """Take what a step returned where nothing is to be returned."""
