"""Pausing, resuming and archiving. A rule that somebody has stopped gives nothing more, in a night under way too."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from django.db import transaction
from django.utils import timezone

from core.expressions import fetch_rows
from core.plans import fetch_planned
from rewards.models import ApprovalStatus, RewardRule, RuleAct, RuleApproval, RuleStatus
from rewards.policies import is_approval_needed
from rewards.rule_life.approval import check_second_person, locked_rule
from rewards.rule_life.errors import ApprovalNeededError, RuleStatusError
from rewards.rule_life.events import REASON_LENGTH_MAX, announce_pause, record_event
from rewards.rule_life.requests import lapse_requests
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@transaction.atomic
def pause_rule(*, rule_id: str, reason: str, by: User | None, at: datetime | None = None) -> RewardRule:
    """Stop an active rule; nobody has to approve it. Waits for rewards that are being posted, then none follow.

    Raises NotFoundError, InvalidInputError and RuleStatusError.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    wait_for_postings(rule_id)
    rule = _stopped(locked_rule(rule_id), RuleStatus.PAUSED, from_status=RuleStatus.ACTIVE, at=at)
    event = record_event(rule, RuleAct.PAUSED, at=at, by=by, status_before=RuleStatus.ACTIVE, reason=reason)
    announce_pause(event)
    return rule


@transaction.atomic
def archive_rule(*, rule_id: str, by: User | None, reason: str = "", at: datetime | None = None) -> RewardRule:
    """Take a rule out of use for good; what it gave and said stays readable. One that is archived stays as it is.

    Raises NotFoundError and InvalidInputError.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX)
    wait_for_postings(rule_id)
    rule = locked_rule(rule_id)
    status_before = rule.status
    if status_before == RuleStatus.ARCHIVED:
        return rule
    _stopped(rule, RuleStatus.ARCHIVED, from_status=status_before, at=at)
    lapse_requests(rule, at=at, reason="The rule was archived")
    rule.pending_version = None
    rule.save(update_fields=["pending_version"])
    record_event(rule, RuleAct.ARCHIVED, at=at, by=by, status_before=status_before, reason=reason)
    return rule


@transaction.atomic
def resume_rule(*, rule_id: str, by: User | None, reason: str = "", at: datetime | None = None) -> RewardRule:
    """Let a paused rule run again with the version that was approved.

    One that its guardrail stopped is resumed by somebody who wrote no part of it. Raises NotFoundError,
    InvalidInputError, RuleStatusError, ApprovalNeededError and EditorMayNotApproveError.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX)
    rule = locked_rule(rule_id)
    if rule.status != RuleStatus.PAUSED:
        raise RuleStatusError(f"rule {rule_id} is {rule.status}: only a paused one is resumed", status=rule.status)
    if rule.approved_version is None:
        raise ApprovalNeededError(f"rule {rule_id} was never approved: submit it", rule_id=rule_id)
    if rule.is_stopped_by_guardrail and by is not None and is_approval_needed():
        _check_not_its_author(rule, version=rule.approved_version, by=by)
    paused = RewardRule.objects.filter(pk=rule_id, status=RuleStatus.PAUSED)
    if paused.update(status=RuleStatus.ACTIVE, is_stopped_by_guardrail=False, updated_at=at) != 1:
        raise RuleStatusError(f"rule {rule_id} is not paused any more")
    rule.refresh_from_db()
    record_event(rule, RuleAct.RESUMED, at=at, by=by, status_before=RuleStatus.PAUSED, reason=reason)
    return rule


def _check_not_its_author(rule: RewardRule, *, version: int, by: User) -> None:
    approvals = RuleApproval.objects.filter(rule=rule, version=version, status=ApprovalStatus.APPROVED)
    approval = approvals.select_related("submitted_by").first()
    if approval is not None:
        check_second_person(approval, by=by, step="resume")


def _stopped(rule: RewardRule, status: RuleStatus, *, from_status: str, at: datetime) -> RewardRule:
    """Take a locked rule out by a claim; return it as it stands then."""
    running = RewardRule.objects.filter(pk=rule.pk, status=from_status)
    if running.update(status=status, is_stopped_by_guardrail=False, updated_at=at) != 1:
        raise RuleStatusError(
            f"rule {rule.pk} is {rule.status}: only {from_status} leads to {status}", status=rule.status
        )
    rule.refresh_from_db()
    return rule


# Whoever posts rewards shares the lock of each rule until commit, whoever stops one takes it alone. It comes after the
# players and before the rule's row, under which budgets are settled: no settling waits for a posting.
_LOCK_CLASS = "hashtext('reward_rules.stop')"


def wait_for_postings(rule_id: str) -> None:
    """Wait for the transactions that post rewards of a rule, and keep new ones out until commit.

    To be asked before the rule's row is locked.
    """
    fetch_rows(f"SELECT pg_advisory_xact_lock({_LOCK_CLASS}, number) FROM reward_rules WHERE rule_id = %s", [rule_id])


def stopped_rules(numbers: Sequence[int]) -> list[int]:
    """Return which of the rules somebody has stopped; the others cannot be stopped until the transaction ends.

    One that its guardrail stopped is not among them: what was reserved within the guardrail is still given.
    """
    _keep_running(numbers)
    stopped = RewardRule.objects.filter(
        number__in=numbers, status__in=[RuleStatus.PAUSED, RuleStatus.ARCHIVED], is_stopped_by_guardrail=False
    )
    return list(stopped.values_list("number", flat=True))


def resting_rules(numbers: Sequence[int]) -> set[int]:
    """Return which of the rules are paused or archived, whoever did it; nobody stops another one until then."""
    return standing_of_rules(numbers).resting


class RulesStanding(NamedTuple):
    """Which of some rules rest, paused or archived, and which have a guardrail."""

    resting: set[int]
    guarded: set[int]


def standing_of_rules(numbers: Sequence[int]) -> RulesStanding:
    """Return how the rules stand; none of those that run is stopped until the transaction ends."""
    _keep_running(numbers)
    rows = fetch_planned(_STANDING_SQL, [list(numbers)])
    return RulesStanding(
        resting={number for number, is_resting, _ in rows if is_resting},
        guarded={number for number, _, is_guarded in rows if is_guarded},
    )


_STANDING_SQL = f"""
    SELECT number, status IN ('{RuleStatus.PAUSED}', '{RuleStatus.ARCHIVED}'), forecast_cost IS NOT NULL
    FROM reward_rules WHERE number = ANY (%s)
"""


def _keep_running(numbers: Sequence[int]) -> None:
    fetch_planned(
        f"SELECT count(pg_advisory_xact_lock_shared({_LOCK_CLASS}, n)) FROM "
        "(SELECT n FROM unnest(%s::int[]) n ORDER BY n) numbers",
        [sorted(numbers)],
    )
