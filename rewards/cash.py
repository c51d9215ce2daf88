"""Cashback that may be withdrawn at once: the platform holds real money, so it is told to pay, and no lot is made."""

from __future__ import annotations

from datetime import datetime

from core.expressions import run_statement
from players.models import CreditPurpose
from players.policies import OPERATOR_CURRENCY
from rewards.facts import Scope
from rewards.occasions import Occasion
from wallet.restrictions import refusals_sql

# The posting core is not asked, so the restrictions it obeys are looked at here, under the same lock.
_REFUSE_SQL = """
    UPDATE rule_allocations a
    SET verdict = 'REJECTED', reason = 'RESTRICTED', amount_given = 0, money_value = 0,
        reasons = jsonb_build_array(jsonb_build_object('code', 'RESTRICTED', 'restriction', x.restriction))
    FROM ({refused}) x
    WHERE a.run_id = %s AND a.rule_number = ANY (%s) AND a.amount_given > 0 AND {in_range} AND a.player_id = x.player_id
"""
_PAY_SQL = """
    WITH paid AS MATERIALIZED (
        SELECT a.player_id, a.rule_number, a.amount_given, a.money_value, a.expected_cost, a.decision_id,
               r.rule_id, 'reward.cash:' || a.player_id || ':' || a.rule_number || ':' || {occasion} AS event_key
        FROM rule_allocations a JOIN reward_rules r ON r.number = a.rule_number
        WHERE a.run_id = %s AND a.rule_number = ANY (%s) AND a.amount_given > 0 AND {in_range}
        ORDER BY a.player_id, a.rule_number
    ),
    told AS (
        INSERT INTO outbox_events (topic, key, payload)
        SELECT 'reward.cash', p.event_key,
               jsonb_build_object('player_id', p.player_id, 'amount', p.amount_given::text, 'currency', %s::text,
                                  'rule_id', p.rule_id, 'decision_id', p.decision_id, 'business_date', %s::text)
        FROM paid p
    ),
    granted AS (
        INSERT INTO safety_cash_grants
            (player_id, granted_on, promotional_value, expected_cost, rule_number, decision_id, event_key, granted_at)
        SELECT p.player_id, %s, p.money_value, p.expected_cost, p.rule_number, p.decision_id, p.event_key, %s
        FROM paid p
    )
    INSERT INTO reward_history (player_id, rule_id, reward_type, amount, currency_type, status, issued_at, completed_at,
                                metadata, decision_id, run_id)
    SELECT p.player_id, p.rule_id, 'CASHBACK', p.amount_given, 'CASH', 'COMPLETED', %s, %s,
           jsonb_build_object('event_key', p.event_key), p.decision_id, %s
    FROM paid p
"""


def pay_cash(rule_numbers: list[int], *, occasion: Occasion, at: datetime, keys: Scope) -> None:
    """Tell the platform to pay what was allocated as cash: event, grant and history, each once.

    Must run under the lock of the players; what a restriction forbids becomes a rejected allocation.
    """
    in_range, params = keys.condition("a.player_id")
    run_id, on = occasion.run_id, occasion.on
    refused_in_range, _ = keys.condition("r.player_id")
    refused = refusals_sql(purpose=CreditPurpose.PROMOTION, at="%s", in_range=refused_in_range)
    refuse = _REFUSE_SQL.format(in_range=in_range, refused=refused)
    run_statement(refuse, [at, *params, run_id, rule_numbers, *params])
    name, name_params = occasion.name_sql("a.player_id")
    run_statement(
        _PAY_SQL.format(in_range=in_range, occasion=name),
        [
            *(*name_params, run_id, rule_numbers, *params),
            *(OPERATOR_CURRENCY.value(), on.isoformat()),
            *(on, at),
            *(at, at, run_id),
        ],
    )
