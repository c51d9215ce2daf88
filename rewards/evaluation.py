"""Phase one: which players match which rules, and what amount each rule computes for them. One statement per rule."""

from __future__ import annotations

from collections.abc import Iterable

from core.expressions import compile_expression, run_statement
from core.runs import ALL_KEYS, KeyRange
from rewards.definitions import RuleDefinition
from rewards.expressions import condition_expression, reward_amount_expression
from rewards.models import PlayerFacts, RewardType


def match_rules(rules: Iterable[RuleDefinition], *, run_id: int, keys: KeyRange = ALL_KEYS) -> int:
    """Store the matches of every rule among the run's facts in the range; return how many."""
    return sum(match_rule(rule, run_id=run_id, keys=keys) for rule in rules)


def match_rule(rule: RuleDefinition, *, run_id: int, keys: KeyRange = ALL_KEYS) -> int:
    """Store one rule's matches with the amount it computes, NULL where the formula has no value."""
    condition = condition_expression(rule.conditions, rule_number=rule.number)
    amount, amount_params = compile_expression(
        reward_amount_expression(
            formula=rule.reward.formula,
            max_amount=rule.reward.max_amount,
            is_whole=rule.reward.type is RewardType.TICKETS,
            rule_number=rule.number,
        ),
        model=PlayerFacts,
    )
    holds, holds_params = compile_expression(condition, model=PlayerFacts) if condition else ("true", [])
    in_range, range_params = keys.condition("player_facts.player_id")
    return run_statement(
        f"""
        INSERT INTO rule_matches (run_id, rule_number, player_id, amount)
        SELECT %s, %s, player_facts.player_id, {amount} FROM player_facts
        WHERE player_facts.run_id = %s AND {in_range} AND {holds}
        """,
        [run_id, rule.number, *amount_params, run_id, *range_params, *holds_params],
    )
