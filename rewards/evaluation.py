"""Phase one: which players match which rules, and what amount each rule computes for them.

One scan of a chunk's facts evaluates all rules: a row is read once and yields the rules that hold, with their amounts,
as one row of `player_matches`. Measured on a hundred thousand players and fifty rules, one scan per rule takes three
times as long, and a row per match half as long again.

Nearly every rule asks for segments. So the scan branches by segment first, and in a branch there is left of each rule
what its segment does not answer already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

from core.expressions import Sql, compile_expression, fetch_rows, run_statement
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range
from rewards.conditions import Condition
from rewards.conditions.simplifying import cheapest_first, foreseen, given, named_values, value_count
from rewards.definitions import RuleDefinition
from rewards.expressions import condition_expression, reward_amount_expression
from rewards.models import PlayerFacts, RewardType

RULES_PER_SCAN = 64
BRANCHED_VALUES_MAX = 2_000
_BRANCH_FIELD = "segment"
_RUN = "\x00run"


def match_rules(rules: Iterable[RuleDefinition], *, run_id: int, keys: KeyRange = ALL_KEYS) -> int:
    """Store the matches of every rule among the run's facts in the range; return how many.

    A match's amount is NULL where the formula has no value.
    """
    for together in _together(rules):
        _match_together(_branched_sql(together), run_id=run_id, keys=keys)
    # Counted afterwards: a RETURNING would keep a row of every player for it.
    in_range, params = keys.condition("player_id")
    counting = f"SELECT coalesce(sum(cardinality(matches)), 0) FROM player_matches WHERE run_id = %s AND {in_range}"
    return int(fetch_rows(counting, [run_id, *params])[0][0])


def match_rules_for_few(rules: Iterable[RuleDefinition], *, run_id: int, keys: KeyRange = ALL_KEYS) -> bool:
    """Store the same without branches, which take longer to plan than a few players to evaluate; tell whether any."""
    return 0 < sum(_match_together(_plain_sql(together), run_id=run_id, keys=keys) for together in _together(rules))


def _together(rules: Iterable[RuleDefinition]) -> Iterator[tuple[RuleDefinition, ...]]:
    remaining = iter(rules)
    while together := tuple(islice(remaining, RULES_PER_SCAN)):
        yield together


def _match_together(statement: Sql, *, run_id: int, keys: KeyRange) -> int:
    """Store the matches of some rules; return how many players have any."""
    sql, params = statement
    bound = [run_id if param == _RUN else param for param in bind_range(params, keys=keys)]
    return run_statement(sql, bound)


@lru_cache(maxsize=64)
def _branched_sql(rules: tuple[RuleDefinition, ...]) -> Sql:
    """Compile the scan of a set of rules once; the run and the range are bound later.

    Rules with long lists are written once only: every branch repeats what its segment leaves of them.
    """
    if sum(value_count(rule.conditions) for rule in rules) > BRANCHED_VALUES_MAX:
        return _plain_sql(rules)
    named = {value for rule in rules for value in named_values(rule.conditions, field_name=_BRANCH_FIELD)}
    whens = [_branch(rules, value=str(value)) for value in sorted(named, key=str)]
    otherwise, params = _array([(rule, rule.conditions) for rule in rules])
    if not whens:
        return _matching_sql(otherwise, params)
    branches = f"CASE {_BRANCH_FIELD} {' '.join(sql for sql, _ in whens)} ELSE {otherwise} END"
    return _matching_sql(branches, [*_params_of(whens), *params])


@lru_cache(maxsize=64)
def _plain_sql(rules: tuple[RuleDefinition, ...]) -> Sql:
    return _matching_sql(*_array([(rule, rule.conditions) for rule in rules]))


def _matching_sql(matches: str, params: list[Any]) -> Sql:
    in_range, range_params = UNBOUND_RANGE.condition("player_facts.player_id")
    # OFFSET 0 keeps the planner from computing the matches again for the test whether there are any.
    sql = f"""
        INSERT INTO player_matches (run_id, player_id, matches)
        SELECT run_id, player_id, matches FROM (
            SELECT run_id, player_id, array_remove({matches}, NULL) AS matches
            FROM player_facts WHERE run_id = %s AND {in_range} OFFSET 0
        ) found WHERE cardinality(matches) > 0
    """
    return sql, [*params, _RUN, *range_params]


def _branch(rules: Iterable[RuleDefinition], *, value: str) -> Sql:
    """Return the matches of players with that segment, of the rules that may hold for them."""
    left = [(rule, given(rule.conditions, field_name=_BRANCH_FIELD, value=value)) for rule in rules]
    array, params = _array([(rule, condition) for rule, condition in left if condition is not None])
    return f"WHEN %s THEN {array}", [value, *params]


def _array(rules: Iterable[tuple[RuleDefinition, Condition]]) -> Sql:
    matches = [_match_if_it_holds(rule, condition) for rule, condition in rules]
    return f"ARRAY[{', '.join(sql for sql, _ in matches)}]::rule_match[]", _params_of(matches)


def _match_if_it_holds(rule: RuleDefinition, condition: Condition) -> Sql:
    compiled = condition_expression(cheapest_first(foreseen(condition)), rule_number=rule.number)
    holds, params = compile_expression(compiled, model=PlayerFacts) if compiled else ("true", [])
    amount, amount_params = _amount_of(rule)
    return f"CASE WHEN {holds} THEN ROW({rule.number}, {amount})::rule_match END", [*params, *amount_params]


@lru_cache(maxsize=1024)
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


def _params_of(parts: Iterable[Sql]) -> list[Any]:
    return [param for _, params in parts for param in params]
