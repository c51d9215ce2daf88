"""Versions of a rule: what is asked to run, who edited it, what it changes, and whether that only lowers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db.models import Max

from core.errors import NotFoundError
from rewards.models import RewardRule, RewardRuleVersion, RuleStatus

UNAPPROVED_STATUSES = (RuleStatus.DRAFT, RuleStatus.PENDING_APPROVAL)
# Where a rule is out, changes of these need no second person as long as they only lower what it may give.
LOWERABLE = ("daily_budget", "total_budget", "reward_config.max_amount")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between two versions; None where a version does not have the key."""

    path: str
    before: Any
    after: Any


def content_hash(content: dict[str, Any]) -> str:
    """Return the SHA-256 of a version's content, whatever the order of its keys."""
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def candidate_version(rule: RewardRule) -> int | None:
    """Return the version that an approval would let run: the draft beside what runs, or a rule that never ran."""
    return rule.version if rule.status in UNAPPROVED_STATUSES else rule.pending_version


def version_of(rule_id: str, version: int) -> RewardRuleVersion:
    """Return a stored version. Raises NotFoundError."""
    stored = RewardRuleVersion.objects.filter(rule_id=rule_id, version=version).first()
    if stored is None:
        raise NotFoundError(f"rule {rule_id} has no version {version}", rule_id=rule_id, version=version)
    return stored


def next_version(rule: RewardRule) -> int:
    """Return the number after the last version; the rule must be locked."""
    return 1 + int(RewardRuleVersion.objects.filter(rule=rule).aggregate(last=Max("version"))["last"] or 0)


def editors_of(rule_id: str, *, version: int, base_version: int | None) -> list[str]:
    """Return the names of those who saved any part of a version since the one approved before it."""
    saved = RewardRuleVersion.objects.filter(
        rule_id=rule_id, version__gt=base_version or 0, version__lte=version, saved_by__isnull=False
    )
    return sorted(set(saved.values_list("saved_by__username", flat=True)))


def changes_between(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """Return the differences of two contents in the order of their paths; objects are compared key by key."""
    left, right = dict(_leaves(before, "")), dict(_leaves(after, ""))
    paths = [path for path in {**left, **right} if left.get(path, _MISSING) != right.get(path, _MISSING)]
    return [Change(path=path, before=left.get(path), after=right.get(path)) for path in sorted(paths)]


_MISSING = object()


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and (value or not path):
        for key, member in value.items():
            yield from _leaves(member, f"{path}.{key}" if path else str(key))
    else:
        yield path, value


def is_lowering(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Tell whether a change does nothing but lower budgets and the maximum amount; a new limit lowers too."""
    changes = changes_between(before, after)
    return bool(changes) and all(_lowers(change) for change in changes)


def _lowers(change: Change) -> bool:
    if change.path not in LOWERABLE or change.after is None:
        return False
    try:
        return change.before is None or Decimal(str(change.after)) < Decimal(str(change.before))
    except InvalidOperation:
        return False  # no number: the rule's own check says so
