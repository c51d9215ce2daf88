"""Look again under the players' lock: what else was given, or decided, since a run allocated its rewards."""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.expressions import Sql, compile_expression, run_statement
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.guard import RuleGuard, rule_guard
from rewards.jurisdictions.rechecking import month_limit_sql, reject_beyond_jurisdiction
from rewards.models import PlayerFacts
from rewards.occasions import AWARDS_SQL, COUNTS_SQL, Occasion
from rewards.rule_life.stopping import stopped_rules
from safety.caps import CAPS, cap_limit_expressions
from safety.granted import granted_sql
from safety.standing import granted_sums


def recheck_allocations(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope) -> None:
    """Reject what another night or a live evaluation has made too much; drop what it has decided for this occasion.

    Must run under the lock of the players who were allocated something.
    """
    _reject_given_meanwhile(rules, occasion=occasion, keys=keys)
    _reject_crowded_out(occasion=occasion, keys=keys)
    reject_beyond_jurisdiction(rules, occasion=occasion, keys=keys)
    if (guard := rule_guard()) is not None:
        _reject_beyond_guard(guard, occasion=occasion, keys=keys)


def reject_stopped(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope) -> int:
    """Reject what a run allocated of rules that somebody has stopped since; return how many matches.

    The others cannot be stopped until the transaction ends. To be asked with the players locked.
    """
    stopped = stopped_rules([rule.number for rule in rules])
    if not stopped:
        return 0
    in_range, params = keys.condition("a.player_id")
    return run_statement(
        f"""
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', reason = 'RULE_STOPPED', amount_given = 0, money_value = 0,
            reasons = '[{{"code": "RULE_STOPPED"}}]'
        WHERE a.run_id = %s AND a.rule_number = ANY (%s) AND {in_range}
          AND a.verdict IN ('APPROVED', 'REDUCED', 'PENDING_REVIEW')
        """,
        [occasion.run_id, stopped, *params],
    )


def _reject_given_meanwhile(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope) -> None:
    in_range, params = keys.condition("a.player_id")
    decisions_in_range, _ = keys.condition("d.player_id")
    decided, decided_params = occasion.decided_sql("a.player_id")
    limits = [
        {
            "rule_number": rule.number,
            "frequency_max": rule.limits.frequency_max,
            "period_start": rule.period_start(occasion.on),
            "period_end": rule.period_end(occasion.on),
            "cooling_since": rule.cooling_since(occasion.on),
            "cooling_until": rule.cooling_until(occasion.on),
        }
        for rule in rules
    ]
    run_statement(
        f"""
        WITH limits AS MATERIALIZED (
            SELECT * FROM jsonb_to_recordset(%s::jsonb) t (
                rule_number integer, frequency_max integer, period_start date, period_end date, cooling_since date,
                cooling_until date)
        ),
        meanwhile AS MATERIALIZED (
            SELECT a.player_id, a.rule_number,
                   bool_or({decided}) AS is_decided,
                   count(*) FILTER (WHERE {COUNTS_SQL} AND d.first_on BETWEEN t.period_start AND t.period_end) AS given,
                   max(d.first_on) FILTER (WHERE {COUNTS_SQL}) AS last_on,
                   bool_or({COUNTS_SQL} AND d.first_on > t.cooling_since AND d.first_on < t.cooling_until)
                       AS is_cooling,
                   t.frequency_max
            FROM rule_allocations a JOIN limits t ON t.rule_number = a.rule_number
            JOIN reward_decisions d ON d.player_id = a.player_id AND d.rule_number = a.rule_number
            WHERE a.run_id = %s AND {AWARDS_SQL} AND {in_range} AND {decisions_in_range}
            GROUP BY a.player_id, a.rule_number, t.frequency_max
        ),
        dropped AS (
            DELETE FROM rule_allocations a USING meanwhile m
            WHERE m.is_decided AND a.run_id = %s AND a.player_id = m.player_id AND a.rule_number = m.rule_number
        )
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', amount_given = 0, money_value = 0,
            reason = CASE WHEN m.given >= m.frequency_max THEN 'FREQUENCY' ELSE 'COOLDOWN' END,
            reasons = jsonb_build_array(jsonb_build_object(
                'code', CASE WHEN m.given >= m.frequency_max THEN 'FREQUENCY' ELSE 'COOLDOWN' END,
                'given', m.given, 'last_on', m.last_on))
        FROM meanwhile m
        WHERE NOT m.is_decided AND (m.given >= m.frequency_max OR m.is_cooling)
          AND a.run_id = %s AND a.player_id = m.player_id AND a.rule_number = m.rule_number
        """,
        [
            json.dumps(limits, default=str),
            *decided_params,
            occasion.run_id,
            *params,
            *params,
            occasion.run_id,
            occasion.run_id,
        ],
    )


def _reject_crowded_out(*, occasion: Occasion, keys: Scope) -> None:
    """Reject allocations that another grant has crowded out of a cap or of the margin since the facts were taken.

    One pass over what the range was granted in the cap windows and the horizon; only a player whose sums differ from
    the facts is looked at, lowest priority first.
    """
    lots_in_range, params = keys.condition("l.player_id")
    facts_in_range, _ = keys.condition("player_facts.player_id")
    in_range, _ = keys.condition("a.player_id")
    room, room_params = _room_now(occasion)
    granted, since, until = granted_sums(occasion.on, alias="l", prefix="", cost="cost")
    differs = " OR ".join(
        f"coalesce(g.{window}, 0) <> coalesce(player_facts.granted_value_{window}, 0)" for window in CAPS
    )
    run_statement(
        f"""
        WITH granted AS MATERIALIZED (
            SELECT l.player_id, {granted}
            FROM {granted_sql(since=since)} l
            WHERE {lots_in_range} AND l.granted_on BETWEEN DATE '{since}' AND DATE '{until}'
            GROUP BY l.player_id
        ),
        moved AS MATERIALIZED (
            SELECT g.player_id, c.room, c.cap, c.source, coalesce(g.cost, 0) AS cost FROM granted g
            JOIN player_facts ON player_facts.run_id = %s AND player_facts.player_id = g.player_id AND {facts_in_range}
            CROSS JOIN LATERAL ({room}) c
            WHERE {differs} OR coalesce(g.cost, 0) <> coalesce(player_facts.expected_cost_horizon, 0)
        ),
        queue AS (
            SELECT a.player_id, a.rule_number, m.room, m.cap, m.source, m.cost, a.expected_cost, a.expected_margin,
                   sum(a.money_value) OVER before_it AS used, sum(a.expected_cost) OVER before_it AS cost_used
            FROM moved m JOIN rule_allocations a ON a.run_id = %s AND a.player_id = m.player_id AND {in_range}
            JOIN reward_rules r ON r.number = a.rule_number
            WHERE a.amount_given > 0
            WINDOW before_it AS (PARTITION BY a.player_id ORDER BY r.priority DESC, r.number)
        ),
        refused AS (
            SELECT player_id, rule_number,
                   CASE WHEN cost + cost_used < expected_margin
                        THEN jsonb_build_object('code', 'CAP', 'room', greatest(room, 0), 'cap', cap)
                             || coalesce(source, '{{}}')
                        ELSE jsonb_build_object('code', 'UNPROFITABLE', 'expected_cost', expected_cost,
                                                'granted_before', cost + cost_used - expected_cost,
                                                'expected_margin', expected_margin) END AS why
            FROM queue WHERE used > room OR (cost + cost_used < expected_margin) IS NOT TRUE
        )
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', reason = q.why ->> 'code', amount_given = 0, money_value = 0,
            reasons = jsonb_build_array(q.why)
        FROM refused q
        WHERE a.run_id = %s AND a.player_id = q.player_id AND a.rule_number = q.rule_number
        """,
        [*params, occasion.run_id, *params, *room_params, occasion.run_id, *params, occasion.run_id],
    )


def _room_now(occasion: Occasion) -> Sql:
    """Return a query of the least that caps and jurisdiction leave of the sums `g`, and which of them it is.

    By the segment, tier and jurisdiction in the facts.
    """
    rows, params = [], []
    for window, (limit, name) in cap_limit_expressions().items():
        limit_sql, limit_params = compile_expression(limit, model=PlayerFacts)
        name_sql, name_params = compile_expression(name, model=PlayerFacts)
        rows.append(f"({limit_sql} - coalesce(g.{window}, 0), {name_sql}::text, NULL::jsonb)")
        params += [*limit_params, *name_params]
    left = f"SELECT v.* FROM (VALUES {', '.join(rows)}) v (room, cap, source)"
    if (month := month_limit_sql("player_facts.jurisdiction", on=occasion.on)) is not None:
        left += f" UNION ALL SELECT j.most - coalesce(g.month, 0), 'month', j.source FROM ({month}) j"
    return f"SELECT c.* FROM ({left}) c ORDER BY c.room LIMIT 1", params


def _reject_beyond_guard(guard: RuleGuard, *, occasion: Occasion, keys: Scope) -> None:
    """Reject, lowest priority first, what would now take a player beyond the guard over all rules."""
    in_range, params = keys.condition("a.player_id")
    run_statement(
        f"""
        WITH queue AS MATERIALIZED (
            SELECT a.player_id, a.rule_number,
                   sum(a.money_value) OVER (PARTITION BY a.player_id ORDER BY r.priority DESC, r.number) AS used
            FROM rule_allocations a JOIN reward_rules r ON r.number = a.rule_number
            WHERE a.run_id = %s AND a.amount_given > 0 AND {in_range}
        ),
        room AS MATERIALIZED (
            SELECT q.player_id, {guard.room_sql("q.player_id", on=occasion.on)} AS room
            FROM (SELECT DISTINCT player_id FROM queue) q
        )
        UPDATE rule_allocations a
        SET verdict = 'REJECTED', reason = 'RULE_GUARD', amount_given = 0, money_value = 0,
            reasons = jsonb_build_array(jsonb_build_object(
                'code', 'RULE_GUARD', 'room', greatest(room.room, 0), 'guard', %s::numeric, 'days', %s::integer))
        FROM queue q JOIN room ON room.player_id = q.player_id
        WHERE q.used > room.room AND a.money_value > 0 AND a.amount_given > 0
          AND a.run_id = %s AND a.player_id = q.player_id AND a.rule_number = q.rule_number
        """,
        [occasion.run_id, *params, guard.value, guard.days, occasion.run_id],
    )
