"""Balances of earlier days: those of now less all later entries, carried on with real entries and virtual rewards.

Only for rules that read a balance; the real entries of the rules under test are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from core.expressions import run_statement
from rewards.definitions import RuleDefinition
from rewards.simulation.history import Scope, start_of
from rewards.simulation.sandbox import analyze, original
from safety.profitability import CURRENCIES

BALANCE_COLUMNS = {"LP": "lp_balance", "RP": "rp_balance", "BONUS": "bonus_balance", "TICKETS": "tickets_balance"}
_SUMS = ", ".join(
    [
        *(
            f"coalesce(sum(e.amount) FILTER (WHERE e.currency_type = '{currency}'), 0) AS {column}"
            for currency, column in BALANCE_COLUMNS.items()
        ),
        "coalesce(sum(e.amount) FILTER (WHERE e.currency_type = 'LP' AND e.amount > 0), 0) AS lp_earned",
    ]
)
_COLUMNS = (*BALANCE_COLUMNS.values(), "lp_earned")


def copy_balances() -> None:
    """Copy what every player holds now; as plain numbers, as changes are signed."""
    columns = ", ".join(f"{name}::numeric AS {name}" for name in _COLUMNS)
    run_statement(
        f"CREATE TEMPORARY TABLE loyalty_balances AS SELECT player_id, {columns} FROM {original('loyalty_balances')}",
        [],
    )
    _index_balances()


def begin_balances(scope: Scope) -> None:
    """Copy what every player held when the period began."""
    less = ", ".join(f"b.{name} - coalesce(l.{name}, 0) AS {name}" for name in _COLUMNS)
    run_statement(
        f"""CREATE TEMPORARY TABLE loyalty_balances AS
        SELECT b.player_id, {less} FROM {original("loyalty_balances")} b
        LEFT JOIN (
            SELECT e.player_id, {_SUMS} FROM {original("transactions")} e WHERE e.created_at >= %s GROUP BY e.player_id
        ) l ON l.player_id = b.player_id""",
        [start_of(scope.since)],
    )
    _index_balances()


def _index_balances() -> None:
    run_statement("CREATE UNIQUE INDEX ON loyalty_balances (player_id)", [])
    analyze("loyalty_balances")


def carry_balances_to(on: date, *, scope: Scope) -> None:
    """Add the real entries of a business date, but for those of the rules under test."""
    more = ", ".join(f"{name} = b.{name} + e.{name}" for name in _COLUMNS)
    run_statement(
        f"""UPDATE loyalty_balances b SET {more} FROM (
            SELECT e.player_id, {_SUMS} FROM {original("transactions")} e
            WHERE e.created_at >= %s AND e.created_at < %s AND NOT EXISTS (
                SELECT 1 FROM {original("wallet_lot_movements")} v JOIN {original("wallet_lots")} w ON w.id = v.lot_id
                WHERE v.entry_id = e.id AND w.rule_number = ANY (%s))
            GROUP BY e.player_id
        ) e WHERE e.player_id = b.player_id""",
        [start_of(on), start_of(on + timedelta(days=1)), list(scope.rule_numbers)],
    )


def credit_virtually(rules: Sequence[RuleDefinition], *, run_id: int) -> None:
    """Add what a run of these rules allocated; what is paid in cash is in no balance."""
    currencies = {
        rule.number: CURRENCIES[rule.reward.type]
        for rule in rules
        if rule.reward.type in CURRENCIES and not rule.reward.is_cash
    }
    for number, currency in currencies.items():
        add_to_balances(
            f"""SELECT player_id, '{currency}', amount_given, CASE '{currency}' WHEN 'LP' THEN amount_given ELSE 0 END
            FROM rule_allocations WHERE run_id = %s AND rule_number = %s AND amount_given > 0""",
            [run_id, number],
        )


def add_to_balances(changes: str, params: Sequence[Any]) -> None:
    """Change the copies of the balances; of a player who has none yet it is begun.

    `changes` is a query of player, currency, signed amount, and how much of that counts as points ever earned.
    """
    sums = ", ".join(
        f"coalesce(sum(c.amount) FILTER (WHERE c.currency = '{currency}'), 0)" for currency in BALANCE_COLUMNS
    )
    more = ", ".join(f"{name} = coalesce(b.{name}, 0) + excluded.{name}" for name in _COLUMNS)
    run_statement(
        f"""INSERT INTO loyalty_balances AS b (player_id, {", ".join(_COLUMNS)})
        SELECT c.player_id, {sums}, coalesce(sum(c.earned), 0)
        FROM ({changes}) c (player_id, currency, amount, earned) GROUP BY c.player_id
        ON CONFLICT (player_id) DO UPDATE SET {more}""",
        list(params),
    )
