"""Phase two: rule by rule in priority order, decide what each match is given. One statement per rule and chunk.

Order: amount → frequency, cooldown, group → restrictions → abuse → profitability → caps → budget. The expressions of
safety are compiled against `AllocationCandidate`: a match with its facts and what it was given before in the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Floor, Least, Round
from django.db.models.lookups import LessThan

from core.expressions import Not, Sql, compile_expression, run_statement
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range
from rewards.definitions import RuleDefinition
from rewards.fields import SAFETY_COLUMNS
from rewards.models import AllocationCandidate, RewardType
from safety.abuse import amount_multiplier, wagering_multiplier
from safety.caps import cap_room_expression
from safety.profitability import (
    expected_cost_expression,
    expected_margin_expression,
    is_profitable_expression,
    unit_value,
)

_MONEY = DecimalField(max_digits=18, decimal_places=2)
_ZERO = Value(Decimal(0), output_field=_MONEY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and for what a rule is decided: the business date, and its name in the unique key of decisions."""

    run_id: int
    on: date
    name: str


def allocate_rule(rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> int:
    """Decide every match of one rule in the range; matches decided for this occasion before are left alone."""
    sql, params = _allocation_sql(rule, occasion)
    return run_statement(sql, bind_range(params, keys=keys))


@lru_cache(maxsize=256)
def _allocation_sql(rule: RuleDefinition, occasion: Occasion) -> Sql:
    """Compile a rule's statement once per run: the policies it reads are then the same for every chunk."""
    judged, params = _judged_sql(rule, occasion=occasion, keys=UNBOUND_RANGE)
    sql = f"""
        INSERT INTO rule_allocations
            (run_id, player_id, rule_number, verdict, reason, reasons, facts, amount_computed, amount_given,
             money_value, expected_cost, expected_margin, wagering_multiplier, exclusive_group, decision_id)
        SELECT %s, player_id, %s, verdict, reason, {_REASONS_SQL}, facts, amount_computed,
               CASE WHEN is_given THEN amount_after_caps ELSE 0 END,
               CASE WHEN is_given THEN money_value ELSE 0 END,
               CASE WHEN is_given THEN round(expected_cost * amount_after_caps / amount, 2) ELSE expected_cost END,
               expected_margin, abuse_wagering_multiplier, %s,
               nextval('reward_decisions_id_seq')
        FROM (
            SELECT *, verdict IN ('APPROVED', 'REDUCED') AS is_given FROM (
                SELECT *, {_VERDICT_SQL} AS verdict FROM ({judged}) judged
            ) decided
        ) final
        """
    return sql, [occasion.run_id, rule.number, rule.limits.exclusive_group, *params]


_VERDICT_BUT_FOR_HOLDOUT_SQL = """CASE
    WHEN other_reason IN ('ABUSE_REVIEW', 'NEEDS_APPROVAL') THEN 'PENDING_REVIEW'
    WHEN other_reason <> '' THEN 'REJECTED'
    WHEN amount_after_caps < amount_computed THEN 'REDUCED'
    ELSE 'APPROVED' END"""
_VERDICT_SQL = f"CASE WHEN reason = 'HELD_OUT' THEN 'HELD_OUT' ELSE {_VERDICT_BUT_FOR_HOLDOUT_SQL} END"
# A held-out match keeps in its reasons what it would have been, why, and what it would have been given.
_REASONS_SQL = f"""
    CASE WHEN reason = 'HELD_OUT' THEN jsonb_build_array(jsonb_strip_nulls(jsonb_build_object(
             'code', reason, 'would_be', {_VERDICT_BUT_FOR_HOLDOUT_SQL}, 'would_be_reason', nullif(other_reason, ''),
             'would_give', CASE WHEN other_reason = '' THEN amount_after_caps ELSE 0 END)))
         WHEN reason <> '' THEN jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('code', reason) || CASE reason
             WHEN 'NO_AMOUNT' THEN jsonb_build_object('amount', amount_computed)
             WHEN 'FREQUENCY' THEN jsonb_build_object('given', given_in_period, 'last_on', last_given_on)
             WHEN 'COOLDOWN' THEN jsonb_build_object('last_on', last_given_on)
             WHEN 'RESTRICTED' THEN jsonb_build_object('restriction', restriction)
             WHEN 'ABUSE_REVIEW' THEN jsonb_build_object('abuse_score', bonus_abuse_score)
             WHEN 'ABUSE_CUT' THEN jsonb_build_object(
                 'abuse_score', bonus_abuse_score, 'multiplier', abuse_amount_multiplier)
             WHEN 'UNPROFITABLE' THEN jsonb_build_object(
                 'expected_cost', expected_cost, 'granted_before', coalesce(expected_cost_horizon, 0) + given_cost_run,
                 'expected_margin', expected_margin)
             WHEN 'CAP' THEN jsonb_build_object('room', cap_room)
             WHEN 'BELOW_MINIMUM' THEN jsonb_build_object('amount', amount_after_caps)
             ELSE '{{}}'::jsonb END))
         ELSE CASE WHEN abuse_amount_multiplier < 1 THEN jsonb_build_array(jsonb_build_object(
                  'code', 'ABUSE_CUT', 'abuse_score', bonus_abuse_score, 'multiplier', abuse_amount_multiplier))
              ELSE '[]'::jsonb END
           || CASE WHEN abuse_wagering_multiplier > 1 THEN jsonb_build_array(jsonb_build_object(
                  'code', 'ABUSE_WAGERING', 'abuse_score', bonus_abuse_score, 'multiplier', abuse_wagering_multiplier))
              ELSE '[]'::jsonb END
           || CASE WHEN amount_after_caps < amount THEN jsonb_build_array(jsonb_build_object(
                  'code', 'CAP_CUT', 'room', cap_room, 'from', amount, 'to', amount_after_caps))
              ELSE '[]'::jsonb END
    END"""


def _judged_sql(rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange) -> Sql:
    """Return the candidates with every figure and the first reason against each, stage upon stage."""
    terms, limits = rule.reward.terms, rule.limits
    sql, params = _candidates_sql(rule, occasion=occasion, keys=keys)
    cut = F("amount_computed") * F("abuse_amount_multiplier")
    stages: list[dict[str, Combinable | Q]] = [
        {"abuse_amount_multiplier": amount_multiplier(), "abuse_wagering_multiplier": wagering_multiplier()},
        {"amount": _rounded(Coalesce(cut, _ZERO, output_field=_MONEY), rule)},
        {
            "expected_cost": expected_cost_expression(terms),
            "expected_margin": expected_margin_expression(terms),
            "cap_room": cap_room_expression(),
        },
        {"amount_after_caps": _within_room(rule)},
        {"money_value": _money_value_after_caps(rule)},
        {"other_reason": _first_reason(rule)},
        {
            "reason": Case(
                When(Q(LessThan(F("holdout_draw"), Value(limits.holdout_percent))), then=Value("HELD_OUT")),
                default=F("other_reason"),
                output_field=CharField(),
            )
        },
    ]
    for stage in stages:
        sql, params = _with_columns(sql, params, stage)
    return sql, params


def _with_columns(sql: str, params: list[Any], columns: dict[str, Combinable | Q]) -> Sql:
    """Wrap a relation in one that adds columns computed from it."""
    added, added_params = [], []
    for name, expression in columns.items():
        column, column_params = compile_expression(expression, model=AllocationCandidate)
        added.append(f"{column} AS {name}")
        added_params += column_params
    # OFFSET 0 keeps the planner from merging the stages, which would compute each figure once per use.
    return f"SELECT candidate.*, {', '.join(added)} FROM ({sql} OFFSET 0) candidate", [*added_params, *params]


def _rounded(amount: Combinable, rule: RuleDefinition) -> Combinable:
    if rule.reward.type is RewardType.TICKETS:
        return Floor(amount, output_field=_MONEY)
    return Round(amount, precision=2, output_field=_MONEY)


def _within_room(rule: RuleDefinition) -> Combinable:
    """Return the amount that fits under the caps, rounded down so that it really fits."""
    value = unit_value(rule.reward.terms)
    if not value:
        return F("amount")
    exact = DecimalField(max_digits=38, decimal_places=10)
    places = 1 if rule.reward.type is RewardType.TICKETS else 100
    units = F("cap_room") / Value(value, output_field=exact)
    fitting = Floor(units * Value(Decimal(places), output_field=exact), output_field=exact) / Value(
        Decimal(places), output_field=exact
    )
    return Least(F("amount"), fitting, output_field=_MONEY)


def _money_value_after_caps(rule: RuleDefinition) -> Combinable:
    exact = DecimalField(max_digits=38, decimal_places=10)
    value = Value(unit_value(rule.reward.terms), output_field=exact)
    return Round(F("amount_after_caps") * value, precision=2, output_field=_MONEY)


def _first_reason(rule: RuleDefinition) -> Case:
    """Return the code of the first thing that speaks against the reward, empty where nothing does."""
    limits = rule.limits
    whens = [
        When(Q(amount_computed__isnull=True), then=Value("NO_AMOUNT")),
        When(amount_computed__lte=0, then=Value("NO_AMOUNT")),
        When(amount_computed__lt=rule.reward.min_amount, then=Value("BELOW_MINIMUM")),
        When(given_in_period__gte=limits.frequency_max, then=Value("FREQUENCY")),
        When(is_cooling_down=True, then=Value("COOLDOWN")),
        *_group_whens(limits.exclusive_group),
        When(restriction__isnull=False, then=Value("RESTRICTED")),
        When(abuse_amount_multiplier=0, then=Value("ABUSE_REVIEW")),
        When(amount__lte=0, then=Value("ABUSE_CUT")),
        When(Q(Not(is_profitable_expression())), then=Value("UNPROFITABLE")),
        When(amount_after_caps__lte=0, then=Value("CAP")),
        When(amount_after_caps__lt=rule.reward.min_amount, then=Value("BELOW_MINIMUM")),
    ]
    if rule.reward.type is RewardType.VIP_PERKS:
        whens.append(When(amount__gt=0, then=Value("NEEDS_APPROVAL")))
    return Case(*whens, default=Value(""), output_field=CharField())


def _group_whens(group: str) -> list[When]:
    return [When(given_groups_run__contains=[group], then=Value("EXCLUSIVE_GROUP"))] if group else []


def _candidates_sql(rule: RuleDefinition, *, occasion: Occasion, keys: KeyRange) -> Sql:
    in_range, range_params = keys.condition("m.player_id")
    facts_in_range, _ = keys.condition("f.player_id")
    restricted_range, restricted_params = keys.condition("r.player_id")
    facts = ", ".join(f"f.{column}" for column in SAFETY_COLUMNS)
    kept = ", ".join(f"'{column}', f.{column}" for column in rule.columns)
    sql = f"""
        SELECT m.player_id, m.amount AS amount_computed, {facts}, jsonb_build_object({kept}) AS facts,
               g.given_value_run, g.given_cost_run, g.given_groups_run, u.given_in_period, u.last_given_on,
               coalesce(u.last_given_on > %s, false) AS is_cooling_down, x.restriction,
               {_draw_sql("m.player_id")} * 100 AS holdout_draw
        FROM rule_matches m
        JOIN player_facts f ON f.run_id = m.run_id AND f.player_id = m.player_id
        CROSS JOIN LATERAL (
            SELECT coalesce(sum(a.money_value), 0) AS given_value_run,
                   coalesce(sum(a.expected_cost), 0) AS given_cost_run,
                   coalesce(array_agg(a.exclusive_group), '{{}}') AS given_groups_run
            FROM rule_allocations a
            WHERE a.run_id = m.run_id AND a.player_id = m.player_id AND a.amount_given > 0
        ) g
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE {COUNTS_SQL} AND d.first_on >= %s) AS given_in_period,
                   max(d.first_on) FILTER (WHERE {COUNTS_SQL}) AS last_given_on,
                   coalesce(bool_or({DECIDED_SQL}), false) AS is_decided_already
            FROM reward_decisions d WHERE d.player_id = m.player_id AND d.rule_number = m.rule_number
        ) u
        LEFT JOIN (
            SELECT r.player_id, min(r.kind) AS restriction FROM player_restrictions r
            JOIN restriction_effects e ON e.kind = r.kind AND e.purpose = 'PROMOTION' AND e.effect = 'REFUSE'
            WHERE {restricted_range} AND r.starts_at <= now() AND (r.ends_at IS NULL OR r.ends_at > now())
            GROUP BY r.player_id
        ) x ON x.player_id = m.player_id
        WHERE m.run_id = %s AND m.rule_number = %s AND {in_range} AND {facts_in_range} AND NOT u.is_decided_already
    """
    params = [
        rule.cooling_since(occasion.on),
        f"holdout:{rule.number}:",
        rule.period_start(occasion.on),
        occasion.name,
        occasion.on,
        *restricted_params,
        occasion.run_id,
        rule.number,
        *range_params,
        *range_params,
    ]
    return sql, params


# A refusal that was counted once more on a date decided that date too.
DECIDED_SQL = "d.occasion = %s OR (d.times > 1 AND d.last_on = %s)"
COUNTS_SQL = "d.verdict IN ('APPROVED', 'REDUCED', 'PENDING_REVIEW')"


def _draw_sql(player_column: str) -> str:
    """A stable draw in [0, 1) from a salt (one parameter) and the player, with four decimals."""
    return f"((hashtextextended(%s || {player_column}, 0) & 9223372036854775807) %% 10000)::numeric / 10000"
