"""Tiers: the rank that points earned give a player, set-based, with history; see docs/tiers.md.

What counts are the points ever earned, or those earned in a rolling window: what is earned now less what was earned
when the window began. The night keeps that figure by day (`record_points_earned`), so no ledger is scanned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, Value, When

from core.expressions import Sql, compile_expression, fetch_rows, run_statement
from core.runs import ALL_KEYS, KeyRange, NamedKeys
from players.models import Player, Tier
from players.policies import TIER_DOWNGRADE, TIER_GRACE_DAYS, TIER_QUALIFICATION, TIER_WINDOW_DAYS
from players.tiers import current_tiers
from rewards.facts import Scope
from wallet.models import LoyaltyBalance


def tier_thresholds() -> dict[str, int]:
    """Return the points from which each tier is reached, lowest first."""
    return thresholds_of(current_tiers())


def thresholds_of(tiers: Sequence[Tier]) -> dict[str, int]:
    """Return the points from which each of these tiers is reached, lowest first."""
    return {tier.tier_level: tier.lp_min for tier in tiers}


def tier_expression(thresholds: dict[str, int]) -> Case:
    """Return the tier that the points of a balance row reach."""
    whens = [When(lp_earned__gte=points, then=Value(level)) for level, points in reversed(thresholds.items())]
    return Case(*whens, default=Value(next(iter(thresholds))), output_field=CharField())


def record_points_earned(*, on: date, keys: KeyRange = ALL_KEYS) -> int:
    """Keep what each player of a range has earned up to a business date, where that changed; return how many rows.

    A date's row is what its night found, so a later call for the same date moves it.
    """
    in_range, params = keys.condition("b.player_id")
    return run_statement(
        f"""
        INSERT INTO points_earned_days (player_id, "on", lp_earned)
        SELECT b.player_id, %s, b.lp_earned FROM loyalty_balances b
        WHERE {in_range} AND b.lp_earned <> coalesce((
            SELECT d.lp_earned FROM points_earned_days d
            WHERE d.player_id = b.player_id AND d.on <= %s ORDER BY d.on DESC LIMIT 1), 0)
        ON CONFLICT (player_id, "on") DO UPDATE SET lp_earned = excluded.lp_earned
        """,
        [on, *params, on],
    )


def qualifying_points_sql(*, on: date, scope: Scope) -> Sql:
    """Return a relation, under the balances' name, of the points that count for a tier on a business date.

    Only players who have a balance are in it; below zero where more was taken back than earned in the window.
    """
    in_scope, params = scope.condition("b.player_id")
    if TIER_QUALIFICATION.value() == "LIFETIME":
        sql = f"(SELECT b.player_id, b.lp_earned FROM loyalty_balances b WHERE {in_scope}) loyalty_balances"
        return sql, list(params)
    # No upper end: points of the night's own morning count already, as they will on the next date.
    before = on - timedelta(days=TIER_WINDOW_DAYS.value())
    sql = f"""(
        SELECT b.player_id, b.lp_earned - coalesce((
            SELECT d.lp_earned FROM points_earned_days d
            WHERE d.player_id = b.player_id AND d.on <= %s ORDER BY d.on DESC LIMIT 1), 0) AS lp_earned
        FROM loyalty_balances b WHERE {in_scope}) loyalty_balances"""
    return sql, [before, *params]


# `held` and `due` are ranks, counted from 1 without gaps; a level that is no tier any more has rank 0.
_RANKED_SQL = """
    ladder (level, rank) AS (SELECT * FROM unnest(%s::text[]) WITH ORDINALITY),
    standing AS MATERIALIZED (
        SELECT p.player_id, p.tier AS tier_before, p.tier_kept_until AS kept_before, coalesce(h.rank, 0) AS held,
               d.rank AS due
        FROM players p
        LEFT JOIN {points} ON loyalty_balances.player_id = p.player_id
        LEFT JOIN ladder h ON h.level = p.tier
        -- A player without a balance row has earned nothing.
        JOIN ladder d ON d.level = CASE WHEN loyalty_balances.player_id IS NULL THEN %s ELSE {tier} END
        WHERE {in_range} AND (h.rank IS DISTINCT FROM d.rank OR p.tier_kept_until IS NOT NULL)
    ),
    ranked AS (
        SELECT s.player_id, s.tier_before, s.kept_before,
               CASE WHEN s.due >= s.held OR r.downgrade = 'IMMEDIATE' THEN s.due
                    WHEN s.kept_before >= r.on THEN s.held
                    WHEN r.downgrade = 'ONE_LEVEL' THEN s.held - 1
                    WHEN s.kept_before IS NULL THEN s.held
                    ELSE s.due END AS rank_after,
               CASE WHEN s.due >= s.held OR r.downgrade = 'IMMEDIATE' THEN NULL
                    WHEN s.kept_before >= r.on THEN s.kept_before
                    WHEN r.downgrade = 'ONE_LEVEL' AND s.held - 1 > s.due THEN r.on + r.grace_days
                    WHEN r.downgrade = 'GRACE' AND s.kept_before IS NULL THEN r.on + r.grace_days END AS kept_after
        FROM standing s CROSS JOIN (SELECT %s::text AS downgrade, %s::date AS on, %s::integer AS grace_days) r
    )
"""


def ranking_sql(*, tiers: Sequence[Tier], on: date, scope: Scope) -> Sql:
    """Return common tables that end in `ranked`: the players in scope whose rank is not the one of their points.

    Its columns are player_id, tier_before, kept_before, rank_after and kept_after; `ladder` tells ranks from levels.
    """
    thresholds = thresholds_of(tiers)
    tier, tier_params = compile_expression(tier_expression(thresholds), model=LoyaltyBalance)
    points, points_params = qualifying_points_sql(on=on, scope=scope)
    in_range, range_params = scope.condition("p.player_id")
    levels = list(thresholds)
    sql = _RANKED_SQL.format(points=points, tier=tier, in_range=in_range)
    params = [levels, *points_params, levels[0], *tier_params, *range_params]
    return sql, [*params, TIER_DOWNGRADE.value(), on, TIER_GRACE_DAYS.value()]


def evaluate_tiers(
    *, on: date, keys: KeyRange = ALL_KEYS, player_ids: Sequence[str] | None = None, run_id: int | None = None
) -> int:
    """Bring the tiers of a range of players up to their points, down as TIER_DOWNGRADE says; return how many changed.

    A tier that is kept for a while says until when in `tier_kept_until`.
    """
    scope: Scope = keys if player_ids is None else NamedKeys(keys=player_ids)
    ranking, params = ranking_sql(tiers=current_tiers(), on=on, scope=scope)
    sql = f"""
        WITH {ranking},
        updated AS (
            -- Whoever comes second finds the tier no longer as it was seen, and writes no second history row.
            UPDATE players p SET tier = l.level, tier_kept_until = r.kept_after, updated_at = now()
            FROM ranked r JOIN ladder l ON l.rank = r.rank_after
            WHERE p.player_id = r.player_id AND p.tier = r.tier_before
              AND p.tier_kept_until IS NOT DISTINCT FROM r.kept_before
              AND (l.level <> r.tier_before OR r.kept_after IS DISTINCT FROM r.kept_before)
            RETURNING p.player_id, r.tier_before, l.level AS tier_after
        )
        INSERT INTO player_tier_changes (player_id, tier_before, tier_after, "on", run_id)
        SELECT player_id, tier_before, tier_after, %s, %s FROM updated WHERE tier_before <> tier_after
    """
    return run_statement(sql, [*params, on, run_id])


@dataclass(frozen=True, slots=True, kw_only=True)
class TierOutlook:
    """The points of a player that count for a tier, and the level the next ranking would give."""

    points: Decimal
    tier_level: str


def tier_outlook(*, player: Player, on: date) -> TierOutlook:
    """Return where a player stands and what a ranking on a business date would do; nothing is written."""
    scope = NamedKeys(keys=[player.pk])
    points, points_params = qualifying_points_sql(on=on, scope=scope)
    ranking, params = ranking_sql(tiers=current_tiers(), on=on, scope=scope)
    rows = fetch_rows(
        f"""
        WITH {ranking}
        SELECT (SELECT lp_earned FROM {points}), (SELECT l.level FROM ranked r JOIN ladder l ON l.rank = r.rank_after)
        """,
        [*params, *points_params],
    )
    return TierOutlook(points=rows[0][0] or Decimal(0), tier_level=rows[0][1] or player.tier)


def reached_tiers(
    *, run_id: int, on: date, keys: KeyRange = ALL_KEYS, player_ids: Sequence[str] | None = None
) -> dict[str, str]:
    """Return by player the tier that a run has lifted them to, as they hold it now."""
    scope: Scope = keys if player_ids is None else NamedKeys(keys=player_ids)
    in_range, params = scope.condition("c.player_id")
    rows = fetch_rows(
        f"""
        WITH ladder (level, rank) AS (SELECT * FROM unnest(%s::text[]) WITH ORDINALITY)
        SELECT c.player_id, c.tier_after FROM player_tier_changes c
        JOIN players p ON p.player_id = c.player_id AND p.tier = c.tier_after
        JOIN ladder a ON a.level = c.tier_after LEFT JOIN ladder b ON b.level = c.tier_before
        WHERE {in_range} AND c.on = %s AND c.run_id = %s AND a.rank > coalesce(b.rank, 0)
        """,
        [list(tier_thresholds()), *params, on, run_id],
    )
    return dict(rows)
