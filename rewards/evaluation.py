"""Phase one: which players match which rules, and what amount each rule computes for them.

One scan of a chunk's facts evaluates all rules: a row is read once and yields the rules that hold, with their amounts,
as one row of `player_matches`. Measured on a hundred thousand players and fifty rules, one scan per rule takes three
times as long, and a row per match half as long again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

from core.expressions import Sql, compile_expression, written_out
from core.plans import fetch_planned
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range
from rewards.conditions.ordering import cheapest_first, foreseen
from rewards.definitions import RuleDefinition
from rewards.expressions import condition_expression, reward_amount_expression
from rewards.models import PlayerFacts, RewardType

RULES_PER_SCAN = 64


def match_rules(rules: Iterable[RuleDefinition], *, run_id: int, keys: KeyRange = ALL_KEYS) -> int:
    """Store the matches of every rule among the run's facts in the range; return how many.

    A match's amount is NULL where the formula has no value.
    """
    found = (_match_together(together, _COUNTED, run_id=run_id, keys=keys) for together in _together(rules))
    return sum(count for rows in found for (count,) in rows)


def matched_rules(rules: Iterable[RuleDefinition], *, run_id: int, keys: KeyRange) -> set[int]:
    """Store the same for few players; return the numbers of the rules that match any of them."""
    found = (_match_together(together, _NAMED, run_id=run_id, keys=keys) for together in _together(rules))
    return {number for rows in found for (number,) in rows}


class _Answer(NamedTuple):
    """What a scan tells about the matches it stored: columns of theirs, and what is asked of these."""

    returned: str
    sql: str


_COUNTED = _Answer(returned="match_count", sql="SELECT coalesce(sum(match_count), 0)::bigint FROM stored")
_NAMED = _Answer(
    returned="matches", sql="SELECT DISTINCT m.rule_number FROM stored CROSS JOIN LATERAL unnest(stored.matches) m"
)


def _together(rules: Iterable[RuleDefinition]) -> Iterator[tuple[RuleDefinition, ...]]:
    remaining = iter(rules)
    while together := tuple(islice(remaining, RULES_PER_SCAN)):
        yield together


def _match_together(
    rules: tuple[RuleDefinition, ...], answer: _Answer, *, run_id: int, keys: KeyRange
) -> list[tuple[Any, ...]]:
    _, bounds = UNBOUND_RANGE.condition("player_id")
    return fetch_planned(_matching_sql(rules, answer), [run_id, *bind_range(bounds, keys=keys)])


@lru_cache(maxsize=64)
def _matching_sql(rules: tuple[RuleDefinition, ...], answer: _Answer) -> str:
    """Compile the scan of a set of rules once; what is bound later are the run and the range."""
    found = [_match_if_it_holds(rule) for rule in rules]
    matches = written_out(", ".join(sql for sql, _ in found), [param for _, params in found for param in params])
    in_range, _ = UNBOUND_RANGE.condition("player_facts.player_id")
    # OFFSET 0 keeps the planner from computing the matches once for each use.
    return f"""
        WITH stored AS (
            INSERT INTO player_matches (run_id, match_count, player_id, matches)
            SELECT run_id, cardinality(matches), player_id, matches FROM (
                SELECT run_id, player_id, array_remove(ARRAY[{matches}]::rule_match[], NULL) AS matches
                FROM player_facts WHERE run_id = %s AND {in_range} OFFSET 0
            ) found WHERE cardinality(matches) > 0
            RETURNING {answer.returned}
        )
        {answer.sql}
    """


def _match_if_it_holds(rule: RuleDefinition) -> Sql:
    # The database looks at conditions from left to right.
    condition = condition_expression(cheapest_first(foreseen(rule.conditions)), rule_number=rule.number)
    holds, params = compile_expression(condition, model=PlayerFacts) if condition else ("true", [])
    amount, amount_params = _amount_of(rule)
    return f"CASE WHEN {holds} THEN ROW({rule.number}, {amount})::rule_match END", [*params, *amount_params]


def _amount_of(rule: RuleDefinition) -> Sql:
    return compile_expression(
        reward_amount_expression(
            formula=rule.reward.formula,
            max_amount=rule.reward.max_amount,
            is_whole=rule.reward.type is RewardType.TICKETS,
            rule_number=rule.number,
        ),
        model=PlayerFacts,
    )
