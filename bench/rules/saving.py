"""Put the rules into the database in use, the way staff do."""

from __future__ import annotations

from bench.rules import RULES
from rewards.models import RuleStatus
from rewards.rules import save_rule


def save_rules(*, players: int) -> None:
    """Save all rules as active, with budgets fit for so many players."""
    for rule in RULES:
        content = rule.columns(players=players)
        save_rule(rule_id=rule.rule_id, content={**content, "status": RuleStatus.ACTIVE}, saved_by=None)
