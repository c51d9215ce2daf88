"""Tiers: the rank that points earned give a player, set-based, with history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import Case, CharField, Value, When

from core.expressions import compile_expression, run_statement
from core.runs import ALL_KEYS, KeyRange
from players.tiers import current_tiers
from wallet.models import LoyaltyBalance


def tier_thresholds() -> dict[str, int]:
    """Return the points from which each tier is reached, lowest first."""
    return {tier.tier_level: tier.lp_min for tier in current_tiers()}


def tier_expression() -> Case:
    """Return the tier of a balance row, by points ever earned, so that redeeming never costs a tier."""
    thresholds = tier_thresholds()
    lowest = next(iter(thresholds))
    whens = [When(lp_earned__gte=points, then=Value(level)) for level, points in reversed(thresholds.items())]
    return Case(*whens, default=Value(lowest), output_field=CharField())


def evaluate_tiers(
    *, on: date, keys: KeyRange = ALL_KEYS, player_ids: Sequence[str] | None = None, run_id: int | None = None
) -> int:
    """Bring the tiers of a range of players up to their points; return how many changed."""
    tier, tier_params = compile_expression(tier_expression(), model=LoyaltyBalance)
    lowest = next(iter(tier_thresholds()))
    in_range, range_params = keys.condition("p.player_id")
    balances_in_range, _ = keys.condition("loyalty_balances.player_id")
    named, named_params = ("", []) if player_ids is None else ("AND p.player_id = ANY (%s)", [list(player_ids)])
    # A player without a balance row has earned nothing.
    due = f"CASE WHEN loyalty_balances.player_id IS NULL THEN %s ELSE {tier} END"
    sql = f"""
        WITH changed AS MATERIALIZED (
            SELECT p.player_id, p.tier AS tier_before, {due} AS tier_after
            FROM players p
            LEFT JOIN loyalty_balances ON loyalty_balances.player_id = p.player_id AND {balances_in_range}
            WHERE {in_range} {named} AND p.tier <> {due}
        ),
        updated AS (
            -- Whoever comes second finds the tier no longer as it was seen, and writes no second history row.
            UPDATE players p SET tier = c.tier_after, updated_at = now()
            FROM changed c WHERE p.player_id = c.player_id AND p.tier = c.tier_before
            RETURNING p.player_id, c.tier_before, c.tier_after
        )
        INSERT INTO player_tier_changes (player_id, tier_before, tier_after, "on", run_id)
        SELECT player_id, tier_before, tier_after, %s, %s FROM updated
    """
    return run_statement(
        sql, [lowest, *tier_params, *range_params, *range_params, *named_params, lowest, *tier_params, on, run_id]
    )
