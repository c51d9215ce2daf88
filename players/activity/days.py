"""What a batch changes of daily rows and of players' totals, in one statement under the players' locks."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from core.bulk import trusted_keys
from core.expressions import compile_expression, run_statement
from players.metrics import UNPAIRED, derived_metrics
from players.models import PlayerMetrics
from players.policies import NET_PNL_BASIS

# The sums of the batch by player, day and game; the days they move, as they stand; then the sums by day, with what each
# of its games comes to. Only money has a game: sessions join it where the days are summed up. What nothing is added to
# keeps no sum. Each sum has its day, so the full joins add no row: they are full since such a join is never made by
# nested loops, which would be ruinous, and no planner can tell how many sums there will be.
_SUMS_SQL = """
    change AS MATERIALIZED (
        SELECT e.player_id, e."on", e.game_category::text AS game,
               sum(e.deposited) FILTER (WHERE e.deposited IS NOT NULL) AS deposited,
               sum(e.withdrawn) FILTER (WHERE e.withdrawn IS NOT NULL) AS withdrawn,
               sum(e.wagered) FILTER (WHERE e.wagered IS NOT NULL) AS wagered,
               sum(e.won) FILTER (WHERE e.won IS NOT NULL) AS won, sum(e.bets)::integer AS bets
        FROM (
            SELECT s.player_id, (s.occurred_at AT TIME ZONE %(zone)s)::date AS "on", s.game_category,
                   CASE s.kind WHEN 'DEPOSIT' THEN s.amount END AS deposited,
                   CASE s.kind WHEN 'WITHDRAWAL' THEN s.amount END AS withdrawn,
                   CASE s.kind WHEN 'WAGER' THEN s.amount - coalesce(s.bonus_amount, 0) END AS wagered,
                   CASE s.kind WHEN 'WIN' THEN s.amount - coalesce(s.bonus_amount, 0) END AS won,
                   (s.kind = 'WAGER' AND s.amount > coalesce(s.bonus_amount, 0))::integer AS bets
            FROM activity_stage s
            WHERE s.corrects_external_id = '' AND s.kind IN ('DEPOSIT', 'WITHDRAWAL', 'WAGER', 'WIN')
            UNION ALL
            SELECT c.player_id, c."on", c.game_category, c.deposited, c.withdrawn, c.wagered, c.won, c.bets
            FROM activity_changes c WHERE c.game_category IS NOT NULL
        ) e GROUP BY 1, 2, 3
    ),
    before AS MATERIALIZED (
        SELECT k.player_id, k."on", d.id AS day_id, d.games, coalesce(d.lp_accrued, 0) AS lp_accrued,
               coalesce(d.sessions_reported, 0) AS sessions_reported,
               coalesce(d.sessions_inferred, 0) AS sessions_inferred,
               coalesce(d.played_reported, '0') AS played_reported, coalesce(d.played_inferred, '0') AS played_inferred
        FROM (
            SELECT c.player_id, c."on" FROM change c
            UNION SELECT c.player_id, c."on" FROM activity_changes c WHERE c.game_category IS NULL
        ) k LEFT JOIN player_days d ON d.player_id = k.player_id AND d."on" = k."on"
    ),
    day AS (
        SELECT e.player_id, e."on", coalesce(sum(e.deposited), 0) AS deposited,
               coalesce(sum(e.withdrawn), 0) AS withdrawn, coalesce(sum(e.wagered), 0) AS wagered,
               coalesce(sum(e.won), 0) AS won, coalesce(sum(e.bets), 0)::integer AS bets,
               coalesce(sum(e.sessions_reported), 0)::integer AS sessions_reported,
               coalesce(sum(e.sessions_inferred), 0)::integer AS sessions_inferred,
               coalesce(sum(e.played_reported), '0') AS played_reported,
               coalesce(sum(e.played_inferred), '0') AS played_inferred,
               coalesce(sum(e.points), 0) AS points, coalesce(bool_or(e.game > ''), false) AS names_games,
               ('{' || string_agg(
                   to_json(e.game)::text || ':{"bets":' || e.game_bets || ',"wagered":"' || e.game_wagered
                   || '","won":"' || e.game_won || '"}', ','
               ) FILTER (WHERE e.game > '' AND NOT (e.game_bets = 0 AND e.game_wagered = 0 AND e.game_won = 0))
               || '}')::jsonb AS games,
               array_agg(e.game) FILTER (
                   WHERE e.game > '' AND e.game_bets = 0 AND e.game_wagered = 0 AND e.game_won = 0
               ) AS games_gone
        FROM (
            SELECT c.*, coalesce(c.bets, 0) + coalesce((c.before ->> 'bets')::integer, 0) AS game_bets,
                   coalesce(c.wagered, 0.00) + coalesce((c.before ->> 'wagered')::numeric, 0.00) AS game_wagered,
                   coalesce(c.won, 0.00) + coalesce((c.before ->> 'won')::numeric, 0.00) AS game_won,
                   c.wagered * g.lp_per_unit_staked AS points,
                   NULL::integer AS sessions_reported, NULL::interval AS played_reported,
                   NULL::integer AS sessions_inferred, NULL::interval AS played_inferred
            FROM (
                SELECT c.*, b.games -> c.game AS before
                FROM change c FULL JOIN before b ON b.player_id = c.player_id AND b."on" = c."on" OFFSET 0
            ) c
            LEFT JOIN game_categories g ON g.code = CASE c.game WHEN '' THEN 'other' ELSE c.game END
            WHERE c.player_id IS NOT NULL
            UNION ALL
            SELECT c.player_id, c."on", NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
                   c.sessions_reported, c.played_reported, c.sessions_inferred, c.played_inferred
            FROM activity_changes c WHERE c.game_category IS NULL
        ) e GROUP BY 1, 2
    )
"""
# What is reported of a day's sessions stands for what could be inferred.
_EFFECTIVE = "CASE WHEN {r} > 0 OR {pr} > '0' THEN {r} ELSE {i} END"
_PLAYED = "round((extract(epoch FROM CASE WHEN {r} > 0 OR {pr} > '0' THEN {pr} ELSE {pi} END) / 3600)::numeric, 2)"


def _sessions(template: str, *, alias: str, added: str = "") -> str:
    names = {"r": "sessions_reported", "pr": "played_reported", "i": "sessions_inferred", "pi": "played_inferred"}
    after = f" + {added}." if added else ""
    return template.format(**{key: f"({alias}.{name}{after}{name if added else ''})" for key, name in names.items()})


_AFTER_SQL = f"""
    after AS MATERIALIZED (
        SELECT y.*, {_sessions(_EFFECTIVE, alias="b", added="y")} - {_sessions(_EFFECTIVE, alias="b")} AS sessions,
               {_sessions(_PLAYED, alias="b", added="y")} - {_sessions(_PLAYED, alias="b")} AS playtime_hours,
               round(b.lp_accrued + y.lp_accrued, 2) - round(b.lp_accrued, 2) AS lp_due, b.day_id,
               CASE WHEN y.names_games
                    THEN nullif((coalesce(b.games, '{{}}') || coalesce(y.games, '{{}}'))
                                - coalesce(y.games_gone, '{{}}'), '{{}}')
                    ELSE b.games END AS games_after
        FROM (
            SELECT e.*, e.points * coalesce(n.lp_multiplier, 1) AS lp_accrued
            FROM day e LEFT JOIN activity_players n ON n.player_id = e.player_id
        ) y
        FULL JOIN before b ON b.player_id = y.player_id AND b."on" = y."on"
    )
"""
_SUMMED = ("deposited", "withdrawn", "wagered", "won", "bets", "sessions", "playtime_hours")
_KEPT = ("sessions_reported", "sessions_inferred", "played_reported", "played_inferred", "lp_accrued", "lp_due")
# Whoever else adds the day meanwhile waits or is waited for; the player's lock keeps other batches away.
_WRITE_SQL = f"""
    moved AS (
        UPDATE player_days d
        SET {", ".join(f"{name} = d.{name} + a.{name}" for name in [*_SUMMED, *_KEPT])},
            wagered_accrued = d.wagered_accrued + a.wagered, games = a.games_after
        FROM after a WHERE d.id = a.day_id
    ),
    added AS (
        INSERT INTO player_days AS d (player_id, "on", {", ".join([*_SUMMED, *_KEPT])}, wagered_accrued, games)
        SELECT a.player_id, a."on", {", ".join(f"a.{name}" for name in [*_SUMMED, *_KEPT])}, a.wagered, a.games_after
        FROM after a WHERE a.day_id IS NULL ORDER BY a.player_id, a."on"
        ON CONFLICT (player_id, "on") DO UPDATE SET
            {", ".join(f"{name} = d.{name} + excluded.{name}" for name in [*_SUMMED, *_KEPT])},
            wagered_accrued = d.wagered_accrued + excluded.wagered_accrued, games = excluded.games
    )
"""
_TOTALS = {
    "total_deposited": "deposited",
    "total_withdrawn": "withdrawn",
    "total_wagered": "wagered",
    "total_won": "won",
    "total_bets": "bets",
    "total_sessions": "sessions",
    "total_playtime_hours": "playtime_hours",
}
_TOTALS_SQL = f"""
    total AS MATERIALIZED (
        SELECT t.*, m.id, {", ".join(f"m.{name}" for name in [*_TOTALS, *UNPAIRED])}, m.games_played, m.games_wagered,
               m.days_from, m.totals_as_of, m.first_deposit_at, m.last_deposit_at, m.last_wager_at
        FROM (
            SELECT a.player_id, min(a."on") AS first_on, bool_or(a.names_games) AS names_games,
                   {", ".join(f"sum(a.{name}) AS {name}" for name in _SUMMED)}
            FROM after a GROUP BY 1
        ) t JOIN player_metrics m ON m.player_id = t.player_id
    ),
    played AS (
        SELECT b.player_id, jsonb_object_agg(b.category, b.bets) FILTER (WHERE b.bets > 0) AS changed,
               array_agg(b.category) FILTER (WHERE b.bets <= 0) AS gone,
               jsonb_object_agg(b.category, b.wagered) FILTER (WHERE b.wagered > 0) AS staked,
               array_agg(b.category) FILTER (WHERE b.wagered <= 0) AS unstaked
        FROM (
            SELECT c.player_id, c.category, c.bets + coalesce((p.games_played ->> c.category)::integer, 0) AS bets,
                   c.wagered + coalesce((p.games_wagered ->> c.category)::numeric, 0) AS wagered
            FROM (
                SELECT c.player_id, c.game AS category, sum(c.bets) AS bets, coalesce(sum(c.wagered), 0) AS wagered
                FROM change c WHERE c.game > '' AND c.bets IS NOT NULL GROUP BY 1, 2
            ) c JOIN total p ON p.player_id = c.player_id
        ) b GROUP BY 1
    )
"""
_UPDATE_SQL = """
    UPDATE player_metrics SET {assignments}, updated_at = now()
    FROM (
        SELECT id, {targets}, {derived} FROM (
            SELECT t.id, {totals}, {unpaired},
                   least(t.first_deposit_at, n.first_deposit_at) AS first_deposit_at,
                   greatest(t.last_deposit_at, n.last_deposit_at) AS last_deposit_at,
                   greatest(t.last_wager_at, n.last_bet_at) AS last_wager_at,
                   CASE WHEN t.totals_as_of IS NULL THEN least(t.days_from, t.first_on)
                        ELSE coalesce(t.days_from, t.totals_as_of + 1) END AS days_from,
                   (t.games_played || coalesce(g.changed, '{{}}')) - coalesce(g.gone, '{{}}') AS games_played,
                   (t.games_wagered || coalesce(g.staked, '{{}}')) - coalesce(g.unstaked, '{{}}') AS games_wagered
            FROM total t LEFT JOIN activity_players n ON n.player_id = t.player_id
            LEFT JOIN played g ON g.player_id = t.player_id
        ) player_metrics
    ) c WHERE player_metrics.id = c.id
"""
_OTHERS = ("first_deposit_at", "last_deposit_at", "last_wager_at", "days_from", "games_played", "games_wagered")


def apply_to_days_and_totals(*, zone: str, are_many: bool) -> int:
    """Add what the staged events and the noted changes mean to daily rows, totals and what follows from them.

    Return how many players' totals were written. Must run under the players' locks, which make what it reads stand.
    """
    sql, params = _statement(str(NET_PNL_BASIS.value()))
    with trusted_keys(are_many=are_many):
        return run_statement(sql, {**params, "zone": zone})


@lru_cache(maxsize=4)
def _statement(basis: str) -> tuple[str, dict[str, Any]]:
    """Return the statement for a value of the only policy it depends on; compiling it outlasts a small batch."""
    del basis
    names, derived, params = _derived()
    targets = [*_TOTALS, *_OTHERS]
    update = _UPDATE_SQL.format(
        assignments=", ".join(f"{name} = c.{name}" for name in [*targets, *names]),
        targets=", ".join(targets),
        derived=derived,
        totals=", ".join(f"t.{total} + t.{daily} AS {total}" for total, daily in _TOTALS.items()),
        unpaired=", ".join(f"t.{name}" for name in UNPAIRED),
    )
    return f"WITH {_SUMS_SQL}, {_AFTER_SQL}, {_WRITE_SQL}, {_TOTALS_SQL} {update}", params


def _derived() -> tuple[list[str], str, dict[str, Any]]:
    """Return the derived columns' names, and their definitions as SQL with named parameters."""
    parts: list[str] = []
    named: dict[str, Any] = {}
    for name, definition in derived_metrics().items():
        sql, params = compile_expression(definition, model=PlayerMetrics)
        keys = [f"{name}_{number}" for number in range(len(params))]
        named.update(zip(keys, params, strict=True))
        parts.append(f"{sql % tuple(f'%({key})s' for key in keys)} AS {name}")
    return list(derived_metrics()), ", ".join(parts), named
