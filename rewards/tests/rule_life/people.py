"""The people who write and approve rules, and the steps they take in the tests."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User

from rewards.models import RewardRule, RuleEvent
from rewards.rule_life.approval import approve_rule, submit_rule
from rewards.rule_life.editing import change_rule

CONTENT: dict[str, Any] = {
    "name": "Gift",
    "conditions": {},
    "reward_config": {"type": "BONUS_BALANCE", "amount": 10},
}


def person(name: str, **rights: Any) -> User:
    """Return the user of that name."""
    return User.objects.get_or_create(username=name, defaults=rights)[0]


def written_by(name: str, rule_id: str = "GIFT", /, **content: Any) -> RewardRule:
    """Return a rule that a person wrote: a draft giving everybody ten of bonus money, unless said otherwise."""
    return change_rule(rule_id=rule_id, content={**CONTENT, **content}, by=person(name))


def changed_by(name: str, rule_id: str = "GIFT", /, **content: Any) -> RewardRule:
    """Return the rule after a person's change."""
    return change_rule(rule_id=rule_id, content=content, by=person(name))


def submitted_by(name: str, rule_id: str = "GIFT", **asked: Any) -> dict[str, Any]:
    """Submit what waits of a rule; return what its approval names."""
    request = submit_rule(rule_id=rule_id, by=person(name), **asked)
    return {"rule_id": rule_id, "version": request.version, "content_hash": request.content_hash}


def approved_by(name: str, seen: dict[str, Any]) -> RewardRule:
    """Return the rule after a person approved what was submitted."""
    return approve_rule(**seen, by=person(name))


def running_rule(rule_id: str = "GIFT", forecast_cost: object = None, **content: Any) -> RewardRule:
    """Return an active rule that ann wrote and submitted and ben approved."""
    written_by("ann", rule_id, **content)
    return approved_by("ben", submitted_by("ann", rule_id, forecast_cost=forecast_cost))


def acts(rule_id: str = "GIFT") -> list[str]:
    """Return what happened to a rule, with who did it, from the first to the last."""
    events = RuleEvent.objects.filter(rule_id=rule_id).order_by("id").select_related("by")
    return [f"{event.act} v{event.version} {event.by.username if event.by else '-'}" for event in events]
