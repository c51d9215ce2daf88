"""Phase two: rule by rule in priority order, decide what each candidate is given. One statement per rule and chunk.

Here is only what rewards compete for: exclusive groups → profitability → caps; budgets are settled in
`rewards.budgets`. What speaks against a match by itself was found by `rewards.judging`.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

from django.db.models import Case, CharField, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Floor, Greatest, Least

from core.expressions import Not, Sql, run_statement
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range
from rewards.definitions import RuleDefinition
from rewards.guard import rule_guard
from rewards.holdout import GLOBAL, RULE, global_holdout
from rewards.judging import with_stages
from rewards.jurisdictions.terms import MONTH_CLAUSE_SQL
from rewards.models import RewardType
from rewards.occasions import Occasion
from safety.profitability import cost_terms, expected_cost_expression, is_profitable_expression

_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)


def allocate_rule(rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> int:
    """Decide every candidate of one rule in the range; return how many."""
    sql, params = _allocation_sql(rule, occasion.unbound())
    return run_statement(sql, bind_range(occasion.bind(params), keys=keys))


@lru_cache(maxsize=256)
def _allocation_sql(rule: RuleDefinition, occasion: Occasion) -> Sql:
    """Compile a rule's statement once per run, or live once for all that finds the same policies."""
    value = cost_terms(rule.reward.terms).unit_value
    judged, params = competing_candidates(rule, occasion=occasion, keys=UNBOUND_RANGE)
    sql = f"""
        INSERT INTO rule_allocations
            (run_id, player_id, rule_number, verdict, reason, reasons, amount_computed, amount_given, money_value,
             expected_cost, expected_margin, wager_per_active_day, active_days, retention_multiplier, house_edge,
             cost_rate, granted_cost, wagering_multiplier, exclusive_group, decision_id, last_decision_id)
        SELECT run_id, player_id, rule_number, verdict, CASE WHEN is_held_out THEN 'HELD_OUT' ELSE other_reason END,
               {reasons_sql()}, amount_computed,
               CASE WHEN is_given THEN amount_after_caps ELSE 0 END,
               CASE WHEN is_given THEN round(amount_after_caps * %s, 2) ELSE 0 END,
               CASE WHEN is_given THEN cost_after_caps ELSE expected_cost END,
               expected_margin, wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate,
               granted_cost + given_cost_run, wagering_multiplier, %s, nextval('reward_decisions_id_seq'),
               last_decision_id
        FROM (
            SELECT *, {VERDICT_SQL} AS verdict, {_IS_GIVEN_SQL} AS is_given FROM ({judged} OFFSET 0) judged
        ) final
        """
    return sql, [value, rule.limits.exclusive_group, *params]


def competing_candidates(
    rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange = ALL_KEYS, candidates: Sql = ("rule_candidates", [])
) -> Sql:
    """Return the relation of a rule's candidates with what the run gave before, and what that leaves of the caps.

    `candidates` is the relation to take them from, with the columns of `rule_candidates`.
    """
    beside_others = _candidates_sql(rule, occasion=occasion, keys=keys, candidates=candidates)
    return with_stages(*beside_others, _stages(rule))


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
             WHEN 'CAP' THEN jsonb_build_object('room', cap_room_left, 'cap', cap_name) || {MONTH_CLAUSE_SQL}
             WHEN 'RULE_GUARD' THEN jsonb_build_object('room', rule_room_left)
             WHEN 'BELOW_MINIMUM' THEN jsonb_build_object('amount', amount_after_caps)
             ELSE '{{}}'::jsonb END)
         WHEN amount_after_caps < amount THEN coalesce(reasons, '[]') || jsonb_build_array(jsonb_build_object(
             'code', CASE WHEN rule_room_left < cap_room_left THEN 'RULE_GUARD_CUT' ELSE 'CAP_CUT' END,
             'room', least(cap_room_left, rule_room_left), 'from', amount, 'to', amount_after_caps)
             || CASE WHEN rule_room_left < cap_room_left THEN '{{}}'::jsonb
                     ELSE jsonb_build_object('cap', cap_name) || {MONTH_CLAUSE_SQL} END)
         ELSE coalesce(reasons, '[]')
    END"""


def _stages(rule: RuleDefinition) -> list[dict[str, Combinable | Q]]:
    terms = cost_terms(rule.reward.terms)
    left = Greatest(F("cap_room") - F("given_value_run"), Value(Decimal(0)), output_field=_MONEY)
    return [
        {"cap_room_left": left, "rule_room_left": _rule_room_left()},
        {"amount_after_caps": _within_room(rule, value=terms.unit_value)},
        {
            "other_reason": _first_reason(rule),
            "cost_after_caps": expected_cost_expression(
                amount=F("amount_after_caps"),
                unit_value=Value(terms.unit_value, output_field=_EXACT),
                cost_max=Value(terms.cost_max, output_field=_MONEY),
            ),
        },
    ]


def _rule_room_left() -> Combinable:
    """Return what the guard over all rules leaves, which counts their rewards alone; unknown where there is none."""
    if rule_guard() is None:
        return F("rule_room")
    return Greatest(F("rule_room") - F("given_value_run"), Value(Decimal(0)), output_field=_MONEY)


def _within_room(rule: RuleDefinition, *, value: Decimal) -> Combinable:
    """Return the amount that fits under caps and guard, rounded down so that it really fits.

    `value` is a unit's in money.
    """
    if not value:
        return F("amount")
    places = Value(Decimal(1 if rule.reward.type is RewardType.TICKETS else 100), output_field=_EXACT)
    # Least leaves out what is unknown.
    units = Least(F("cap_room_left"), F("rule_room_left"), output_field=_MONEY) / Value(value, output_field=_EXACT)
    return Least(F("amount"), Floor(units * places, output_field=_EXACT) / places, output_field=_MONEY)


def obstacles(rule: RuleDefinition) -> dict[str, Q]:
    """Return by reason code what may speak against a reward beside others, in the order it is looked at."""
    found = {
        "EXCLUSIVE_GROUP": Q(is_group_taken=True),
        "UNPROFITABLE": Q(Not(is_profitable_expression())),
        "RULE_GUARD": Q(amount_after_caps__lte=0, rule_room_left__lt=F("cap_room_left")),
        "CAP": Q(amount_after_caps__lte=0),
        "BELOW_MINIMUM": Q(amount_after_caps__lt=rule.reward.min_amount),
    }
    if rule.reward.type is RewardType.VIP_PERKS:
        found["NEEDS_APPROVAL"] = Q(amount__gt=0)
    return found


def _first_reason(rule: RuleDefinition) -> Case:
    """Return the code of the first thing that speaks against the reward, empty where nothing does."""
    whens = [When(obstacle, then=Value(code)) for code, obstacle in obstacles(rule).items()]
    by_itself = When(Q(reason__gt=""), then=F("reason"))
    return Case(by_itself, *whens, default=Value(""), output_field=CharField())


def _candidates_sql(rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange, candidates: Sql) -> Sql:
    """Return a rule's candidates with what the run gave each player before it."""
    in_range, range_params = keys.condition("c.player_id")
    relation, relation_params = candidates
    group = rule.limits.exclusive_group
    is_group_taken, group_params = ("bool_or(a.exclusive_group = %s)", [group]) if group else ("false", [])
    sql = f"""
        SELECT c.*, g.given_value_run, g.given_cost_run, g.is_group_taken
        FROM {relation} c
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(a.money_value), 0) AS given_value_run,
                   coalesce(sum(a.expected_cost), 0) AS given_cost_run,
                   coalesce({is_group_taken}, false) AS is_group_taken
            FROM rule_allocations a
            WHERE a.run_id = c.run_id AND a.player_id = c.player_id AND a.amount_given > 0
        ) g
        WHERE c.run_id = %s AND c.rule_number = %s AND {in_range}
    """
    return sql, [*relation_params, *group_params, occasion.run_id, rule.number, *range_params]
