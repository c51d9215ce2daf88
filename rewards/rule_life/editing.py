"""People change rules: of a rule that is out, only what lowers it holds at once; all else waits for an approval."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from rewards.models import RewardRule, RewardRuleVersion, RuleAct, RuleStatus
from rewards.policies import is_approval_needed
from rewards.problems import Problem, RuleInvalidError
from rewards.rule_life.approval import submit_rule, withdraw_rule
from rewards.rule_life.errors import RuleStatusError
from rewards.rule_life.events import record_event
from rewards.rule_life.requests import lapse_requests
from rewards.rule_life.stopping import archive_rule, pause_rule, resume_rule, wait_for_postings
from rewards.rule_life.versions import (
    UNAPPROVED_STATUSES,
    candidate_version,
    is_lowering,
    next_version,
    version_of,
)
from rewards.rules import (
    apply_content,
    check_rule_id,
    find_problems,
    locked_or_new_rule,
    read_content,
    save_rule,
    version_content,
    write_rule,
)

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_STOPPED = (RuleStatus.PAUSED, RuleStatus.ARCHIVED)
_BY_REQUEST = "Asked for when it was saved"


@transaction.atomic
def change_rule(
    *, rule_id: str, content: Mapping[str, Any], by: User, at: datetime | None = None, reason: str = ""
) -> RewardRule:
    """Create a rule or change the keys given, as a person does; return the rule as it stands.

    Of a rule that is out, the changed content is a draft beside the version that runs (`pending_version`), but for what
    only lowers budgets or the maximum amount. A wish for the status ACTIVE submits what waits, or resumes what is
    paused; PAUSED and ARCHIVED are done. Where RULE_APPROVAL is NOT_REQUIRED, all of it holds at once. Raises
    RuleInvalidError, RuleStatusError and the errors of the steps; then nothing is written.
    """
    check_rule_id(rule_id)
    at = at or timezone.now()
    given, problems = read_content(content)
    status = given.pop("status", None)
    problems += _status_problems(status)
    if status in _STOPPED:
        wait_for_postings(rule_id)
    rule, is_new = locked_or_new_rule(rule_id)
    if rule.status == RuleStatus.ARCHIVED:
        raise RuleStatusError(f"rule {rule_id} is archived: make a new one from it", status=rule.status)
    if not is_approval_needed():
        _raise_if_any(problems)
        kept = {"status": status} if status is not None and (is_new or status not in _STOPPED) else {}
        rule = save_rule(rule_id=rule_id, content={**given, **kept}, saved_by=by)
    elif is_new or rule.status in UNAPPROVED_STATUSES:
        _change_draft(rule, given, problems, is_new=is_new, by=by, at=at)
    else:
        _change_beside(rule, given, problems, by=by, at=at)
    rule.refresh_from_db()
    _follow_status(rule, status, by=by, at=at, reason=reason or _BY_REQUEST)
    rule.refresh_from_db()
    return rule


def _status_problems(status: Any) -> list[Problem]:
    if status is None or status in RuleStatus.values:
        return []
    return [Problem("status", f"{status!r} is not usable"[:80], "one of " + ", ".join(RuleStatus.values))]


def _change_draft(
    rule: RewardRule, given: dict[str, Any], problems: list[Problem], *, is_new: bool, by: User, at: datetime
) -> None:
    """Change a rule that never ran, in place; what waits to be approved of it has lapsed."""
    before = version_content(rule)
    _apply_checked(rule, given, problems)
    is_changed = is_new or version_content(rule) != before
    status_before = "" if is_new else rule.status
    if is_changed and not is_new:
        rule.version = next_version(rule)
        rule.status = RuleStatus.DRAFT
        _lapse(rule, by=by, at=at, status_before=status_before)
    write_rule(rule, is_new=is_new, saved_by=by)
    if is_changed:
        record_event(rule, RuleAct.EDITED, at=at, by=by, status_before=status_before)


def _apply_checked(rule: RewardRule, given: dict[str, Any], problems: list[Problem]) -> None:
    found = [*problems, *apply_content(rule, given)]
    found += find_problems(rule, reported={problem.path for problem in found})
    _raise_if_any(found)


def _raise_if_any(problems: list[Problem]) -> None:
    if problems:
        raise RuleInvalidError(problems)


def _lapse(rule: RewardRule, *, by: User, at: datetime, status_before: str) -> None:
    if lapse_requests(rule, at=at, reason=f"{by.get_username()} changed the content"):
        record_event(rule, RuleAct.LAPSED, at=at, by=by, status_before=status_before, reason="The content changed")


def _change_beside(rule: RewardRule, given: dict[str, Any], problems: list[Problem], *, by: User, at: datetime) -> None:
    """Change a rule that is out: what only lowers holds at once, all else goes to the draft beside it."""
    running = version_content(rule)
    lowered = copy.copy(rule)
    if not problems and not apply_content(lowered, given) and is_lowering(running, version_content(lowered)):
        _lower(rule, given, by=by, at=at)
        return
    draft = _draft_of(rule)
    before = version_content(draft)
    _apply_checked(draft, given, problems)
    if (wanted := version_content(draft)) != before:
        _keep_draft(rule, None if wanted == running else wanted, by=by, at=at)


def _draft_of(rule: RewardRule) -> RewardRule:
    """Return what an edit goes on from, in memory: the draft beside the rule, or else what runs."""
    draft = copy.copy(rule)
    if rule.pending_version is not None:
        apply_content(draft, version_of(rule.pk, rule.pending_version).content)
    return draft


def _keep_draft(rule: RewardRule, content: dict[str, Any] | None, *, by: User, at: datetime) -> None:
    """Make the content the draft beside what runs; None where it says what runs already."""
    rule.pending_version = None
    if content is not None:
        rule.pending_version = next_version(rule)
        RewardRuleVersion.objects.create(rule=rule, version=rule.pending_version, content=content, saved_by=by)
    rule.updated_at = at
    rule.save(update_fields=["pending_version", "updated_at"])
    _lapse(rule, by=by, at=at, status_before=rule.status)
    version = rule.version if rule.pending_version is None else rule.pending_version
    record_event(rule, RuleAct.EDITED, at=at, by=by, status_before=rule.status, version=version)


def _lower(rule: RewardRule, given: dict[str, Any], *, by: User, at: datetime) -> None:
    """Lower what runs, as a version that needs no approval; a draft beside it is lowered too, and asked for again."""
    draft = _draft_of(rule) if rule.pending_version is not None else None
    before = version_content(rule)
    _apply_checked(rule, given, [])
    rule.version = next_version(rule)
    write_rule(rule, is_new=False, saved_by=by)
    changed = {name: [before[name], after] for name, after in version_content(rule).items() if before[name] != after}
    record_event(rule, RuleAct.LOWERED, at=at, by=by, status_before=rule.status, changed=changed)
    if draft is not None:
        apply_content(draft, _lowered_only(draft, given))
        _keep_draft(rule, version_content(draft), by=by, at=at)


def _lowered_only(draft: RewardRule, given: dict[str, Any]) -> dict[str, Any]:
    """Return what of a lowering the draft does not have yet: its budgets, and the maximum amount of its own reward."""
    lowered = {name: value for name, value in given.items() if name in ("daily_budget", "total_budget")}
    if "reward_config" in given:
        most = {"max_amount": given["reward_config"]["max_amount"]} if "max_amount" in given["reward_config"] else {}
        lowered["reward_config"] = {**draft.reward_config, **most}
    trial = copy.copy(draft)
    apply_content(trial, lowered)
    return lowered if is_lowering(version_content(draft), version_content(trial)) else {}


def _follow_status(rule: RewardRule, wanted: str | None, *, by: User, at: datetime, reason: str) -> None:
    """Take the step that a status asked for with a change stands for."""
    match wanted:
        case RuleStatus.ACTIVE | RuleStatus.PENDING_APPROVAL if rule.status != RuleStatus.PENDING_APPROVAL:
            if candidate_version(rule) is not None:
                submit_rule(rule_id=rule.pk, by=by, at=at)
            if wanted == RuleStatus.ACTIVE and rule.status == RuleStatus.PAUSED:
                resume_rule(rule_id=rule.pk, by=by, at=at)
        case RuleStatus.PAUSED if rule.status == RuleStatus.ACTIVE:
            pause_rule(rule_id=rule.pk, reason=reason, by=by, at=at)
        case RuleStatus.ARCHIVED:
            archive_rule(rule_id=rule.pk, reason=reason, by=by, at=at)
        case RuleStatus.DRAFT if rule.status in UNAPPROVED_STATUSES:
            withdraw_rule(rule_id=rule.pk, by=by, at=at)
        case RuleStatus.DRAFT:
            raise RuleStatusError(
                f"rule {rule.pk} is {rule.status}: pause or archive it; its changes are a draft beside it",
                status=rule.status,
            )
