"""Phase two: decide what each candidate is given, player by player in the order of the rules. One statement per chunk.

Here is only what rewards compete for: exclusive groups → profitability → caps; budgets are settled in
`rewards.budgets`, so what comes after a rule with a budget waits for all players. What speaks against a match by itself
was found by `rewards.judging`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Floor, Greatest, Least

from core.bulk import hashed_joins
from core.expressions import Not, Sql, partly_written_out
from core.plans import are_plans_kept, run_planned
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range, is_open_bound
from rewards.definitions import RuleDefinition
from rewards.guard import rule_guard
from rewards.holdout import GLOBAL, RULE, global_holdout
from rewards.judging import with_stages
from rewards.models import RewardType
from rewards.occasions import Occasion
from safety.profitability import cost_terms, counted_sql, expected_cost_expression, is_profitable_expression

_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)


def allocation_blocks(rules: Sequence[RuleDefinition]) -> list[list[RuleDefinition]]:
    """Cut the rules, in order, after each one with a budget: only these must wait for all players."""
    blocks: list[list[RuleDefinition]] = [[]]
    for rule in rules:
        blocks[-1].append(rule)
        if rule.limits.has_budget:
            blocks.append([])
    return [block for block in blocks if block]


def allocate_rules(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> int:
    """Decide every candidate of the rules in the range, beside what the run gave before; return how many.

    The rules come in the order they are decided in. After one with a budget the budget is to be settled first.
    """
    unbound, is_one = occasion.unbound(), len(rules) == 1
    sql, params = _allocation_sql(unbound, is_one=is_one)
    terms = ", ".join(_told_terms(rule, unbound) for rule in rules)
    told = {_Told.TERMS: f"[{terms}]", _Told.NUMBERS: [rule.number for rule in rules]}
    bound = [told[param] if isinstance(param, _Told) else param for param in params]
    bound = bind_range(occasion.bind(bound), keys=keys)
    # Of one rule nothing is joined but by key; and a plan that is kept is for a few players.
    with nullcontext() if is_one or are_plans_kept() else hashed_joins():
        return run_planned(sql, bound)


class _Told(Enum):
    """What stands in the compiled statement for the rules it is told."""

    TERMS = 1
    NUMBERS = 2


@lru_cache(maxsize=1024)
def _told_terms(rule: RuleDefinition, occasion: Occasion) -> str:  # noqa: ARG001  the values in force then
    """Return what allocation must know of a rule, as JSON, once per run, or live once for all of the same policies.

    `smallest_units` is how many of its smallest units the unit of the reward is made of.
    """
    cost = cost_terms(rule.reward.terms)
    terms = {
        "rule_number": rule.number,
        "unit_value": cost.unit_value,
        "cost_max": cost.cost_max,
        "smallest_units": 1 if rule.reward.type is RewardType.TICKETS else 100,
        "min_amount": rule.reward.min_amount,
        "is_perk": rule.reward.type is RewardType.VIP_PERKS,
        "exclusive_group": rule.limits.exclusive_group,
    }
    return json.dumps(terms, default=str)


# What is read of a candidate to tell what it is given beside others.
_COMPETING = (
    "amount",
    "expected_cost",
    "expected_margin",
    "granted_cost",
    "cost_rate",
    "cap_room",
    "rule_room",
    "is_held_out",
    "reason",
)
# The candidates of a player are gone through one after the other, all players at once: what one is given counts for the
# next. Only what that needs is carried along; amounts count as they are stored, in cents.
_ALLOCATION_SQL = """
    INSERT INTO rule_allocations
        (run_id, player_id, rule_number, verdict, reason, reasons, amount_computed, amount_given, money_value,
         expected_cost, expected_margin, wager_per_active_day, active_days, retention_multiplier, house_edge,
         cost_rate, granted_cost, wagering_multiplier, exclusive_group, decision_id, last_decision_id)
    WITH RECURSIVE queue AS MATERIALIZED (
        SELECT c.ctid AS row_id, c.player_id, {competing}, t.unit_value, t.cost_max, t.smallest_units,
               t.min_amount, t.is_perk, t.exclusive_group,
               row_number() OVER (PARTITION BY c.player_id ORDER BY t.ordinality) AS place
        FROM rule_candidates c
        JOIN ROWS FROM (jsonb_to_recordset(%s::jsonb) AS (
            rule_number integer, unit_value numeric, cost_max numeric, smallest_units integer, min_amount numeric,
            is_perk boolean, exclusive_group text)) WITH ORDINALITY t ON t.rule_number = c.rule_number
        WHERE {of_run}
    ),
    decided AS ({decided})
    SELECT run_id, player_id, rule_number, {verdict}, CASE WHEN is_held_out THEN 'HELD_OUT' ELSE other_reason END,
           {reasons}, amount_computed, CASE WHEN is_given THEN amount_after_caps ELSE 0 END,
           given_value, CASE WHEN is_given THEN given_cost ELSE expected_cost END,
           expected_margin, wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate,
           granted_cost + given_cost_run, wagering_multiplier, exclusive_group, nextval('reward_decisions_id_seq'),
           last_decision_id
    FROM (
        SELECT c.*, d.given_cost_run, d.cap_room_left, d.rule_room_left, d.amount_after_caps, d.other_reason,
               d.is_given, d.given_value, d.given_cost, d.exclusive_group
        FROM (SELECT * FROM decided ORDER BY row_id OFFSET 0) d
        CROSS JOIN LATERAL (SELECT * FROM rule_candidates r WHERE r.ctid = d.row_id LIMIT 1) c
    ) final
"""


@lru_cache(maxsize=32)
def _allocation_sql(occasion: Occasion, *, is_one: bool) -> Sql:
    """Compile the statement once per run, or live once for all that finds the same policies.

    One rule has one candidate per player, and nobody's next: half of the statement need not be planned.
    """
    in_range, range_params = UNBOUND_RANGE.condition("c.player_id")
    of_run = [occasion.run_id, _Told.NUMBERS, *range_params]
    decided, params = _decided_sql(_first_sql(), [occasion.run_id])
    if not is_one:
        following, following_params = _decided_sql(_next_sql(), [])
        decided, params = f"{decided} UNION ALL {following}", [*params, *following_params]
    sql = _ALLOCATION_SQL.format(
        competing=", ".join(f"c.{column}" for column in _COMPETING),
        of_run=f"c.run_id = %s AND c.rule_number = ANY (%s) AND {in_range}",
        decided=decided,
        verdict=VERDICT_SQL,
        reasons=reasons_sql(),
    )
    return partly_written_out(
        sql,
        [_Told.TERMS, *of_run, *params],
        is_open=lambda param: isinstance(param, _Told) or occasion.is_open(param) or is_open_bound(param),
    )


def _given_before_sql(player: str) -> str:
    """Return a relation of one row: what the run has given the player in that column so far."""
    return f"""
        SELECT coalesce(sum(a.money_value), 0) AS given_value_run, coalesce(sum(a.expected_cost), 0) AS given_cost_run,
               coalesce(array_agg(a.exclusive_group::text), '{{}}') AS groups_taken
        FROM rule_allocations a WHERE a.run_id = %s AND a.player_id = {player} AND a.amount_given > 0"""


def _first_sql() -> str:
    is_taken = _is_group_taken_sql("q.exclusive_group", groups="g.groups_taken")
    return f"""
        SELECT q.*, g.*, {is_taken} AS is_group_taken
        FROM queue q CROSS JOIN LATERAL ({_given_before_sql("q.player_id")}) g WHERE q.place = 1"""


def _next_sql() -> str:
    is_taken = _is_group_taken_sql("q.exclusive_group", groups="d.groups_then")
    return f"""
        SELECT q.*, d.value_then AS given_value_run, d.cost_then AS given_cost_run, d.groups_then AS groups_taken,
               {is_taken} AS is_group_taken
        FROM decided d JOIN queue q ON q.player_id = d.player_id AND q.place = d.place + 1"""


def _is_group_taken_sql(group: str, *, groups: str) -> str:
    return f"({group} <> '' AND {group} = ANY ({groups}))"


def _decided_sql(sql: str, params: list[Any]) -> Sql:
    """Wrap candidates, beside what was given before them, in what is decided of them and what was given then."""
    judged, judged_params = with_stages(sql, params, _stages())
    sql = f"""
        SELECT player_id, row_id, place, given_cost_run, cap_room_left, rule_room_left, amount_after_caps,
               other_reason, is_given, given_value, given_cost, exclusive_group,
               given_value_run + given_value AS value_then, given_cost_run + given_cost AS cost_then,
               CASE WHEN is_given THEN groups_taken || exclusive_group ELSE groups_taken END AS groups_then
        FROM (
            SELECT *, {_IS_GIVEN_SQL} AS is_given,
                   (CASE WHEN {_IS_GIVEN_SQL} THEN {_GIVEN_VALUE_SQL} ELSE 0 END)::numeric(18, 2) AS given_value,
                   (CASE WHEN {_IS_GIVEN_SQL} THEN cost_after_caps ELSE 0 END)::numeric(18, 2) AS given_cost
            FROM ({judged} OFFSET 0) judged OFFSET 0
        ) settled"""
    return sql, judged_params


_GIVEN_VALUE_SQL = counted_sql("amount_after_caps * unit_value")


def competing_candidates(rule: RuleDefinition, *, occasion: Occasion, candidates: Sql) -> Sql:
    """Return the relation of a rule's candidates with what the run gave before, and what that leaves of the caps.

    `candidates` is a relation of `judged_matches`.
    """
    relation, relation_params = candidates
    sql = f"""
        SELECT c.*, t.smallest_units, t.is_perk, t.exclusive_group, g.*,
               {_is_group_taken_sql("t.exclusive_group", groups="g.groups_taken")} AS is_group_taken
        FROM {relation} c CROSS JOIN jsonb_to_record(%s::jsonb) t (
            smallest_units integer, is_perk boolean, exclusive_group text)
        CROSS JOIN LATERAL ({_given_before_sql("c.player_id")}) g
    """
    return with_stages(sql, [*relation_params, _told_terms(rule, occasion), occasion.run_id], _stages())


_WOULD_BE_SQL = """CASE
    WHEN other_reason IN ('ABUSE_REVIEW', 'NEEDS_APPROVAL') THEN 'PENDING_REVIEW'
    WHEN other_reason <> '' THEN 'REJECTED'
    WHEN amount_after_caps < amount_computed THEN 'REDUCED'
    ELSE 'APPROVED' END"""
# The verdicts that give something, told without asking for the verdict.
_IS_GIVEN_SQL = "(NOT is_held_out AND other_reason = '')"
VERDICT_SQL = f"CASE WHEN is_held_out THEN 'HELD_OUT' ELSE {_WOULD_BE_SQL} END"


def reasons_sql() -> str:
    """Return the reasons with their figures; a held-out match keeps what it would have been, why, and been given."""
    group = f"CASE WHEN {global_holdout().condition('player_id')} THEN '{GLOBAL}' ELSE '{RULE}' END"
    return f"""
    CASE WHEN is_held_out THEN jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
             'code', 'HELD_OUT', 'group', {group}, 'would_be', {_WOULD_BE_SQL},
             'would_be_reason', nullif(other_reason, ''),
             'would_give', CASE WHEN other_reason = '' THEN amount_after_caps ELSE 0 END)))
         WHEN reason <> '' THEN reasons
         WHEN other_reason = 'EXCLUSIVE_GROUP' THEN '[{{"code": "EXCLUSIVE_GROUP"}}]'
         WHEN other_reason <> '' THEN jsonb_build_array(jsonb_build_object('code', other_reason) || CASE other_reason
             WHEN 'UNPROFITABLE' THEN jsonb_strip_nulls(jsonb_build_object(
                 'expected_cost', expected_cost, 'granted_before', granted_cost + given_cost_run,
                 'expected_margin', expected_margin))
             WHEN 'CAP' THEN jsonb_build_object('room', cap_room_left, 'cap', cap_name) || coalesce(cap_source, '{{}}')
             WHEN 'RULE_GUARD' THEN jsonb_build_object('room', rule_room_left)
             WHEN 'BELOW_MINIMUM' THEN jsonb_build_object('amount', amount_after_caps)
             ELSE '{{}}'::jsonb END)
         WHEN amount_after_caps < amount THEN coalesce(reasons, '[]') || jsonb_build_array(jsonb_build_object(
             'code', CASE WHEN rule_room_left < cap_room_left THEN 'RULE_GUARD_CUT' ELSE 'CAP_CUT' END,
             'room', least(cap_room_left, rule_room_left), 'from', amount, 'to', amount_after_caps)
             || CASE WHEN rule_room_left < cap_room_left THEN '{{}}'::jsonb
                     ELSE jsonb_build_object('cap', cap_name) || coalesce(cap_source, '{{}}') END)
         ELSE coalesce(reasons, '[]')
    END"""


def _stages() -> list[dict[str, Combinable | Q]]:
    left = Greatest(F("cap_room") - F("given_value_run"), Value(Decimal(0)), output_field=_MONEY)
    return [
        {"cap_room_left": left, "rule_room_left": _rule_room_left()},
        {"amount_after_caps": _within_room()},
        {"other_reason": _first_reason(), "cost_after_caps": expected_cost_expression(amount=F("amount_after_caps"))},
    ]


def _rule_room_left() -> Combinable:
    """Return what the guard over all rules leaves, which counts their rewards alone; unknown where there is none."""
    if rule_guard() is None:
        return F("rule_room")
    return Greatest(F("rule_room") - F("given_value_run"), Value(Decimal(0)), output_field=_MONEY)


def _within_room() -> Combinable:
    """Return the amount that fits under caps and guard, rounded down so that it really fits; all that is worth 0."""
    # Least leaves out what is unknown.
    units = Least(F("cap_room_left"), F("rule_room_left"), output_field=_MONEY) / F("unit_value")
    fitting = Floor(units * F("smallest_units"), output_field=_EXACT) / F("smallest_units")
    within = Least(F("amount"), fitting, output_field=_MONEY)
    return Case(When(unit_value=0, then=F("amount")), default=within, output_field=_MONEY)


def obstacles() -> dict[str, Q]:
    """Return by reason code what may speak against a reward beside others, in the order it is looked at."""
    return {
        "EXCLUSIVE_GROUP": Q(is_group_taken=True),
        "UNPROFITABLE": Q(Not(is_profitable_expression())),
        "RULE_GUARD": Q(amount_after_caps__lte=0, rule_room_left__lt=F("cap_room_left")),
        "CAP": Q(amount_after_caps__lte=0),
        "BELOW_MINIMUM": Q(amount_after_caps__lt=F("min_amount")),
        "NEEDS_APPROVAL": Q(is_perk=True, amount__gt=0),
    }


def _first_reason() -> Case:
    """Return the code of the first thing that speaks against the reward, empty where nothing does."""
    whens = [When(obstacle, then=Value(code)) for code, obstacle in obstacles().items()]
    by_itself = When(Q(reason__gt=""), then=F("reason"))
    return Case(by_itself, *whens, default=Value(""), output_field=CharField())
