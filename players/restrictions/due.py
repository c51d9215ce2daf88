"""What time does to restrictions: they begin, they end, and `is_blocked` follows."""

from __future__ import annotations

from datetime import datetime

from core.expressions import fetch_rows, run_statement
from core.runs import ALL_KEYS, KeyRange, NamedPlayers

_UNAPPLIED = "r.applied_at IS NULL AND r.starts_at <= %s"
_WRONG_SQL = """
    SELECT p.player_id FROM players p WHERE p.is_blocked AND {players_in_range} AND NOT is_player_blocked(p.player_id)
    UNION
    SELECT p.player_id FROM player_restrictions r JOIN players p ON p.player_id = r.player_id
    WHERE r.kind = 'BLOCKED' AND NOT p.is_blocked AND {players_in_range} AND is_player_blocked(p.player_id)
"""


def edges_of_unapplied(*, at: datetime, players_per_chunk: int) -> list[str]:
    """Return the player ids that cut the players with a restriction to take effect into chunks of about so many."""
    rows = fetch_rows(
        f"""
        SELECT player_id FROM (
            SELECT r.player_id, row_number() OVER (ORDER BY r.player_id) AS place
            FROM (SELECT DISTINCT r.player_id FROM player_restrictions r WHERE {_UNAPPLIED}) r
        ) players WHERE place %% %s = 0 ORDER BY player_id
        """,
        [at, players_per_chunk],
    )
    return [player_id for (player_id,) in rows]


def lock_unapplied(*, at: datetime, keys: KeyRange | NamedPlayers = ALL_KEYS) -> int:
    """Lock the players with a restriction to take effect, in key order; return how many."""
    in_range, params = keys.condition("r.player_id")
    rows = fetch_rows(
        f"""
        SELECT count(*) FROM (
            SELECT 1 FROM players WHERE player_id IN (
                SELECT r.player_id FROM player_restrictions r WHERE {_UNAPPLIED} AND {in_range}
            ) ORDER BY player_id FOR NO KEY UPDATE
        ) locked
        """,
        [at, *params],
    )
    return int(rows[0][0])


def mark_applied(*, at: datetime, actor: str, keys: KeyRange | NamedPlayers = ALL_KEYS) -> int:
    """Note for the locked players of a range that their restrictions have taken effect; return how many."""
    in_range, params = keys.condition("r.player_id")
    return run_statement(
        f"""
        WITH applied AS (
            UPDATE player_restrictions r SET applied_at = %s WHERE {_UNAPPLIED} AND {in_range} RETURNING r.id, r.ends_at
        )
        INSERT INTO player_restriction_changes (restriction_id, act, ends_at_before, ends_at_after, actor, changed_at)
        SELECT a.id, 'APPLIED', a.ends_at, a.ends_at, %s, %s FROM applied a ORDER BY a.id
        """,
        [at, at, *params, actor, at],
    )


def refresh_blocked(*, keys: KeyRange = ALL_KEYS) -> int:
    """Let `is_blocked` follow the restrictions that began or ended meanwhile; return of how many players.

    Must run inside a transaction. By the clock: a player is blocked now or not.
    """
    in_range, params = keys.condition("p.player_id")
    wrong = _WRONG_SQL.format(players_in_range=in_range)
    return run_statement(
        f"""
        WITH locked AS MATERIALIZED (
            SELECT player_id FROM players WHERE player_id IN ({wrong}) ORDER BY player_id FOR NO KEY UPDATE
        )
        UPDATE players p SET is_blocked = NOT p.is_blocked FROM locked l WHERE p.player_id = l.player_id
        """,
        [*params, *params],
    )
