"""Which rules would pay the same players, and what that costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from core.expressions import fetch_rows
from rewards.definitions import RuleDefinition
from rewards.simulation.simulating import simulated_night


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """Two rules and the players both would pay: money value given to these by the one, by the other, and together."""

    rule_id: str
    other_rule_id: str
    players: int
    cost: Decimal
    other_cost: Decimal
    cost_together: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlapMap:
    """The pairs of rules that would pay the same players in the night of a business date, the dearest first."""

    on: date
    at: datetime
    rules: int
    players_paid: int
    players_paid_twice: int
    pairs: list[Overlap]


_PAIRS_SQL = """
    SELECT a.rule_number, b.rule_number, count(*), sum(a.money_value), sum(b.money_value)
    FROM rule_allocations a
    JOIN rule_allocations b ON b.run_id = a.run_id AND b.player_id = a.player_id AND b.rule_number > a.rule_number
    WHERE a.run_id = %s AND a.amount_given > 0 AND b.amount_given > 0
    GROUP BY 1, 2 ORDER BY sum(a.money_value + b.money_value) DESC, 1, 2
"""
_PAID_SQL = """
    SELECT count(*), count(*) FILTER (WHERE rewards > 1) FROM (
        SELECT count(*) AS rewards FROM rule_allocations WHERE run_id = %s AND amount_given > 0 GROUP BY player_id
    ) paid
"""


def map_overlaps(rules: Sequence[RuleDefinition], *, on: date, at: datetime) -> OverlapMap:
    """Return for each pair of rules how many players both would pay in the night of a business date, and what it costs.

    Nothing is written that lasts. Raises SimulationDateError.
    """
    ids = {rule.number: rule.rule_id for rule in rules}
    with simulated_night(rules, on=on, at=at) as run:
        rows = fetch_rows(_PAIRS_SQL, [run.pk])
        paid, paid_twice = fetch_rows(_PAID_SQL, [run.pk])[0]
    pairs = [
        Overlap(
            rule_id=ids[number],
            other_rule_id=ids[other],
            players=players,
            cost=cost,
            other_cost=other_cost,
            cost_together=cost + other_cost,
        )
        for number, other, players, cost, other_cost in rows
    ]
    return OverlapMap(on=on, at=at, rules=len(rules), players_paid=paid, players_paid_twice=paid_twice, pairs=pairs)
