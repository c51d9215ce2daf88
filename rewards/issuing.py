"""Phase three: post what was allocated, write decisions and reward history, all in one transaction per chunk.

Each step is a statement of its own over `rule_allocations`, whose rows are found by key: nothing is joined that the
planner knows nothing about.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import IntegrityError, transaction
from django.utils import timezone
from psycopg.errors import UniqueViolation

from core.bulk import trusted_keys
from core.expressions import fetch_rows, run_statement
from core.plans import fetch_planned, run_planned
from core.runs import ALL_KEYS, Counts, KeyRange, NamedKeys
from rewards.budgets import release_budget
from rewards.cash import pay_cash
from rewards.definitions import RuleDefinition
from rewards.facts import Scope
from rewards.guardrail import guarded_rules
from rewards.jurisdictions.rechecking import reject_beyond_jurisdiction
from rewards.models import RewardType, Verdict
from rewards.occasions import Occasion
from rewards.perks import open_perk_tasks
from rewards.places import settle_places
from rewards.pooling import Given as PoolsGiven
from rewards.pooling import pools_given, release_pools
from rewards.rechecking import recheck_allocations, reject_stopped
from rewards.reviewing.waiting import open_cases_of_rewards
from safety.assumption_versions import assumptions_version
from safety.policies import PROFIT_BASIS
from safety.profitability import CURRENCIES
from safety.violations import recorded_violations_sql
from wallet.models import LotKind, TransactionType
from wallet.points_expiry import EXPIRING_CURRENCIES, points_expire_at
from wallet.policies import BONUS_TURNS, WAGERING_BASIS
from wallet.postings import posting_row

_LOT_KINDS = {RewardType.FREE_PLAY: LotKind.FREE_PLAY, RewardType.CASHBACK: LotKind.CASHBACK}
_TRANSACTION_TYPES = {"BONUS": TransactionType.BONUS_ISSUED, "LP": TransactionType.LP_EARNED}


class _Decided(NamedTuple):
    """How many matches of a rule ended with a verdict, and what of them was given."""

    verdict: str
    rule_number: int
    decisions: int
    given_value: Decimal
    given_count: int


class _Given(NamedTuple):
    """Money value and number of rewards."""

    value: Decimal
    rewards: int


_NOTHING = _Given(value=Decimal(0), rewards=0)


class _Reserved(NamedTuple):
    """What a run holds of limits for its players before it posts: of rules, and of caps that groups share."""

    rules: dict[int, _Given]
    pools: PoolsGiven


def issue_rewards(
    rules: Sequence[RuleDefinition], *, occasion: Occasion, at: datetime, keys: Scope = ALL_KEYS
) -> Counts:
    """Post the allocated rewards of a range of players and store every decision; return counts by verdict.

    Must run inside a transaction. The players are locked first; limits and caps are looked at again under the lock.
    """
    if not rules:
        return {}
    _lock_players(occasion=occasion, keys=keys)
    reserved = _reserved(rules, occasion=occasion, keys=keys)
    reject_stopped(rules, occasion=occasion, keys=keys)
    recheck_allocations(rules, occasion=occasion, keys=keys, today=timezone.localdate(at))
    return _issue(rules, reserved, occasion=occasion, at=at, keys=keys)


def issue_under_lock(
    rules: Sequence[RuleDefinition],
    *,
    occasion: Occasion,
    at: datetime,
    keys: NamedKeys,
    guarded: Collection[int],
    has_pools: bool,
) -> Counts:
    """Post the same for players whom the transaction has held locked since before it took their facts.

    Nobody can have been given or decided anything for them since, and of rules that `standing_of_rules` has let through
    none can have been stopped: there is nothing to look at again, but what jurisdictions limit by now where the
    business date is past. `guarded` are the numbers of rules with a guardrail; `has_pools` says whether groups have
    caps.
    """
    if not rules:
        return {}
    reserved = _Reserved(
        rules=_given_by_rule(rules, guarded=guarded, occasion=occasion, keys=keys),
        pools=pools_given(occasion=occasion, keys=keys) if has_pools else {},
    )
    if (today := timezone.localdate(at)) > occasion.on:
        reject_beyond_jurisdiction(rules, occasion=occasion, keys=keys, on=today)
    return _issue(rules, reserved, occasion=occasion, at=at, keys=keys)


def _issue(
    rules: Sequence[RuleDefinition], reserved: _Reserved, *, occasion: Occasion, at: datetime, keys: Scope
) -> Counts:
    """Post and decide under the lock; restrictions and keys are looked at again by the posting core.

    What a budget or a group's cap had reserved for a refused reward is released.
    """
    points_expiries = _points_expiries(rules, on=occasion.on)
    bonus = _bonus_terms()
    told = {rule.number: {**_terms(rule, points_expiries), **bonus} for rule in rules}
    terms = json.dumps(list(told.values()), default=str)
    # Every key is that of a player locked above or of a rule of this run. For a few it would cost more than it saves:
    # the session's plans are dropped with it, those of the posting core too.
    with trusted_keys(are_many=not isinstance(keys, NamedKeys)):
        _give(rules, told, occasion=occasion, at=at, keys=keys)
    decided = (_decide_again if occasion.is_of_review else _decide)(rules, terms, occasion=occasion, at=at, keys=keys)
    if perks := [rule for rule in rules if rule.reward.type is RewardType.VIP_PERKS]:
        open_perk_tasks(perks, occasion=occasion, at=at, keys=keys)
    if reserved.pools:
        release_pools(reserved=reserved.pools, given=pools_given(occasion=occasion, keys=keys), occasion=occasion)
    if any(outcome.verdict == Verdict.PENDING_REVIEW for outcome in decided):
        open_cases_of_rewards(at=at, keys=keys)
    _release_unused(rules, reserved=reserved.rules, given=_given_of(decided), occasion=occasion)
    settle_places(rules, occasion=occasion, keys=keys)
    counts: Counts = {}
    for outcome in decided:
        counts[outcome.verdict] = counts.get(outcome.verdict, 0) + outcome.decisions
    return counts


def _give(
    rules: Sequence[RuleDefinition],
    terms: Mapping[int, dict[str, Any]],
    *,
    occasion: Occasion,
    at: datetime,
    keys: Scope,
) -> None:
    """Post what is credited to the wallet, and have the rest paid as cash; `terms` are those of all rules by number."""
    cash = [rule.number for rule in rules if rule.reward.is_cash]
    if cash:
        pay_cash(cash, occasion=occasion, at=at, keys=keys)
    credited = [terms[rule.number] for rule in rules if not rule.reward.is_cash]
    _post(json.dumps(credited, default=str), occasion=occasion, at=at, keys=keys)


def _bonus_terms() -> dict[str, Any]:
    """Return what the policies say of every bonus, read once for all rules."""
    return {"wagering_basis": WAGERING_BASIS.value(), "takes_turns": BONUS_TURNS.value() == "ONE_AT_A_TIME"}


def _points_expiries(rules: Sequence[RuleDefinition], *, on: date) -> dict[str, datetime | None]:
    """Return by currency when points given on a business date expire, for rules that give them no hours."""
    lasting = {CURRENCIES.get(rule.reward.type) for rule in rules if rule.reward.expiry_hours is None}
    return {
        currency: points_expire_at(currency=currency, earned_on=on)
        for currency in EXPIRING_CURRENCIES
        if currency in lasting
    }


def _terms(rule: RuleDefinition, points_expiries: dict[str, datetime | None]) -> dict[str, Any]:
    """Return what the issuing statement must know of a rule, the policies aside, as the record `terms` below."""
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
        "points_expire_at": points_expiries.get(str(currency)),
        "max_bet": rule.reward.max_bet,
        "max_conversion": rule.reward.max_conversion,
        "eligible_games": rule.reward.eligible_games,
    }


def _lock_players(*, occasion: Occasion, keys: Scope) -> None:
    in_range, params = keys.condition("a.player_id")
    fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players p WHERE p.player_id IN (
                SELECT a.player_id FROM rule_allocations a
                WHERE a.run_id = %s AND (a.amount_given > 0 OR a.verdict = 'PENDING_REVIEW') AND {in_range}
            ) ORDER BY p.player_id FOR NO KEY UPDATE
        ) locked
        """,
        [occasion.run_id, *params],
    )


def _reserved(rules: Sequence[RuleDefinition], *, occasion: Occasion, keys: Scope) -> _Reserved:
    guarded = guarded_rules([rule.number for rule in rules])
    return _Reserved(
        rules=_given_by_rule(rules, guarded=guarded, occasion=occasion, keys=keys),
        pools=pools_given(occasion=occasion, keys=keys),
    )


def _given_by_rule(
    rules: Sequence[RuleDefinition], *, guarded: Collection[int], occasion: Occasion, keys: Scope
) -> dict[int, _Given]:
    """Return what the rules with a budget or a guardrail have reserved for the players of the range."""
    numbers = [rule.number for rule in rules if rule.limits.has_budget or rule.number in guarded]
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


def _given_of(decided: Sequence[_Decided]) -> dict[int, _Given]:
    given: dict[int, _Given] = {}
    for outcome in decided:
        before = given.get(outcome.rule_number, _NOTHING)
        given[outcome.rule_number] = _Given(
            value=before.value + outcome.given_value, rewards=before.rewards + outcome.given_count
        )
    return given


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


_TERMS_SQL = """jsonb_to_recordset(%s::jsonb) t (
            rule_number integer, rule_id text, version integer, reward_type text, currency text, transaction_type text,
            lot_kind text, wagering numeric, wagering_basis text, takes_turns boolean, expiry_hours integer,
            points_expire_at timestamptz, max_bet numeric, max_conversion numeric, eligible_games jsonb)"""
# The occasion's name goes in once the statement is about to run: by night it is one, of events each player's own.
_POSTING = posting_row(
    operation_key="'reward:' || a.player_id || ':' || a.rule_number || ':' || {occasion}",
    operation_kind="'REWARD'",
    input_hash="sha256(convert_to('reward:' || a.player_id || ':' || a.rule_number || ':' || {occasion}, 'UTF8'))",
    account_key="a.player_id",
    purpose="'PROMOTION'",
    transaction_type="t.transaction_type",
    currency_type="t.currency",
    amount="a.amount_given",
    lot_kind="t.lot_kind",
    granted_on="%s::date",
    promotional_value="a.money_value",
    expected_cost="a.expected_cost",
    takes_turn="t.takes_turns AND t.currency = 'BONUS' AND t.wagering > 0",
    active_hours="CASE t.currency WHEN 'BONUS' THEN t.expiry_hours END",
    expires_at="CASE WHEN t.currency <> 'BONUS' AND t.expiry_hours IS NOT NULL "
    "THEN %s::timestamptz + make_interval(hours => t.expiry_hours) ELSE t.points_expire_at END",
    wagering_required="CASE t.currency WHEN 'BONUS' THEN round(a.amount_given * t.wagering * a.wagering_multiplier, 2) "
    "ELSE 0 END",
    wagering_basis="t.wagering_basis",
    max_bet="t.max_bet",
    max_conversion="t.max_conversion",
    eligible_games="t.eligible_games",
    rule_number="a.rule_number",
    decision_id="a.decision_id",
    description="t.rule_id",
)
# A reward that the core refuses becomes a refusal; what it posts gets its history row.
_POST_SQL = """
    WITH terms AS MATERIALIZED (SELECT * FROM {terms}),
    posted AS MATERIALIZED (
        SELECT * FROM wallet_post(
            (SELECT array_agg({posting} ORDER BY a.player_id, a.rule_number)
             FROM rule_allocations a JOIN terms t ON t.rule_number = a.rule_number
             WHERE a.run_id = %s AND a.amount_given > 0 AND {in_range}),
            %s, 'rules', %s)
    ),
    history AS (
        INSERT INTO reward_history (player_id, rule_id, reward_type, amount, currency_type, status, wagering_required,
                                    issued_at, expires_at, decision_id, lot_id, run_id)
        SELECT p.account_key, t.rule_id, t.reward_type, p.amount, t.currency, 'ACTIVE', p.wagering_required, %s,
               p.expires_at, p.decision_id, p.lot_id, %s
        FROM posted p JOIN terms t ON t.rule_number = p.rule_number WHERE p.outcome = 'POSTED'
    )
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', reason = p.reason, amount_given = 0, money_value = 0,
        reasons = jsonb_build_array(jsonb_build_object('code', p.reason) || p.details)
    FROM posted p
    WHERE p.outcome = 'REFUSED' AND a.run_id = %s AND a.player_id = p.account_key AND a.rule_number = p.rule_number
"""


def _post(terms: str, *, occasion: Occasion, at: datetime, keys: Scope) -> None:
    in_range, params = keys.condition("a.player_id")
    run_id = occasion.run_id
    name, name_params = occasion.name_sql("a.player_id")
    sql = _POST_SQL.format(terms=_TERMS_SQL, posting=_POSTING.format(occasion=name), in_range=in_range)
    posting = [terms, *name_params, *name_params, occasion.on, at, run_id, *params, at, run_id]
    run_planned(sql, [*posting, at, run_id, run_id])


# A refusal that repeats the last decision is counted once more there; every other allocation becomes a decision. What
# repeats is told by NOT IN, a hash table whatever the planner expects of a table that this statement lets grow.
_DECIDE_SQL = """
    WITH repeated AS (
        UPDATE reward_decisions d
        SET last_on = %s, times = d.times + 1, reasons = a.reasons, run_id = a.run_id,
            expected_cost = a.expected_cost, expected_margin = a.expected_margin,
            wager_per_active_day = a.wager_per_active_day, active_days = a.active_days,
            retention_multiplier = a.retention_multiplier, house_edge = a.house_edge, cost_rate = a.cost_rate,
            granted_cost = a.granted_cost, assumptions_version = {assumptions}, profit_basis = '{basis}'
        FROM rule_allocations a
        WHERE a.run_id = %s AND a.verdict IN ('REJECTED', 'HELD_OUT') AND {in_range}
          AND d.id = a.last_decision_id AND d.verdict = a.verdict AND d.reason = a.reason AND {repeats}
        RETURNING d.id, d.verdict, d.rule_number
    ),
    decided AS (
        INSERT INTO reward_decisions (id, player_id, rule_number, occasion, rule_version, run_id, verdict, reason,
                                      reasons, facts, segment, tier, amount_computed, amount_given, money_value,
                                      expected_cost, expected_margin, wager_per_active_day, active_days,
                                      retention_multiplier, house_edge, cost_rate, granted_cost, assumptions_version,
                                      profit_basis, first_on, last_on, decided_at)
        SELECT a.decision_id, a.player_id, a.rule_number, {occasion}, t.version, a.run_id, a.verdict, a.reason,
               a.reasons, CASE a.rule_number {facts_kept} END, p.segment, p.tier, a.amount_computed, a.amount_given,
               a.money_value, a.expected_cost, a.expected_margin, a.wager_per_active_day, a.active_days,
               a.retention_multiplier, a.house_edge, a.cost_rate, a.granted_cost, {assumptions}, '{basis}',
               %s, %s, %s
        FROM rule_allocations a
        JOIN {terms} ON t.rule_number = a.rule_number
        JOIN players p ON p.player_id = a.player_id
        JOIN player_facts f ON f.run_id = a.run_id AND f.player_id = a.player_id
        WHERE a.run_id = %s AND {in_range} AND {players_in_range} AND f.run_id = %s AND {facts_in_range}
          AND coalesce(a.last_decision_id, 0) NOT IN (SELECT id FROM repeated)
        ORDER BY a.player_id, a.rule_number
        {on_conflict}
        RETURNING id, player_id, verdict, reason, reasons, rule_number, amount_computed, money_value, amount_given,
                  first_on, decided_at
    ),
    refused AS ({violations})
    SELECT verdict, rule_number, count(*), coalesce(sum(money_value) FILTER (WHERE amount_given > 0), 0),
           count(*) FILTER (WHERE amount_given > 0)
    FROM decided GROUP BY verdict, rule_number
    UNION ALL SELECT verdict || ' again', rule_number, count(*), 0, 0 FROM repeated GROUP BY verdict, rule_number
"""


_LEFT_ALONE = "ON CONFLICT (player_id, rule_number, occasion) DO NOTHING"


def _decide(
    rules: Sequence[RuleDefinition], terms: str, *, occasion: Occasion, at: datetime, keys: Scope
) -> list[_Decided]:
    """Store the decisions; what was decided for the occasion before, by whoever came first, is left alone.

    Of many rows, to ask of each whether there is one takes half as long again; it is done where it turns out there is.
    """
    if isinstance(keys, NamedKeys):
        return _store_decisions(rules, terms, occasion=occasion, at=at, keys=keys, on_conflict=_LEFT_ALONE)
    try:
        with transaction.atomic():
            return _store_decisions(rules, terms, occasion=occasion, at=at, keys=keys, on_conflict="")
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
    return _store_decisions(rules, terms, occasion=occasion, at=at, keys=keys, on_conflict=_LEFT_ALONE)


def _store_decisions(
    rules: Sequence[RuleDefinition], terms: str, *, occasion: Occasion, at: datetime, keys: Scope, on_conflict: str
) -> list[_Decided]:
    in_range, params = keys.condition("a.player_id")
    players_in_range, _ = keys.condition("p.player_id")
    facts_in_range, _ = keys.condition("f.player_id")
    on, run_id = occasion.on, occasion.run_id
    name, name_params = occasion.name_sql("a.player_id")
    repeats, repeats_params = occasion.repeats_sql()
    sql = _DECIDE_SQL.format(
        occasion=name,
        repeats=repeats,
        terms=_TERMS_SQL,
        facts_kept=_facts_kept_sql(tuple(rules)),
        assumptions=assumptions_version(),
        basis=PROFIT_BASIS.value(),
        violations=recorded_violations_sql(decided="decided"),
        on_conflict=on_conflict,
        in_range=in_range,
        players_in_range=players_in_range,
        facts_in_range=facts_in_range,
    )
    repeating = [on, run_id, *params, *repeats_params]
    rows = fetch_planned(sql, [*repeating, *name_params, on, on, at, terms, run_id, *params, *params, run_id, *params])
    return [_Decided(*row) for row in rows]


# What waited for a review keeps its row, its day, its facts and what was said first; the day it ends on is its last.
# What cost and margin followed from is that day's, as they are.
_DECIDE_AGAIN_SQL = """
    WITH decided AS (
        UPDATE reward_decisions d
        SET verdict = a.verdict, reason = a.reason, reasons = d.reasons || a.reasons, run_id = a.run_id,
            amount_given = a.amount_given, money_value = a.money_value, expected_cost = a.expected_cost,
            expected_margin = a.expected_margin, wager_per_active_day = a.wager_per_active_day,
            active_days = a.active_days, retention_multiplier = a.retention_multiplier, house_edge = a.house_edge,
            cost_rate = a.cost_rate, granted_cost = a.granted_cost, assumptions_version = {assumptions},
            profit_basis = '{basis}', last_on = %s, times = 1, decided_at = %s
        FROM rule_allocations a
        WHERE a.run_id = %s AND {in_range} AND d.id = a.decision_id AND d.verdict = 'PENDING_REVIEW'
        RETURNING d.id, d.player_id, d.verdict, d.reason, a.reasons, d.rule_number, d.amount_computed, d.money_value,
                  d.amount_given, d.last_on AS first_on, d.decided_at
    ),
    refused AS ({violations})
    SELECT verdict, rule_number, count(*), coalesce(sum(money_value) FILTER (WHERE amount_given > 0), 0),
           count(*) FILTER (WHERE amount_given > 0)
    FROM decided GROUP BY verdict, rule_number
"""


def _decide_again(
    _rules: Sequence[RuleDefinition], _terms: str, *, occasion: Occasion, at: datetime, keys: Scope
) -> list[_Decided]:
    in_range, params = keys.condition("a.player_id")
    sql = _DECIDE_AGAIN_SQL.format(
        in_range=in_range,
        assumptions=assumptions_version(),
        basis=PROFIT_BASIS.value(),
        violations=recorded_violations_sql(decided="decided"),
    )
    return [_Decided(*row) for row in fetch_rows(sql, [occasion.on, at, occasion.run_id, *params])]


@lru_cache(maxsize=64)
def _facts_kept_sql(rules: tuple[RuleDefinition, ...]) -> str:
    """Return the branches that build what a decision keeps of the facts: the columns its rule reads."""
    kept = {rule.number: ", ".join(f"'{column}', f.{column}" for column in rule.columns) for rule in rules}
    return " ".join(f"WHEN {number} THEN jsonb_build_object({columns})" for number, columns in kept.items())


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
