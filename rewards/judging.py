"""Judge every match by itself: what it is worth, and what speaks against it whatever else the run gives.

One statement per chunk for all rules; what is left for allocation is what rewards compete for. Order of the reasons:
amount → frequency → cooldown → restrictions → jurisdiction → abuse. The expressions of safety are compiled against
`AllocationCandidate`: a match with its facts and the rule's terms.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Floor, Least, NullIf, Round

from core.expressions import Quotient, Sql, compile_expression, run_statement
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range
from rewards.definitions import RuleDefinition
from rewards.fields import GAMES_COLUMN, SAFETY_COLUMNS
from rewards.guard import guarded_grants, rule_guard
from rewards.holdout import global_holdout, held_out_sql
from rewards.jurisdictions.terms import jurisdiction_columns, jurisdiction_terms, wagering_multiplier_max
from rewards.models import AllocationCandidate, RewardType
from rewards.occasions import COUNTS_SQL, Occasion
from safety.abuse import amount_multiplier, wagering_multiplier
from safety.caps import cap_expressions
from safety.costs import CostTerms
from safety.profitability import (
    cost_rate_expression,
    cost_terms,
    expected_cost_expression,
    margin_inputs,
    margin_of_inputs,
    own_edge_sql,
    unknown_margin_expression,
)
from safety.review.players import confirmed_cases_sql

_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)
_FACTOR = DecimalField(max_digits=6, decimal_places=2)
_ZERO = Value(Decimal(0), output_field=_MONEY)


def judge_matches(
    rules: Sequence[RuleDefinition],
    *,
    occasion: Occasion,
    keys: KeyRange = ALL_KEYS,
    matched: Collection[int] | None = None,
) -> int:
    """Store a candidate for every match of the range; matches decided for this occasion before are left out.

    Return how many. `matched` are the numbers of those of the rules that have matches, where they are known: one
    statement, compiled for all rules, is told the terms of these alone.
    """
    if not rules:
        return 0
    sql, params = _judging_sql(tuple(rules), occasion.unbound(), guarded_grants(occasion.on))
    told = [param.of(matched) if isinstance(param, _Terms) else param for param in params]
    return run_statement(sql, bind_range(occasion.bind(told), keys=keys))


class _Terms(dict[int, str]):
    """The terms of rules by number, each as JSON, until they are bound."""

    def of(self, numbers: Collection[int] | None = None) -> str:
        """Return the terms of the rules of these numbers, of all where none are given, as a JSON array."""
        chosen = self.values() if numbers is None else (self[number] for number in self if number in numbers)
        return f"[{', '.join(chosen)}]"


@lru_cache(maxsize=16)
def _judging_sql(
    rules: tuple[RuleDefinition, ...],
    occasion: Occasion,
    granted: str,  # noqa: ARG001  a statement that reads no cash must not be kept once some was granted
) -> Sql:
    """Compile the statement once per run, or live once for all that finds the same policies."""
    judged, params = with_stages(*_matches_sql(rules, occasion=occasion, keys=UNBOUND_RANGE), _stages())
    # Ordered by rule, so that the block ranges of the table's index tell rules apart.
    sql = f"""
        INSERT INTO rule_candidates
            (run_id, rule_number, player_id, amount_computed, amount, expected_cost, expected_margin,
             wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate, granted_cost,
             cap_room, cap_name, rule_room, wagering_multiplier, is_held_out, reason, reasons, last_decision_id)
        SELECT %s, rule_number, player_id, amount_computed, amount, expected_cost, expected_margin,
               wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate, granted_cost,
               cap_room, cap_name, rule_room, held_wagering_multiplier, is_held_out, reason, {REASONS_SQL},
               last_decision_id
        FROM ({judged}) judged
        ORDER BY rule_number, player_id
        """
    return sql, [occasion.run_id, *params]


def judged_matches(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> Sql:
    """Return the relation of the matches with everything that judging finds out about them."""
    sql, params = with_stages(*_matches_sql(rules, occasion=occasion, keys=keys), _stages())
    return sql, [param.of() if isinstance(param, _Terms) else param for param in params]


def with_stages(sql: str, params: list[Any], stages: Sequence[dict[str, Combinable | Q]]) -> Sql:
    """Wrap a relation in others that each add columns computed from the one within."""
    for columns in stages:
        added, added_params = [], []
        for name, expression in columns.items():
            column, column_params = compile_expression(expression, model=AllocationCandidate)
            added.append(f"{column} AS {name}")
            added_params += column_params
        # OFFSET 0 keeps the planner from merging the stages, which would compute each figure once per use.
        sql = f"SELECT candidate.*, {', '.join(added)} FROM ({sql} OFFSET 0) candidate"
        params = [*added_params, *params]
    return sql, params


def _stages() -> list[dict[str, Combinable | Q]]:
    cap_room, cap_name = cap_expressions()
    return [
        {
            "abuse_amount_multiplier": amount_multiplier(has_requirement=F("has_requirement")),
            "abuse_wagering_multiplier": wagering_multiplier(),
            # Least leaves out what is unknown.
            "held_wagering_multiplier": Least(wagering_multiplier(), wagering_multiplier_max(), output_field=_FACTOR),
            **jurisdiction_columns(),
            **margin_inputs(),
        },
        {
            "amount": Least(_rounded(_left_of_amount()), F("jurisdiction_amount_max"), output_field=_MONEY),
            "cost_rate": cost_rate_expression(),
            "cap_room": Least(cap_room, _month_room(), output_field=_MONEY),
        },
        {
            "expected_cost": expected_cost_expression(),
            "expected_margin": margin_of_inputs(),
            "margin_unknown": unknown_margin_expression(),
            # Where no cap leaves as little, the jurisdiction's month does.
            "cap_name": Coalesce(NullIf(cap_name, Value("")), Value("month of the jurisdiction")),
        },
        {"reason": _first_reason()},
    ]


def _left_of_amount() -> Combinable:
    """Return what the abuse score leaves; where a requirement cannot rise as it asks, the amount falls instead."""
    left = F("amount_computed") * F("abuse_amount_multiplier")
    fallen = Quotient(left * F("held_wagering_multiplier"), F("abuse_wagering_multiplier"))
    is_held = Q(held_wagering_multiplier__lt=F("abuse_wagering_multiplier"))
    return Coalesce(Case(When(is_held, then=fallen), default=left, output_field=_EXACT), _ZERO, output_field=_EXACT)


def _month_room() -> Combinable:
    """Return what a jurisdiction leaves of the promotions of a month; unknown where it does not limit them."""
    return F("jurisdiction_month_max") - Coalesce(F("granted_value_month"), _ZERO, output_field=_MONEY)


def _rounded(amount: Combinable) -> Combinable:
    whole = Floor(amount, output_field=_MONEY)
    return Case(
        When(is_whole=True, then=whole), default=Round(amount, precision=2, output_field=_MONEY), output_field=_MONEY
    )


def obstacles() -> dict[str, Q]:
    """Return by reason code what may speak against a match by itself, in the order it is looked at."""
    return {
        "NO_AMOUNT": Q(amount_computed__isnull=True) | Q(amount_computed__lte=0),
        "BELOW_MINIMUM": Q(amount_computed__lt=F("min_amount")),
        "FREQUENCY": Q(given_in_period__gte=F("frequency_max")),
        "COOLDOWN": Q(is_cooling_down=True),
        "RESTRICTED": Q(restriction__isnull=False),
        "JURISDICTION": Q(jurisdiction_refusal__isnull=False) | Q(jurisdiction_month_max__lte=F("granted_value_month")),
        "VIP_APPROVAL_NEEDED": Q(vip_refusal__isnull=False),
        "ABUSE_CONFIRMED": Q(abuse_amount_multiplier=0, confirmed_case__isnull=False),
        "ABUSE_REVIEW": Q(abuse_amount_multiplier=0),
        "ABUSE_CUT": Q(amount__lte=0),
        "COST_UNKNOWN": Q(cost_unknown__gt=""),
        "MARGIN_UNKNOWN": Q(expected_margin__isnull=True),
    }


def _first_reason() -> Case:
    """Return the code of the first thing that speaks against the match, empty where nothing does."""
    whens = [When(obstacle, then=Value(code)) for code, obstacle in obstacles().items()]
    return Case(*whens, default=Value(""), output_field=CharField())


_ABUSE_SQL = """CASE
         WHEN abuse_amount_multiplier < 1 THEN jsonb_build_array(jsonb_build_object(
             'code', CASE WHEN abuse_wagering_multiplier > 1 THEN 'ABUSE_CUT_INSTEAD' ELSE 'ABUSE_CUT' END,
             'abuse_score', bonus_abuse_score, 'multiplier', abuse_amount_multiplier))
         WHEN abuse_wagering_multiplier > 1 THEN jsonb_build_array(jsonb_build_object(
             'code', 'ABUSE_WAGERING', 'abuse_score', bonus_abuse_score, 'multiplier', abuse_wagering_multiplier))
    END"""
# The reason with its figures; of a match that may be given, what the abuse score and the jurisdiction did to it.
REASONS_SQL = f"""
    CASE WHEN reason <> '' THEN jsonb_build_array(jsonb_strip_nulls(jsonb_build_object('code', reason) || CASE reason
             WHEN 'NO_AMOUNT' THEN jsonb_build_object('amount', amount_computed)
             WHEN 'BELOW_MINIMUM' THEN jsonb_build_object('amount', amount_computed)
             WHEN 'FREQUENCY' THEN jsonb_build_object('given', given_in_period, 'last_on', last_given_on)
             WHEN 'COOLDOWN' THEN jsonb_build_object('last_on', last_given_on)
             WHEN 'RESTRICTED' THEN jsonb_build_object('restriction', restriction)
             WHEN 'JURISDICTION' THEN coalesce(jurisdiction_refusal, jurisdiction_terms -> 'month')
             WHEN 'VIP_APPROVAL_NEEDED' THEN vip_refusal
             WHEN 'ABUSE_CONFIRMED' THEN jsonb_build_object('abuse_score', bonus_abuse_score, 'case', confirmed_case)
             WHEN 'COST_UNKNOWN' THEN jsonb_build_object('missing', cost_unknown)
             WHEN 'MARGIN_UNKNOWN' THEN jsonb_build_object('missing', margin_unknown)
             WHEN 'ABUSE_REVIEW' THEN jsonb_build_object('abuse_score', bonus_abuse_score)
             ELSE jsonb_build_object('abuse_score', bonus_abuse_score, 'multiplier', abuse_amount_multiplier) END))
         WHEN held_wagering_multiplier < abuse_wagering_multiplier
              OR jurisdiction_amount_max < round(amount_computed * abuse_amount_multiplier, 2)
             THEN coalesce({_ABUSE_SQL}, '[]') || jsonb_build_array(jsonb_build_object(
                 'code', 'JURISDICTION_CUT', 'from', round(amount_computed * abuse_amount_multiplier, 2), 'to', amount,
                 'wanted_multiplier', abuse_wagering_multiplier, 'held_multiplier', held_wagering_multiplier)
                 || CASE WHEN held_wagering_multiplier < abuse_wagering_multiplier
                         THEN jurisdiction_terms -> 'wagering' ELSE jurisdiction_terms -> 'amount' END)
         ELSE {_ABUSE_SQL}
    END"""


def _matches_sql(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange) -> Sql:
    """Return the matches with the terms of their rules, their players' facts, and what was decided before."""
    in_range, range_params = keys.condition("m.player_id")
    facts_in_range, _ = keys.condition("f.player_id")
    restricted_range, _ = keys.condition("r.player_id")
    facts = ", ".join(f"f.{column}" for column in SAFETY_COLUMNS)
    guard = rule_guard()
    rule_room = guard.room_sql("m.player_id", on=occasion.on) if guard else "NULL::numeric"
    held_out = held_out_sql(
        player="m.player_id", rule_number="m.rule_number", percent="t.holdout_percent", holdout=global_holdout()
    )
    decided, decided_params = occasion.decided_sql("m.player_id")
    confirmed, confirmed_params = confirmed_cases_sql(keys)
    own_edge, own_edge_params = _own_edge_sql(rules)
    cost_columns = ", ".join(f"t.{name}" for name in CostTerms.columns)
    cost_types = ", ".join(f"{name} {kind}" for name, kind in CostTerms.columns.items())
    sql = f"""
        SELECT m.rule_number, m.player_id, m.amount AS amount_computed, {facts}, t.is_whole, t.has_requirement,
               {cost_columns}, {own_edge} AS own_edge, t.reward_family, t.min_amount, t.frequency_max,
               coalesce(f.expected_cost_horizon, 0) AS granted_cost,
               u.given_in_period, u.last_given_on, u.last_decision_id, x.restriction, v.case_id AS confirmed_case,
               coalesce(u.last_given_on > t.cooling_since, false) AS is_cooling_down,
               t.jurisdictions -> f.jurisdiction AS jurisdiction_terms,
               {rule_room} AS rule_room, {held_out} AS is_held_out
        FROM rule_matches m
        JOIN jsonb_to_recordset(%s::jsonb) t (
            rule_number integer, is_whole boolean, has_requirement boolean, {cost_types}, reward_family text,
            min_amount numeric, frequency_max integer, period_start date, cooling_since date, holdout_percent numeric,
            jurisdictions jsonb
        ) ON t.rule_number = m.rule_number
        JOIN player_facts f ON f.run_id = m.run_id AND f.player_id = m.player_id
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE {COUNTS_SQL} AND d.first_on >= t.period_start) AS given_in_period,
                   max(d.first_on) FILTER (WHERE {COUNTS_SQL}) AS last_given_on,
                   max(d.id) AS last_decision_id,
                   coalesce(bool_or({decided}), false) AS is_decided_already
            FROM reward_decisions d WHERE d.player_id = m.player_id AND d.rule_number = m.rule_number
        ) u
        LEFT JOIN (
            SELECT DISTINCT ON (r.player_id) r.player_id, r.restriction FROM refused_players('PROMOTION', now()) r
            WHERE {restricted_range} ORDER BY r.player_id, r.is_requirement, r.restriction
        ) x ON x.player_id = m.player_id
        LEFT JOIN ({confirmed}) v ON v.player_id = m.player_id
        WHERE m.run_id = %s AND {in_range} AND {facts_in_range} AND NOT u.is_decided_already
    """
    stated = jurisdiction_terms(rules, on=occasion.on)
    terms = _Terms(
        (
            rule.number,
            json.dumps({**_terms(rule, on=occasion.on), "jurisdictions": stated[rule.number]}, default=str),
        )
        for rule in rules
    )
    return sql, [
        *own_edge_params,
        terms,
        *decided_params,
        *range_params,
        *confirmed_params,
        occasion.run_id,
        *range_params,
        *range_params,
    ]


def _own_edge_sql(rules: Sequence[RuleDefinition]) -> Sql:
    """Return what the player's own mix of each rule's eligible games earns per unit that counts."""
    by_games: dict[tuple[str, ...] | None, list[RuleDefinition]] = {}
    for rule in rules:
        if rule.reward.terms.is_wagered:
            by_games.setdefault(rule.reward.eligible_games, []).append(rule)
    if not by_games:
        return "NULL::numeric", []
    sql, params = "", []
    for together in by_games.values():
        edge, edge_params = own_edge_sql(together[0].reward.terms, games=f"f.{GAMES_COLUMN}")
        sql += f" WHEN m.rule_number = ANY (%s) THEN {edge}"
        params += [[rule.number for rule in together], *edge_params]
    return f"(CASE{sql} END)", params


def _terms(rule: RuleDefinition, *, on: date) -> dict[str, Any]:
    """Return what judging must know of a rule, as the record `t` above."""
    terms = rule.reward.terms
    return {
        "rule_number": rule.number,
        "is_whole": rule.reward.type is RewardType.TICKETS,
        "has_requirement": rule.reward.has_requirement,
        **cost_terms(terms).as_columns(),
        "reward_family": terms.family,
        "min_amount": rule.reward.min_amount,
        "frequency_max": rule.limits.frequency_max,
        "period_start": rule.period_start(on),
        "cooling_since": rule.cooling_since(on),
        "holdout_percent": rule.limits.holdout_percent,
    }
