"""What reported actions say about profiles."""

from __future__ import annotations

from functools import cache

from core.expressions import Sql, compile_expression, run_statement
from players.activity.batch import Batch
from players.models import ActivityKind, Player
from players.profile import profile_depth_expression

KYC_COMPLETE = "KYC_COMPLETE"


def complete_profiles(batch: Batch) -> None:
    """Note when KYC was first completed, and how complete the players' profiles are now, where that changed."""
    said = zip(batch.columns["player_id"], batch.columns["kind"], strict=True)
    player_ids = sorted({player_id for player_id, kind in said if kind == ActivityKind.ACTION})
    run_statement(
        """
        UPDATE players SET kyc_completed_at = k.at, updated_at = now()
        FROM (
            SELECT s.player_id, min(s.occurred_at) AS at FROM activity_stage s
            WHERE s.kind = 'ACTION' AND s.action = %s GROUP BY s.player_id
        ) k
        WHERE players.player_id = k.player_id AND players.kyc_completed_at IS NULL
        """,
        [KYC_COMPLETE],
    )
    depth, params = _depth()
    run_statement(
        f"""
        UPDATE players SET profile_depth = {depth}, updated_at = now()
        WHERE player_id = ANY (%s) AND profile_depth <> {depth}
        """,
        [*params, player_ids, *params],
    )


@cache
def _depth() -> Sql:
    """Compile it once; that takes longer than to ask it of one player."""
    return compile_expression(profile_depth_expression(), model=Player)
