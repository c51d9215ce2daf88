"""What a changed tier would do, before it is saved: who moves where, and what the multipliers would cost.

Both sides go through the statement of the night, with the thresholds as they are and as they would be. What it would
cost assumes that everybody plays on as in the last 30 days.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from core.expressions import fetch_rows
from core.money import round_to_cent
from core.runs import ALL_KEYS
from players.models import Tier
from players.tiers import current_tiers, tiers_as_changed
from rewards.conditions import AllOf, Comparison, Operator
from rewards.definitions import RuleDefinition, define_rule
from rewards.events import live_rules
from rewards.formulas import Number, formula_fields
from rewards.rules import rules_in_force
from rewards.tiers import ranking_sql
from rewards.triggers import TIER_REACHED
from safety.profitability import currency_value, unit_value

BASIS_DAYS = 30
_ONE = Decimal(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierMove:
    """The players who would rank as `tier_after` instead of `tier_before` in the next night.

    `kept` of those who stay would keep the tier only for a while, as TIER_DOWNGRADE says. The costs are money value per
    30 days, below zero where less is given.
    """

    tier_before: str
    tier_after: str
    players: int
    kept: int
    points_cost: Decimal
    cashback_cost: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Welcome:
    """What reaching a tier would give at most, once: the rules that wait for it, and the players who would reach it."""

    tier_level: str
    players: int
    rule_ids: list[str]
    value_max: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPlayers:
    """A tier as it would be, with how many players rank there without the change and with it."""

    level: str
    lp_min: int
    before: int
    after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TierPreview:
    """What saving a tier would change; tiers from the lowest up."""

    by_tier: list[TierPlayers]
    moves: list[TierMove]
    stay_at_changed_terms: list[TierMove]
    welcomes: list[Welcome]

    @property
    def players_moving(self) -> int:
        return sum(move.players for move in self.moves)

    @property
    def points_cost(self) -> Decimal:
        """Money value of the points from play that the change gives more per 30 days."""
        return sum((move.points_cost for move in self._all()), Decimal(0))

    @property
    def cashback_cost(self) -> Decimal:
        """Money value that rules with `cashback_multiplier` would give more per 30 days."""
        return sum((move.cashback_cost for move in self._all()), Decimal(0))

    def _all(self) -> list[TierMove]:
        return [*self.moves, *self.stay_at_changed_terms]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    before: str
    after: str
    players: int
    kept: int
    points: Decimal
    cashback: Decimal


# Nested, so that both rankings may use the names of their own tables.
_GROUPS_SQL = """
    WITH present AS MATERIALIZED (
        WITH {present} SELECT r.player_id, l.level, r.kept_after FROM ranked r JOIN ladder l ON l.rank = r.rank_after
    ),
    changed AS MATERIALIZED (
        WITH {changed} SELECT r.player_id, l.level, r.kept_after FROM ranked r JOIN ladder l ON l.rank = r.rank_after
    )
    SELECT coalesce(a.level, p.tier), coalesce(b.level, p.tier), count(*),
           count(*) FILTER (WHERE b.kept_after IS NOT NULL AND a.kept_after IS NULL),
           coalesce(sum(d.points), 0), coalesce(sum(c.given), 0)
    FROM players p
    LEFT JOIN present a ON a.player_id = p.player_id
    LEFT JOIN changed b ON b.player_id = p.player_id
    LEFT JOIN (
        SELECT player_id, sum(lp_due) AS points FROM player_days WHERE "on" > %s AND "on" <= %s GROUP BY player_id
    ) d ON d.player_id = p.player_id
    LEFT JOIN (
        SELECT player_id, sum(promotional_value) AS given FROM wallet_lots
        WHERE granted_on > %s AND granted_on <= %s AND rule_number = ANY (%s) GROUP BY player_id
    ) c ON c.player_id = p.player_id
    WHERE p.is_active
    GROUP BY 1, 2
"""


def preview_tier(
    *, tier_id: int | None, tier_level: str, lp_min: int, benefits: Mapping[str, Any], on: date
) -> TierPreview:
    """Say what saving a tier would change in the ranking of a business date; nothing is written.

    Raises what saving would raise.
    """
    present = current_tiers()
    changed = tiers_as_changed(tier_id=tier_id, tier_level=tier_level, lp_min=lp_min, benefits=benefits)
    groups = _groups(present, changed, on=on)
    ranks = {tier.tier_level: rank for rank, tier in enumerate(changed)}
    terms = _Terms(before=_benefits(present), after=_benefits(changed), point_value=currency_value("LP"))
    moves = [terms.move(one) for one in sorted(groups, key=lambda one: (ranks.get(one.before, -1), ranks[one.after]))]
    return TierPreview(
        by_tier=[_players_of(tier, groups) for tier in changed],
        moves=[move for move in moves if move.tier_before != move.tier_after],
        stay_at_changed_terms=[
            move
            for move in moves
            if move.tier_before == move.tier_after and (move.kept or move.points_cost or move.cashback_cost)
        ],
        welcomes=_welcomes(groups, ranks=ranks, on=on),
    )


def _groups(present: Sequence[Tier], changed: Sequence[Tier], *, on: date) -> list[_Group]:
    present_sql, present_params = ranking_sql(tiers=present, on=on, scope=ALL_KEYS)
    changed_sql, changed_params = ranking_sql(tiers=changed, on=on, scope=ALL_KEYS)
    since = on - timedelta(days=BASIS_DAYS)
    rows = fetch_rows(
        _GROUPS_SQL.format(present=present_sql, changed=changed_sql),
        [*present_params, *changed_params, since, on, since, on, _rules_with_multiplier(on)],
    )
    return [
        _Group(before=before, after=after, players=players, kept=kept, points=points, cashback=cashback)
        for before, after, players, kept, points, cashback in rows
    ]


def _rules_with_multiplier(on: date) -> list[int]:
    """Return the numbers of the rules in force whose formula reads the cashback multiplier."""
    definitions = (define_rule(rule)[0] for rule in rules_in_force(on))
    return [
        rule.number
        for rule in definitions
        if rule and any(field.name == "cashback_multiplier" for field in formula_fields(rule.reward.formula))
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """The tiers' benefits before and after, and what a point is worth."""

    before: dict[str, Mapping[str, Any]]
    after: dict[str, Mapping[str, Any]]
    point_value: Decimal

    def move(self, group: _Group) -> TierMove:
        """Return what the group's players would do and cost."""
        points = group.points * self.point_value * self._growth(group, "lp_multiplier")
        return TierMove(
            tier_before=group.before,
            tier_after=group.after,
            players=group.players,
            kept=group.kept,
            points_cost=round_to_cent(points),
            cashback_cost=round_to_cent(group.cashback * self._growth(group, "cashback_multiplier")),
        )

    def _growth(self, group: _Group, name: str) -> Decimal:
        """Return by which share of itself a multiplier grows; of one that is 0 nothing is known."""
        before = Decimal(str(self.before.get(group.before, {}).get(name, 1)))
        after = Decimal(str(self.after.get(group.after, {}).get(name, 1)))
        return after / before - _ONE if before else Decimal(0)


def _benefits(tiers: Sequence[Tier]) -> dict[str, Mapping[str, Any]]:
    return {tier.tier_level: tier.benefits for tier in tiers}


def _players_of(tier: Tier, groups: Sequence[_Group]) -> TierPlayers:
    level = tier.tier_level
    return TierPlayers(
        level=level,
        lp_min=tier.lp_min,
        before=sum(one.players for one in groups if one.before == level),
        after=sum(one.players for one in groups if one.after == level),
    )


def _welcomes(groups: Sequence[_Group], *, ranks: Mapping[str, int], on: date) -> list[Welcome]:
    """Return what the change would set off at once, for tiers that somebody would reach through it."""
    rules = live_rules(on=on, triggers=[TIER_REACHED])[TIER_REACHED]
    reaching: dict[str, int] = {}
    for group in groups:
        if ranks[group.after] > ranks.get(group.before, -1):
            reaching[group.after] = reaching.get(group.after, 0) + group.players
    welcomes = []
    for level, players in sorted(reaching.items(), key=lambda one: ranks[one[0]]):
        waiting = [rule for rule in rules if _admits(rule, level)]
        if waiting:
            value = sum((_most(rule) for rule in waiting), Decimal(0))
            welcomes.append(
                Welcome(
                    tier_level=level,
                    players=players,
                    rule_ids=[rule.rule_id for rule in waiting],
                    value_max=round_to_cent(value * players),
                )
            )
    return welcomes


def _admits(rule: RuleDefinition, level: str) -> bool:
    """Tell whether a rule may pay in a tier: none of the conditions that must hold names others alone."""
    members = rule.conditions.members if isinstance(rule.conditions, AllOf) else (rule.conditions,)
    return all(
        level in (member.value if isinstance(member.value, tuple) else (member.value,))
        for member in members
        if isinstance(member, Comparison)
        and member.field.name == "tier"
        and member.operator in (Operator.EQUALS, Operator.IN)
    )


def _most(rule: RuleDefinition) -> Decimal:
    """Return the money value of the most that a rule gives."""
    formula = rule.reward.formula
    amount = formula.value if isinstance(formula, Number) else rule.reward.max_amount or Decimal(0)
    return amount * unit_value(rule.reward.terms)
