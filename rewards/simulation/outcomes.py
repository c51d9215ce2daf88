"""Read what the allocations of a run come to: one statement per question, whatever the number of players."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.expressions import fetch_rows

BENEFICIARIES_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocations:
    """What is read: the allocations of a run, of one rule or of all."""

    run_id: int
    rule_number: int | None = None

    @property
    def params(self) -> list[int | None]:
        """The parameters of the condition on them in the statements below."""
        return [self.run_id, self.rule_number, self.rule_number]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a set of matches comes to.

    `money_value` is what is given, `expected_cost` what that is expected to cost; `expected_margin` is that of the
    players paid, over the profit horizon, each player counted once.
    """

    name: str
    matches: int
    players: int
    rewards: int
    money_value: Decimal
    expected_cost: Decimal
    expected_margin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Beneficiary:
    """One of the players who get most."""

    player_id: str
    segment: str
    tier: str
    rewards: int
    money_value: Decimal
    expected_cost: Decimal
    expected_margin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How many matches ended without a reward for one reason; `amount_computed` in the reward's own unit."""

    verdict: str
    reason: str
    matches: int
    amount_computed: Decimal


_OUTCOMES_SQL = """
    SELECT key::text, sum(matches)::bigint, count(*) FILTER (WHERE rewards > 0), sum(rewards)::bigint,
           coalesce(sum(money_value), 0), coalesce(sum(expected_cost), 0), coalesce(sum(expected_margin), 0)
    FROM (
        SELECT {key} AS key, count(*) AS matches, count(*) FILTER (WHERE a.amount_given > 0) AS rewards,
               sum(a.money_value) AS money_value,
               sum(a.expected_cost) FILTER (WHERE a.amount_given > 0) AS expected_cost,
               max(a.expected_margin) FILTER (WHERE a.amount_given > 0) AS expected_margin
        FROM rule_allocations a
        JOIN player_facts f ON f.run_id = a.run_id AND f.player_id = a.player_id
        WHERE a.run_id = %s AND (%s::integer IS NULL OR a.rule_number = %s)
        GROUP BY 1, a.player_id
    ) players GROUP BY key ORDER BY 5 DESC, 1
"""
RULE, SEGMENT, TIER, ALL = "a.rule_number", "f.segment", "f.tier", "''"


def outcomes(key: str, *, of: Allocations) -> list[Outcome]:
    """Return what the allocations come to by `key`, the dearest first."""
    rows = fetch_rows(_OUTCOMES_SQL.format(key=key), of.params)
    return [
        Outcome(
            name=name,
            matches=matches,
            players=players,
            rewards=rewards,
            money_value=money_value,
            expected_cost=expected_cost,
            expected_margin=expected_margin,
        )
        for name, matches, players, rewards, money_value, expected_cost, expected_margin in rows
    ]


def nothing(name: str = "") -> Outcome:
    """Return the outcome of no match."""
    zero = Decimal("0.00")
    return Outcome(
        name=name, matches=0, players=0, rewards=0, money_value=zero, expected_cost=zero, expected_margin=zero
    )


def beneficiaries(*, of: Allocations) -> list[Beneficiary]:
    """Return the players who get most, in money value."""
    rows = fetch_rows(
        """
        SELECT a.player_id, f.segment, f.tier, count(*), sum(a.money_value), sum(a.expected_cost),
               coalesce(max(a.expected_margin), 0)
        FROM rule_allocations a
        JOIN player_facts f ON f.run_id = a.run_id AND f.player_id = a.player_id
        WHERE a.run_id = %s AND (%s::integer IS NULL OR a.rule_number = %s) AND a.amount_given > 0
        GROUP BY a.player_id, f.segment, f.tier ORDER BY 5 DESC, 1 LIMIT %s
        """,
        [*of.params, BENEFICIARIES_MAX],
    )
    return [
        Beneficiary(
            player_id=player_id,
            segment=segment,
            tier=tier,
            rewards=rewards,
            money_value=money_value,
            expected_cost=expected_cost,
            expected_margin=expected_margin,
        )
        for player_id, segment, tier, rewards, money_value, expected_cost, expected_margin in rows
    ]


def refusals(*, of: Allocations) -> list[Refusal]:
    """Return why matches end without a reward, the most frequent reason first; holding out and review included."""
    rows = fetch_rows(
        """
        SELECT verdict, reason, count(*), coalesce(sum(amount_computed), 0) FROM rule_allocations a
        WHERE a.run_id = %s AND (%s::integer IS NULL OR a.rule_number = %s) AND a.amount_given = 0
        GROUP BY verdict, reason ORDER BY 3 DESC, 1, 2
        """,
        of.params,
    )
    return [
        Refusal(verdict=verdict, reason=reason, matches=matches, amount_computed=amount)
        for verdict, reason, matches, amount in rows
    ]
