"""The record of a rule's life, and what other systems hear of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from core.models import OutboxEvent
from rewards.models import RewardRule, RuleAct, RuleEvent

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500


def record_event(
    rule: RewardRule,
    act: RuleAct,
    *,
    at: datetime,
    by: User | None,
    status_before: str,
    version: int | None = None,
    reason: str = "",
    **details: Any,
) -> RuleEvent:
    """Write down a step that has just been taken; `version` is the rule's own unless another is meant."""
    return RuleEvent.objects.create(
        rule=rule,
        act=act,
        version=rule.version if version is None else version,
        status_before=status_before,
        status_after=rule.status,
        by=by,
        at=at,
        reason=reason,
        details=details,
    )


def announce_pause(event: RuleEvent) -> None:
    """Write the outgoing event `rule.paused`."""
    payload = {
        "rule_id": event.rule_id,
        "version": event.version,
        "cause": "GUARDRAIL" if event.act == RuleAct.STOPPED_BY_GUARDRAIL else "PERSON",
        "by": event.by.get_username() if event.by else None,
        "reason": event.reason,
        "at": event.at.isoformat(),
        **event.details,
    }
    OutboxEvent.objects.create(topic="rule.paused", key=f"rule.paused:{event.pk}", payload=payload)
