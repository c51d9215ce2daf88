"""What somebody who approves must see: the version beside what runs, who edited it, the forecast, and what is amiss."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rewards.jurisdictions.saving import jurisdiction_warnings
from rewards.models import RewardRule, RuleAct, RuleApproval, RuleEvent, RuleStatus
from rewards.policies import RULE_GUARDRAIL_TIMES
from rewards.rule_life.requests import waiting_request
from rewards.rule_life.versions import Change, candidate_version, changes_between, editors_of, version_of
from rewards.rules import apply_content


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A version that is not approved yet, compared with the one that is (`base_version` None: there is none)."""

    version: int
    base_version: int | None
    changes: list[Change]
    editors: list[str]
    request: RuleApproval | None
    guardrail: Decimal | None
    warnings: list[str]

    @property
    def is_new(self) -> bool:
        """Whether no version of the rule was ever approved: all it says is then listed as changed."""
        return self.base_version is None

    @property
    def is_waiting(self) -> bool:
        """Whether it can be approved now."""
        return self.request is not None

    @property
    def barred(self) -> list[str]:
        """The names of those who may not approve it."""
        submitter = self.request.submitted_by if self.request else None
        return sorted({*self.editors, *([submitter.get_username()] if submitter else [])})


def review_of(rule: RewardRule) -> Review | None:
    """Return the review of what a rule's next approval would let run, or None where there is nothing to approve."""
    version = candidate_version(rule)
    if version is None:
        return None
    content = version_of(rule.pk, version).content
    base = None if rule.approved_version is None else rule.version
    request = waiting_request(rule.pk)
    forecast = request.forecast_cost if request else None
    return Review(
        version=version,
        base_version=base,
        changes=_said_by(content) if base is None else changes_between(version_of(rule.pk, base).content, content),
        editors=editors_of(rule.pk, version=version, base_version=rule.approved_version),
        request=request,
        guardrail=None if forecast is None else forecast * RULE_GUARDRAIL_TIMES.value(),
        warnings=_warnings(rule, content, request=request),
    )


def _said_by(content: dict[str, Any]) -> list[Change]:
    """Return what a first version says; what it leaves open is left out."""
    return [change for change in changes_between({}, content) if change.after not in (None, "", {}, [])]


def _warnings(rule: RewardRule, content: dict[str, Any], *, request: RuleApproval | None) -> list[str]:
    warnings = []
    if request is not None and request.forecast_cost is None:
        warnings.append("There is no forecast, so no guardrail will stop this rule.")
    if not content.get("daily_budget") and not content.get("total_budget"):
        warnings.append("It has neither a daily nor a total budget.")
    if not content.get("conditions"):
        warnings.append("It has no conditions: it is for every player.")
    warnings += jurisdiction_warnings(_as_said(rule, content))
    if rule.status == RuleStatus.PAUSED:
        warnings.append("The rule is paused and stays so until somebody resumes it.")
    return warnings


def _as_said(rule: RewardRule, content: dict[str, Any]) -> RewardRule:
    """Return a rule of that content, not saved."""
    said = RewardRule(rule_id=rule.pk, number=rule.number)
    apply_content(said, content)
    return said


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleState:
    """Where a rule stands in its life, and the last step that led there."""

    rule: RewardRule
    version: int | None
    request: RuleApproval | None
    last: RuleEvent | None
    last_rejection: RuleEvent | None
    warnings: tuple[str, ...] = ()


def state_of(rule: RewardRule) -> RuleState:
    """Return what the rule's page says above its form; `version` is the one that is not approved yet."""
    events = RuleEvent.objects.filter(rule=rule).select_related("by")
    last = events.exclude(act__in=[RuleAct.EDITED, RuleAct.LAPSED]).first()
    version = candidate_version(rule)
    return RuleState(
        rule=rule,
        version=version,
        request=waiting_request(rule.pk),
        last=last,
        last_rejection=last if last and last.act == RuleAct.REJECTED and version else None,
        warnings=tuple(jurisdiction_warnings(rule)) if rule.status != RuleStatus.ARCHIVED else (),
    )
