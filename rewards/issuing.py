"""Phase three: post what was allocated, write decisions and reward history, all in one transaction per chunk."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from core.expressions import fetch_rows, run_statement
from core.runs import ALL_KEYS, Counts, KeyRange
from rewards.allocation import Occasion
from rewards.budgets import release_budget
from rewards.definitions import RuleDefinition
from rewards.models import RewardType
from rewards.rechecking import recheck_allocations
from safety.profitability import CURRENCIES
from wallet.models import LotKind, TransactionType

_LOT_KINDS = {RewardType.FREE_PLAY: LotKind.FREE_PLAY, RewardType.CASHBACK: LotKind.CASHBACK}
_TRANSACTION_TYPES = {"BONUS": TransactionType.BONUS_ISSUED, "LP": TransactionType.LP_EARNED}


class _Outcome(NamedTuple):
    """How many matches of a rule ended with a verdict, and what of them was posted."""

    verdict: str
    rule_number: int
    decisions: int
    posted_value: Decimal
    posted_count: int


class _Given(NamedTuple):
    """Money value and number of rewards."""

    value: Decimal
    rewards: int


_NOTHING = _Given(value=Decimal(0), rewards=0)


def issue_rewards(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, at: datetime, keys: KeyRange = ALL_KEYS
) -> Counts:
    """Post the allocated rewards of a range of players and store every decision; return counts by verdict.

    Must run inside a transaction. The players are locked first; limits and caps are looked at again under the lock,
    restrictions and keys by the posting core, and what a budget had reserved for a refused reward is released.
    """
    if not rules:
        return {}
    _lock_players(occasion=occasion, keys=keys)
    reserved = _given_by_rule(rules, occasion=occasion, keys=keys)
    recheck_allocations(rules, occasion=occasion, keys=keys)
    outcomes = _post_and_decide(rules, occasion=occasion, at=at, keys=keys)
    _release_unused(rules, reserved=reserved, given=_posted_by_rule(outcomes), occasion=occasion)
    counts: Counts = {}
    for outcome in outcomes:
        counts[outcome.verdict] = counts.get(outcome.verdict, 0) + outcome.decisions
    return counts


def _post_and_decide(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, at: datetime, keys: KeyRange
) -> list[_Outcome]:
    in_range, params = keys.condition("a.player_id")
    players_in_range, _ = keys.condition("p.player_id")
    on, run_id = occasion.on, occasion.run_id
    rows = fetch_rows(
        _ISSUE_SQL.format(in_range=in_range, players_in_range=players_in_range),
        [
            json.dumps([_terms(rule) for rule in rules], default=str),
            *(on, run_id, *params, on),
            *(run_id, *params, *params),
            *(occasion.name, occasion.name, on, at, at, run_id),
            at,
            *(occasion.name, run_id, on, on, at),
        ],
    )
    return [_Outcome(*row) for row in rows]


def _terms(rule: RuleDefinition) -> dict[str, Any]:
    """Return what the issuing statement must know of a rule, as the record `terms` below."""
    currency = CURRENCIES.get(rule.reward.type)
    return {
        "rule_number": rule.number,
        "rule_id": rule.rule_id,
        "version": rule.version,
        "reward_type": rule.reward.type,
        "currency": currency,
        "transaction_type": _TRANSACTION_TYPES.get(str(currency), TransactionType.REWARD),
        "lot_kind": _LOT_KINDS.get(rule.reward.type, LotKind.REWARD),
        "wagering": rule.reward.wagering_requirement,
        "expiry_hours": rule.reward.expiry_hours,
        "max_bet": rule.reward.max_bet,
        "max_conversion": rule.reward.max_conversion,
        "eligible_games": rule.reward.eligible_games,
    }


def _lock_players(*, occasion: Occasion, keys: KeyRange) -> None:
    in_range, params = keys.condition("a.player_id")
    fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players p WHERE p.player_id IN (
                SELECT a.player_id FROM rule_allocations a WHERE a.run_id = %s AND a.amount_given > 0 AND {in_range}
            ) ORDER BY p.player_id FOR NO KEY UPDATE
        ) locked
        """,
        [occasion.run_id, *params],
    )


def _given_by_rule(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: KeyRange) -> dict[int, _Given]:
    """Return what the rules with a budget have reserved for the players of the range."""
    numbers = [rule.number for rule in rules if rule.limits.has_budget]
    if not numbers:
        return {}
    in_range, params = keys.condition("a.player_id")
    rows = fetch_rows(
        f"""
        SELECT a.rule_number, sum(a.money_value), count(*) FROM rule_allocations a
        WHERE a.run_id = %s AND a.rule_number = ANY (%s) AND a.amount_given > 0 AND {in_range} GROUP BY a.rule_number
        """,
        [occasion.run_id, numbers, *params],
    )
    return {number: _Given(value=value, rewards=count) for number, value, count in rows}


def _posted_by_rule(outcomes: Sequence[_Outcome]) -> dict[int, _Given]:
    posted: dict[int, _Given] = {}
    for outcome in outcomes:
        before = posted.get(outcome.rule_number, _NOTHING)
        posted[outcome.rule_number] = _Given(
            value=before.value + outcome.posted_value, rewards=before.rewards + outcome.posted_count
        )
    return posted


def _release_unused(
    rules: Sequence[RuleDefinition], *, reserved: dict[int, _Given], given: dict[int, _Given], occasion: Occasion
) -> None:
    """Give back to the budgets what was not given after all, in the rules' order: two releases must not deadlock."""
    for rule in rules:
        before, after = reserved.get(rule.number, _NOTHING), given.get(rule.number, _NOTHING)
        if before.rewards > after.rewards:
            release_budget(
                rule_id=rule.rule_id,
                on=occasion.on,
                value=before.value - after.value,
                count=before.rewards - after.rewards,
            )


# One statement: a refusal that repeats the last decision is counted once more there; the rest is posted, with history
# for what was posted and a decision for every allocation.
_ISSUE_SQL = """
    WITH terms AS MATERIALIZED (
        SELECT * FROM jsonb_to_recordset(%s::jsonb) t (
            rule_number integer, rule_id text, version integer, reward_type text, currency text, transaction_type text,
            lot_kind text, wagering numeric, expiry_hours integer, max_bet numeric, max_conversion numeric,
            eligible_games jsonb)
    ),
    repeated AS (
        UPDATE reward_decisions d
        SET last_on = %s, times = d.times + 1, reasons = a.reasons, run_id = a.run_id
        FROM rule_allocations a
        WHERE a.run_id = %s AND a.amount_given = 0 AND a.verdict IN ('REJECTED', 'HELD_OUT') AND {in_range}
          AND d.player_id = a.player_id AND d.rule_number = a.rule_number
          AND d.verdict = a.verdict AND d.reason = a.reason AND d.last_on < %s
          AND NOT EXISTS (
              SELECT 1 FROM reward_decisions later
              WHERE later.player_id = d.player_id AND later.rule_number = d.rule_number AND later.id > d.id)
        RETURNING d.player_id, d.rule_number, d.verdict
    ),
    allocation AS MATERIALIZED (
        SELECT a.*, p.segment, p.tier FROM rule_allocations a JOIN players p ON p.player_id = a.player_id
        WHERE a.run_id = %s AND {in_range} AND {players_in_range}
          AND NOT EXISTS (
              SELECT 1 FROM repeated r WHERE r.player_id = a.player_id AND r.rule_number = a.rule_number)
    ),
    posted AS MATERIALIZED (
        SELECT n.decision_id, n.wagering_required, n.expires_at, n.outcome, n.reason, n.lot_id, n.details
        FROM wallet_post(
            (SELECT array_agg(ROW(
                'reward:' || a.player_id || ':' || a.rule_number || ':' || %s, 'REWARD',
                sha256(convert_to('reward:' || a.player_id || ':' || a.rule_number || ':' || %s, 'UTF8')),
                a.player_id, 'PROMOTION', t.transaction_type, t.currency, a.amount_given, NULL, NULL, t.lot_kind, NULL,
                %s::date, a.money_value, a.expected_cost, NULL,
                CASE WHEN t.expiry_hours IS NOT NULL THEN %s::timestamptz + make_interval(hours => t.expiry_hours) END,
                CASE t.currency WHEN 'BONUS'
                     THEN round(a.amount_given * t.wagering * a.wagering_multiplier, 2) ELSE 0 END,
                t.max_bet, t.max_conversion, t.eligible_games, a.rule_number, a.decision_id, t.rule_id, '',
                NULL)::wallet_posting ORDER BY a.player_id, a.rule_number)
             FROM allocation a JOIN terms t ON t.rule_number = a.rule_number WHERE a.amount_given > 0),
            %s, 'rules', %s) n
    ),
    history AS (
        INSERT INTO reward_history (player_id, rule_id, reward_type, amount, currency_type, status, wagering_required,
                                    issued_at, expires_at, decision_id, lot_id, run_id)
        SELECT a.player_id, t.rule_id, t.reward_type, a.amount_given, t.currency, 'ACTIVE', p.wagering_required,
               %s, p.expires_at, a.decision_id, p.lot_id, a.run_id
        FROM posted p JOIN allocation a ON a.decision_id = p.decision_id JOIN terms t ON t.rule_number = a.rule_number
        WHERE p.outcome = 'POSTED'
    ),
    outcome AS MATERIALIZED (
        SELECT a.*, t.version, coalesce(p.outcome = 'REFUSED', false) AS is_refused,
               coalesce(p.outcome = 'POSTED', false) AS is_posted, p.reason AS refused_because, p.details
        FROM allocation a JOIN terms t ON t.rule_number = a.rule_number
        LEFT JOIN posted p ON p.decision_id = a.decision_id
    ),
    decided AS (
        INSERT INTO reward_decisions (id, player_id, rule_number, occasion, rule_version, run_id, verdict, reason,
                                      reasons, facts, segment, tier, amount_computed, amount_given, money_value,
                                      expected_cost, expected_margin, first_on, last_on, decided_at)
        SELECT o.decision_id, o.player_id, o.rule_number, %s, o.version, %s,
               CASE WHEN o.is_refused THEN 'REJECTED' ELSE o.verdict END,
               CASE WHEN o.is_refused THEN o.refused_because ELSE o.reason END,
               CASE WHEN o.is_refused THEN jsonb_build_array(jsonb_build_object('code', o.refused_because) || o.details)
                    ELSE o.reasons END,
               o.facts, o.segment, o.tier, o.amount_computed,
               CASE WHEN o.is_refused THEN 0 ELSE o.amount_given END,
               CASE WHEN o.is_refused THEN 0 ELSE o.money_value END,
               o.expected_cost, o.expected_margin, %s, %s, %s
        FROM outcome o
        ON CONFLICT (player_id, rule_number, occasion) DO NOTHING
    )
    SELECT CASE WHEN is_refused THEN 'REJECTED' ELSE verdict END, rule_number, count(*),
           coalesce(sum(money_value) FILTER (WHERE is_posted), 0), count(*) FILTER (WHERE is_posted)
    FROM outcome GROUP BY 1, 2
    UNION ALL SELECT verdict || ' again', rule_number, count(*), 0, 0 FROM repeated GROUP BY 1, 2
"""


def close_ended_rewards(*, since: datetime | None, keys: KeyRange = ALL_KEYS) -> int:
    """Carry the end of lots that closed since then over to the reward history; return how many rewards ended."""
    in_range, params = keys.condition("l.player_id")
    return run_statement(
        f"""
        UPDATE reward_history h
        SET status = CASE WHEN l.status IN ('COMPLETED', 'CANCELLED') THEN l.status ELSE 'EXPIRED' END,
            completed_at = CASE l.status WHEN 'COMPLETED' THEN l.closed_at END
        FROM wallet_lots l
        WHERE h.lot_id = l.id AND h.status = 'ACTIVE' AND l.status NOT IN ('ACTIVE', 'PENDING')
          AND {in_range} AND h.player_id = l.player_id AND (%s::timestamptz IS NULL OR l.closed_at >= %s)
        """,
        [*params, since, since],
    )


def occasion_of_night(*, run_id: int, on: date) -> Occasion:
    """Return the occasion under which the night decides."""
    return Occasion(run_id=run_id, on=on, name=on.isoformat())
