"""Judge every match by itself: what it is worth, and what speaks against it whatever else the run gives.

One statement per chunk for all rules; what is left for allocation is what rewards compete for. Order of the reasons:
amount → frequency → cooldown → restrictions → jurisdiction → abuse. The expressions of safety are compiled against
`AllocationCandidate`: a match with its facts and the rule's terms.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, DecimalField, F, JSONField, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Floor, Least, Round
from django.db.models.lookups import LessThan, LessThanOrEqual

from core.expressions import Quotient, Sql, compile_expression, partly_written_out
from core.plans import run_planned
from core.runs import ALL_KEYS, UNBOUND_RANGE, KeyRange, bind_range, is_open_bound
from players.models import CreditPurpose
from rewards.definitions import RuleDefinition
from rewards.fields import GAMES_COLUMN, SAFETY_COLUMNS
from rewards.guard import guarded_grants, rule_guard
from rewards.holdout import global_holdout, held_out_sql
from rewards.jurisdictions.terms import (
    jurisdiction_columns,
    jurisdiction_terms,
    month_source,
    wagering_multiplier_max,
)
from rewards.models import AllocationCandidate, RewardType
from rewards.occasions import COOLING_SQL, COUNTS_SQL, IN_PERIOD_SQL, LAST_DATE_SQL, LIMIT_DATES_SQL, Occasion
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
    own_stake_edge_sql,
    unknown_margin_expression,
)
from safety.review.players import confirmed_cases_sql
from wallet.restrictions import refusals_sql

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
    return run_planned(sql, bind_range(occasion.bind(told), keys=keys))


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
    judged, params = _judged_sql(rules, occasion=occasion, keys=UNBOUND_RANGE)
    # Ordered by rule, so that the block ranges of the table's index tell rules apart.
    sql = f"""
        INSERT INTO rule_candidates
            (run_id, rule_number, player_id, amount_computed, amount, expected_cost, expected_margin,
             wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate, granted_cost,
             cap_room, cap_name, cap_source, rule_room, wagering_multiplier, is_held_out, reason, reasons,
             last_decision_id)
        SELECT %s, rule_number, player_id, amount_computed, amount, expected_cost, expected_margin,
               wager_per_active_day, active_days, retention_multiplier, house_edge, cost_rate, granted_cost,
               cap_room, cap_name, cap_source, rule_room, held_wagering_multiplier, is_held_out, reason, {REASONS_SQL},
               last_decision_id
        FROM ({judged}) judged
        ORDER BY rule_number, player_id
        """
    return partly_written_out(
        sql,
        [occasion.run_id, *params],
        is_open=lambda param: isinstance(param, _Terms) or occasion.is_open(param) or is_open_bound(param),
    )


def judged_matches(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange = ALL_KEYS) -> Sql:
    """Return the relation of the matches with everything that judging finds out about them."""
    sql, params = _judged_sql(rules, occasion=occasion, keys=keys)
    return sql, [param.of() if isinstance(param, _Terms) else param for param in params]


def _judged_sql(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange) -> Sql:
    """Return the same with the rules' terms still to be told."""
    inputs = margin_inputs()
    of_family = {_OF_FAMILY: inputs.pop(_OF_FAMILY)}
    players = with_stages(*_players_sql(rules, occasion=occasion, keys=keys), _stages_of_players(inputs))
    found = _FOUND_OF_PLAYERS | {name: name for name in inputs}
    return with_stages(*_matches_sql(rules, occasion=occasion, players=players, found=found), _stages(of_family))


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


# The one input of the margin that the kind of reward changes; the others are the player's.
_OF_FAMILY = "retention_multiplier"
# What else is found out about players, by the names that it has in their matches.
_FOUND_OF_PLAYERS = {
    "abuse_wagering_multiplier": "abuse_wagering_multiplier",
    "cap_room": "room_of_caps",
    "cap_name": "name_of_cap",
}


def _stages_of_players(margin: dict[str, Combinable]) -> list[dict[str, Combinable | Q]]:
    """Return what is the same for all matches of a player, who has several: computed once for each."""
    cap_room, cap_name = cap_expressions()
    return [
        {"abuse_wagering_multiplier": wagering_multiplier(), "cap_room": cap_room, **margin},
        {"cap_name": cap_name},
    ]


def _stages(margin: dict[str, Combinable]) -> list[dict[str, Combinable | Q]]:
    # Least leaves out what is unknown.
    held = Least(F("abuse_wagering_multiplier"), wagering_multiplier_max(), output_field=_FACTOR)
    return [
        {
            "abuse_amount_multiplier": amount_multiplier(has_requirement=F("has_requirement")),
            "held_wagering_multiplier": held,
            **jurisdiction_columns(),
            **margin,
            "cost_rate": cost_rate_expression(),
        },
        {
            "amount": Least(_rounded(_left_of_amount()), F("jurisdiction_amount_max"), output_field=_MONEY),
            "cap_room": Least(F("room_of_caps"), _month_room(), output_field=_MONEY),
            "cap_name": Case(
                When(_is_month_tightest(), then=Value("month")), default=F("name_of_cap"), output_field=CharField()
            ),
            "cap_source": Case(When(_is_month_tightest(), then=month_source()), default=None, output_field=JSONField()),
            "expected_margin": margin_of_inputs(),
        },
        {
            "expected_cost": expected_cost_expression(),
            "margin_unknown": unknown_margin_expression(),
            "reason": _first_reason(),
        },
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


def _is_month_tightest() -> Q:
    """Tell whether no cap leaves as little as the jurisdiction's month."""
    return Q(LessThan(_month_room(), F("room_of_caps")))


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
        "JURISDICTION": Q(jurisdiction_refusal__isnull=False) | Q(LessThanOrEqual(_month_room(), _ZERO)),
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
              OR (jurisdiction_amount_max IS NOT NULL
                  AND jurisdiction_amount_max < round(amount_computed * abuse_amount_multiplier, 2))
             THEN coalesce({_ABUSE_SQL}, '[]') || jsonb_build_array(jsonb_build_object(
                 'code', 'JURISDICTION_CUT', 'from', round(amount_computed * abuse_amount_multiplier, 2), 'to', amount,
                 'wanted_multiplier', abuse_wagering_multiplier, 'held_multiplier', held_wagering_multiplier)
                 || CASE WHEN held_wagering_multiplier < abuse_wagering_multiplier
                         THEN jurisdiction_terms -> 'wagering' ELSE jurisdiction_terms -> 'amount' END)
         ELSE {_ABUSE_SQL}
    END"""


def _players_sql(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange) -> Sql:
    """Return the players who match anything, each with their matches, facts, and what stands against any promotion."""
    in_range, range_params = keys.condition("p.player_id")
    facts_in_range, _ = keys.condition("f.player_id")
    refused_range, _ = keys.condition("r.player_id")
    refused = refusals_sql(purpose=CreditPurpose.PROMOTION, at="now()", in_range=refused_range)
    facts = ", ".join(f"f.{column}" for column in SAFETY_COLUMNS)
    guard = rule_guard()
    rule_room = guard.room_sql("p.player_id", on=occasion.on) if guard else "NULL::numeric"
    confirmed, confirmed_params = confirmed_cases_sql(keys)
    edges, edge_params = _own_edges_sql(rules, own_edge_sql)
    stake_edges, stake_edge_params = _own_edges_sql(rules, own_stake_edge_sql)
    sql = f"""
        SELECT p.player_id, p.matches, {facts}, x.restriction, v.case_id AS confirmed_case, {rule_room} AS rule_room,
               coalesce(f.expected_cost_horizon, 0) AS granted_cost, {edges} AS own_edges,
               {stake_edges} AS own_stake_edges,
               {global_holdout().condition("p.player_id")} AS is_held_out_of_all
        FROM player_matches p
        JOIN player_facts f ON f.run_id = p.run_id AND f.player_id = p.player_id
        LEFT JOIN ({refused}) x ON x.player_id = p.player_id
        LEFT JOIN ({confirmed}) v ON v.player_id = p.player_id
        WHERE p.run_id = %s AND {in_range} AND {facts_in_range}
    """
    return sql, [
        *edge_params,
        *stake_edge_params,
        *range_params,
        *confirmed_params,
        occasion.run_id,
        *range_params,
        *range_params,
    ]


def _matches_sql(rules: Sequence[RuleDefinition], *, occasion: Occasion, players: Sql, found: Mapping[str, str]) -> Sql:
    """Return the matches with the terms of their rules, their players' facts, and what was decided before.

    `players` is the relation of the players with their matches, `found` what was found out about them, each with its
    name here.
    """
    of_players, players_params = players
    carried = ("restriction", "confirmed_case", "rule_room", "granted_cost")
    named = {name: name for name in (*SAFETY_COLUMNS, *carried)} | dict(found)
    columns = ", ".join(f"p.{column} AS {name}" for column, name in named.items())
    held_out = held_out_sql(
        player="p.player_id", rule_number="m.rule_number", percent="t.holdout_percent", is_of_all="p.is_held_out_of_all"
    )
    decided, decided_params = occasion.decided_sql("p.player_id")
    cost_columns = ", ".join(f"t.{name}" for name in CostTerms.columns)
    cost_types = ", ".join(f"{name} {kind}" for name, kind in CostTerms.columns.items())
    sql = f"""
        SELECT m.rule_number, p.player_id, m.amount AS amount_computed, {columns}, t.is_whole, t.has_requirement,
               {cost_columns}, p.own_edges[t.games_number] AS own_edge,
               p.own_stake_edges[t.games_number] AS own_stake_edge, t.reward_family, t.min_amount, t.frequency_max,
               u.given_in_period, u.last_given_on, u.last_decision_id,
               u.is_cooling_down,
               t.jurisdictions -> p.jurisdiction AS jurisdiction_terms, {held_out} AS is_held_out
        FROM ({of_players} OFFSET 0) p
        CROSS JOIN LATERAL unnest(p.matches) m
        JOIN jsonb_to_recordset(%s::jsonb) t (
            rule_number integer, is_whole boolean, has_requirement boolean, {cost_types}, reward_family text,
            min_amount numeric, frequency_max integer, {LIMIT_DATES_SQL}, holdout_percent numeric,
            games_number integer, jurisdictions jsonb
        ) ON t.rule_number = m.rule_number
        CROSS JOIN LATERAL (
            SELECT count(*) FILTER (WHERE {COUNTS_SQL} AND {IN_PERIOD_SQL}) AS given_in_period,
                   coalesce(bool_or({COUNTS_SQL} AND {COOLING_SQL}), false) AS is_cooling_down,
                   max(d.first_on) FILTER (WHERE {COUNTS_SQL} AND d.first_on <= {LAST_DATE_SQL}) AS last_given_on,
                   max(d.id) AS last_decision_id,
                   coalesce(bool_or({decided}), false) AS is_decided_already
            FROM reward_decisions d WHERE d.player_id = p.player_id AND d.rule_number = m.rule_number
        ) u
        WHERE NOT u.is_decided_already
    """
    return sql, [*players_params, _stated_terms(rules, on=occasion.on), *decided_params]


def _stated_terms(rules: Sequence[RuleDefinition], *, on: date) -> _Terms:
    """Return the terms of the rules, each with what the jurisdictions say of it and the number of its games."""
    said, games = jurisdiction_terms(rules, on=on), _games_of(rules)
    terms = _Terms()
    for rule in rules:
        number = games.index(rule.reward.eligible_games) + 1 if rule.reward.terms.is_wagered else None
        told = {**_terms(rule, on=on), "games_number": number, "jurisdictions": said[rule.number]}
        terms[rule.number] = json.dumps(told, default=str)
    return terms


def _games_of(rules: Sequence[RuleDefinition]) -> list[tuple[str, ...] | None]:
    """Return the different sets of eligible games of the rules whose rewards are wagered."""
    return list(dict.fromkeys(rule.reward.eligible_games for rule in rules if rule.reward.terms.is_wagered))


def _own_edges_sql(rules: Sequence[RuleDefinition], edge_sql: Callable[..., Sql]) -> Sql:
    """Return an array of what the player's own mix of each set of eligible games earns, by one of the two edges."""
    terms = {rule.reward.eligible_games: rule.reward.terms for rule in rules if rule.reward.terms.is_wagered}
    edges = [edge_sql(terms[games], games=f"f.{GAMES_COLUMN}") for games in _games_of(rules)]
    listed = ", ".join(sql for sql, _ in edges)
    return f"ARRAY[{listed}]::numeric[]", [param for _, params in edges for param in params]


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
        **rule.limit_dates(on),
        "holdout_percent": rule.limits.holdout_percent,
    }
