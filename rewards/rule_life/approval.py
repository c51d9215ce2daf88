"""Four eyes: a version runs once somebody has approved it who wrote no part of it. Superusers are not exempt."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import NotFoundError
from core.money import parse_amount
from rewards.models import ApprovalStatus, RewardRule, RuleAct, RuleApproval, RuleStatus
from rewards.policies import is_approval_needed
from rewards.problems import RuleInvalidError
from rewards.rule_life.errors import ApprovalOutdatedError, EditorMayNotApproveError, RuleStatusError
from rewards.rule_life.events import REASON_LENGTH_MAX, record_event
from rewards.rule_life.requests import lapse_requests, waiting_request
from rewards.rule_life.versions import candidate_version, content_hash, editors_of, version_of
from rewards.rules import apply_content, find_problems
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def locked_rule(rule_id: str) -> RewardRule:
    """Return a rule under its lock; must run inside a transaction. Raises NotFoundError."""
    rule = RewardRule.objects.select_for_update(no_key=True).filter(rule_id=rule_id).first()
    if rule is None:
        raise NotFoundError(f"there is no rule {rule_id!r}", rule_id=rule_id)
    return rule


@transaction.atomic
def submit_rule(
    *,
    rule_id: str,
    by: User | None,
    forecast_cost: object = None,
    note: str = "",
    at: datetime | None = None,
) -> RuleApproval:
    """Ask for the approval of what is not approved yet: a draft, or the draft beside a rule that is out.

    `forecast_cost` is the money value it is expected to give per business date; without one no guardrail stops it. A
    request for the same content that waits already is replaced. Raises NotFoundError, InvalidInputError,
    RuleInvalidError and RuleStatusError.
    """
    at = at or timezone.now()
    forecast = None if forecast_cost is None else parse_amount(forecast_cost, name="forecast_cost")
    check_text_field("note", note, length_max=REASON_LENGTH_MAX)
    rule = locked_rule(rule_id)
    version = candidate_version(rule)
    if version is None:
        raise RuleStatusError(
            f"rule {rule_id} is {rule.status} with nothing to approve: change it first", status=rule.status
        )
    content = version_of(rule_id, version).content
    _check_can_run(rule, content)
    lapse_requests(rule, at=at, reason="Submitted again")
    request = RuleApproval.objects.create(
        rule=rule,
        version=version,
        base_version=rule.approved_version,
        content_hash=content_hash(content),
        forecast_cost=forecast,
        note=note,
        submitted_by=by,
        submitted_at=at,
    )
    status_before = rule.status
    if rule.status == RuleStatus.DRAFT:
        _claim(rule, RuleStatus.PENDING_APPROVAL, at=at)
    record_event(
        rule,
        RuleAct.SUBMITTED,
        at=at,
        by=by,
        status_before=status_before,
        version=version,
        reason=note,
        forecast_cost=None if forecast is None else str(forecast),
    )
    return request


def _check_can_run(rule: RewardRule, content: dict[str, object]) -> None:
    """Raise RuleInvalidError where a version that was valid when it was saved is so no more."""
    tried = RewardRule(rule_id=rule.pk, number=rule.number, version=rule.version, status=rule.status)
    problems = apply_content(tried, content)
    problems += find_problems(tried, reported={problem.path for problem in problems})
    if problems:
        raise RuleInvalidError(problems)


@transaction.atomic
def approve_rule(*, rule_id: str, version: int, content_hash: str, by: User, at: datetime | None = None) -> RewardRule:
    """Let a version run that waits for approval: exactly the one, with exactly the content, that was looked at.

    A rule that is paused stays paused, with the new version. Raises NotFoundError, RuleInvalidError,
    ApprovalOutdatedError where something else waits by now, and EditorMayNotApproveError naming everybody who edited
    or submitted it.
    """
    at = at or timezone.now()
    rule = locked_rule(rule_id)
    request = _request_for(rule, version=version, given_hash=content_hash)
    if is_approval_needed():
        check_second_person(request, by=by, step="approve")
    content = version_of(rule_id, version).content
    _check_can_run(rule, content)
    _answer(request, ApprovalStatus.APPROVED, by=by, at=at)
    status_before = rule.status
    apply_content(rule, content)
    rule.version = rule.approved_version = version
    rule.pending_version = None
    rule.forecast_cost = request.forecast_cost
    rule.status = RuleStatus.PAUSED if rule.status == RuleStatus.PAUSED else RuleStatus.ACTIVE
    rule.are_places_counted = rule.max_players is not None and rule.are_places_counted
    rule.updated_at = at
    rule.save()
    forecast = None if rule.forecast_cost is None else str(rule.forecast_cost)
    record_event(rule, RuleAct.APPROVED, at=at, by=by, status_before=status_before, forecast_cost=forecast)
    rule.refresh_from_db()
    return rule


@transaction.atomic
def reject_rule(*, rule_id: str, version: int, reason: str, by: User, at: datetime | None = None) -> RewardRule:
    """Send back what waits for approval, with a reason: a rule that never ran is a draft again.

    Raises NotFoundError, InvalidInputError and ApprovalOutdatedError.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    rule = locked_rule(rule_id)
    request = _request_for(rule, version=version, given_hash=None)
    _answer(request, ApprovalStatus.REJECTED, by=by, at=at, reason=reason)
    status_before = rule.status
    if rule.status == RuleStatus.PENDING_APPROVAL:
        _claim(rule, RuleStatus.DRAFT, at=at)
    record_event(rule, RuleAct.REJECTED, at=at, by=by, status_before=status_before, version=version, reason=reason)
    return rule


@transaction.atomic
def withdraw_rule(*, rule_id: str, by: User, at: datetime | None = None) -> RewardRule:
    """Take back what waits for approval, where something does: a rule that never ran is a draft again.

    Raises NotFoundError.
    """
    at = at or timezone.now()
    rule = locked_rule(rule_id)
    status_before = rule.status
    if lapse_requests(rule, at=at, reason=f"{by.get_username()} took it back"):
        if rule.status == RuleStatus.PENDING_APPROVAL:
            _claim(rule, RuleStatus.DRAFT, at=at)
        record_event(rule, RuleAct.LAPSED, at=at, by=by, status_before=status_before, reason="Taken back")
    return rule


def check_second_person(request: RuleApproval, *, by: User, step: str) -> None:
    """Raise EditorMayNotApproveError where somebody edited or submitted what is asked for."""
    editors = editors_of(request.rule_id, version=request.version, base_version=request.base_version)
    submitter = request.submitted_by.get_username() if request.submitted_by else None
    if by.get_username() in {*editors, submitter}:
        edited = f"edited by {', '.join(editors)}" if editors else "edited by nobody"
        raise EditorMayNotApproveError(
            f"version {request.version} of rule {request.rule_id} was {edited} and submitted by "
            f"{submitter or 'the house'}: somebody else must {step} it",
            rule_id=request.rule_id,
            version=request.version,
            edited_by=editors,
            submitted_by=submitter,
        )


def _request_for(rule: RewardRule, *, version: int, given_hash: str | None) -> RuleApproval:
    """Return the request that waits, where it is the one that was looked at and its content is still what it was."""
    request = waiting_request(rule.pk)
    if request is None or request.version != version or candidate_version(rule) != version:
        waits = f"version {request.version} waits" if request else "nothing waits"
        raise ApprovalOutdatedError(
            f"version {version} of rule {rule.pk} does not wait for approval: {waits}",
            rule_id=rule.pk,
            version=version,
            waiting_version=request.version if request else None,
        )
    stored = content_hash(version_of(rule.pk, version).content)
    if stored != request.content_hash or given_hash not in (None, request.content_hash):
        raise ApprovalOutdatedError(
            f"the content of version {version} of rule {rule.pk} is not what was submitted and looked at: submit and "
            "look at it again",
            rule_id=rule.pk,
            version=version,
            content_hash=stored,
        )
    return request


def _answer(request: RuleApproval, status: ApprovalStatus, *, by: User, at: datetime, reason: str = "") -> None:
    waiting = RuleApproval.objects.filter(pk=request.pk, status=ApprovalStatus.WAITING)
    if waiting.update(status=status, decided_by=by, decided_at=at, reason=reason) != 1:
        raise ApprovalOutdatedError(f"version {request.version} of rule {request.rule_id} was decided by somebody else")


def _claim(rule: RewardRule, status: RuleStatus, *, at: datetime) -> None:
    """Take a rule to a status from the one it was read with, which must change exactly one row."""
    before = rule.status
    if RewardRule.objects.filter(pk=rule.pk, status=before).update(status=status, updated_at=at) != 1:
        raise RuleStatusError(f"rule {rule.pk} is not {before} any more", status=before)
    rule.status = status
