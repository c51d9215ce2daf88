"""Sessions and time played: as the platform reports them, or inferred from the gaps between a player's bets.

A bet begins a session where the bet before lies more than the gap back, or where there is none; else the time since
that bet was played, on the day of the later one. So a bet changes only what it begins and what the next bet is, and a
late one costs no more than reading the bets around it. Payouts are no play: they come without the player.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from core.expressions import run_statement
from players.policies import ACTIVITY_SESSION_GAP_MINUTES

# A player's bets that go on with the last one's session and lie within one gap and one business day, as nearly all of a
# feed's do: they begin nothing, and the time since that last one was played.
BETS_GO_ON = """
    n.is_ahead AND n.bet_before IS NOT NULL AND n.last_bet_at - n.first_at <= %(gap)s
    AND (n.last_bet_at AT TIME ZONE %(zone)s)::date = (n.first_at AT TIME ZONE %(zone)s)::date
"""
OTHER_BETS = f"n.is_ahead AND n.last_bet_at IS NOT NULL AND NOT coalesce({BETS_GO_ON}, false)"
_GO_ON_SQL = f"""
    INSERT INTO activity_changes (player_id, "on", sessions_inferred, played_inferred)
    SELECT n.player_id, (n.last_bet_at AT TIME ZONE %(zone)s)::date, 0, n.last_bet_at - n.bet_before
    FROM activity_players n WHERE {BETS_GO_ON}
"""
# Bets that come after all that are stored: of these only the last matters.
_INFER_SQL = f"""
    INSERT INTO activity_changes (player_id, "on", sessions_inferred, played_inferred)
    WITH player AS MATERIALIZED (
        SELECT n.player_id, n.bet_before FROM activity_players n WHERE {OTHER_BETS}
    )
    SELECT b.player_id, (b.occurred_at AT TIME ZONE %(zone)s)::date,
           count(*) FILTER (WHERE coalesce(b.gap > %(gap)s, true)),
           coalesce(sum(b.gap) FILTER (WHERE b.gap <= %(gap)s), '0')
    FROM (
        SELECT f.player_id, f.occurred_at, f.is_fresh,
               f.occurred_at - lag(f.occurred_at) OVER (PARTITION BY f.player_id ORDER BY f.occurred_at) AS gap
        FROM (
            SELECT s.player_id, s.occurred_at, true AS is_fresh FROM activity_stage s
            WHERE s.kind = 'WAGER' AND s.corrects_external_id = ''
              AND s.player_id IN (SELECT n.player_id FROM player n)
            UNION ALL
            SELECT n.player_id, n.bet_before, false FROM player n WHERE n.bet_before IS NOT NULL
        ) f
    ) b WHERE b.is_fresh GROUP BY 1, 2
"""
# Of the bets that are stored only those matter that lie next to a new one. New bets close to each other are looked up
# as one neighbourhood: the bet before it, those within, the bet after it. A time that is found twice counts once; bets
# at one and the same moment have no gap between them, however many they are.
_INFER_LATE_SQL = """
    INSERT INTO activity_changes (player_id, "on", sessions_inferred, played_inferred)
    WITH fresh AS MATERIALIZED (
        SELECT s.player_id, s.occurred_at,
               coalesce(s.occurred_at - lag(s.occurred_at) OVER player > %(gap)s / 6, true) AS is_first
        FROM activity_stage s JOIN activity_players n ON n.player_id = s.player_id
        WHERE s.kind = 'WAGER' AND s.corrects_external_id = '' AND NOT n.is_ahead
        WINDOW player AS (PARTITION BY s.player_id ORDER BY s.occurred_at)
    ),
    numbered AS (
        SELECT f.*, count(*) FILTER (WHERE f.is_first) OVER (
                   PARTITION BY f.player_id ORDER BY f.occurred_at ROWS UNBOUNDED PRECEDING
               ) AS number
        FROM fresh f
    ),
    neighbourhood AS MATERIALIZED (
        SELECT n.player_id, min(n.occurred_at) AS first_at, max(n.occurred_at) AS last_at
        FROM numbered n GROUP BY n.player_id, n.number
    ),
    stored AS (
        SELECT n.player_id, a.occurred_at FROM neighbourhood n CROSS JOIN LATERAL (
            SELECT k.occurred_at FROM player_activity k
            WHERE k.player_id = n.player_id AND k.kind = 'WAGER' AND k.corrects_external_id = ''
              AND n.first_at < n.last_at AND k.occurred_at > n.first_at AND k.occurred_at <= n.last_at
            UNION ALL (
                SELECT k.occurred_at FROM player_activity k
                WHERE k.player_id = n.player_id AND k.kind = 'WAGER' AND k.corrects_external_id = ''
                  AND k.occurred_at >= n.first_at - %(gap)s AND k.occurred_at <= n.first_at
                ORDER BY k.occurred_at DESC LIMIT 1
            ) UNION ALL (
                SELECT k.occurred_at FROM player_activity k
                WHERE k.player_id = n.player_id AND k.kind = 'WAGER' AND k.corrects_external_id = ''
                  AND k.occurred_at > n.last_at AND k.occurred_at <= n.last_at + %(gap)s
                ORDER BY k.occurred_at LIMIT 1
            )
        ) a
    ),
    bet AS (
        SELECT f.player_id, f.occurred_at, true AS is_fresh FROM fresh f
        UNION ALL
        (SELECT DISTINCT s.player_id, s.occurred_at, false FROM stored s)
    ),
    placed AS (
        SELECT b.player_id, b.occurred_at, b.is_fresh,
               b.occurred_at - lag(b.occurred_at) OVER player AS gap,
               b.occurred_at - max(b.occurred_at) FILTER (WHERE NOT b.is_fresh) OVER (
                   player ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
               ) AS gap_before
        FROM bet b
        WINDOW player AS (PARTITION BY b.player_id ORDER BY b.occurred_at, b.is_fresh)
    )
    SELECT p.player_id, (p.occurred_at AT TIME ZONE %(zone)s)::date,
           sum(coalesce(p.gap > %(gap)s, true)::integer
               - CASE WHEN p.is_fresh THEN 0 ELSE coalesce(p.gap_before > %(gap)s, true)::integer END),
           sum(CASE WHEN p.gap <= %(gap)s THEN p.gap ELSE '0' END
               - CASE WHEN NOT p.is_fresh AND p.gap_before <= %(gap)s THEN p.gap_before ELSE '0' END)
    FROM placed p WHERE p.is_fresh OR p.gap IS DISTINCT FROM p.gap_before
    GROUP BY 1, 2
"""
# A session counts on the day it begins; its time is split where a business day ends.
_REPORTED_SQL = """
    INSERT INTO activity_changes (player_id, "on", sessions_reported, played_reported)
    SELECT s.player_id, day.on, (day.on = s.began_on)::integer * {sign},
           (least(s.ended_at, (day.on + 1)::timestamp AT TIME ZONE %(zone)s)
            - greatest(s.began_at, day.on::timestamp AT TIME ZONE %(zone)s)) * {sign}
    FROM (
        SELECT s.player_id, s.occurred_at AS began_at, {ended_at} AS ended_at,
               (s.occurred_at AT TIME ZONE %(zone)s)::date AS began_on,
               ({ended_at} AT TIME ZONE %(zone)s)::date AS ended_on
        FROM {relation} s WHERE s.kind = 'SESSION' AND {condition}
    ) s
    CROSS JOIN LATERAL (SELECT s.began_on + i AS on FROM generate_series(0, s.ended_on - s.began_on) i) day
    WHERE day.on = s.began_on OR day.on::timestamp AT TIME ZONE %(zone)s < s.ended_at
"""


def session_gap() -> timedelta:
    """Return how far apart two bets of one session may be."""
    return timedelta(minutes=ACTIVITY_SESSION_GAP_MINUTES.value())


def change_inferred_sessions(*, zone: str, are_going_on: bool, are_others: bool, are_late: bool) -> None:
    """Note what the staged bets change of the inferred sessions, for each way in which a player's bets may lie to those
    that are stored. Must run before the bets are stored.
    """
    asked = {"gap": session_gap(), "zone": zone}
    ways = ((are_going_on, _GO_ON_SQL), (are_others, _INFER_SQL), (are_late, _INFER_LATE_SQL))
    for is_taken, sql in ways:
        if is_taken:
            run_statement(sql, asked)


def change_reported_sessions(*, zone: str) -> None:
    """Note the staged sessions."""
    _change_reported(
        sign=1,
        ended_at="s.ended_at",
        relation="activity_stage",
        condition="s.corrects_external_id = ''",
        zone=zone,
    )


def change_corrected_sessions(*, zone: str) -> None:
    """Note sessions that are corrected: what was counted goes, what they should have been comes."""
    for sign, ended_at in ((-1, "s.ended_at_before"), (1, "s.ended_at")):
        _change_reported(
            sign=sign,
            ended_at=ended_at,
            relation="activity_corrections",
            condition=f"s.reason IS NULL AND s.is_latest AND {ended_at} IS NOT NULL",
            zone=zone,
        )


def _change_reported(*, sign: int, ended_at: str, relation: str, condition: str, zone: str) -> None:
    sql = _REPORTED_SQL.format(sign=sign, ended_at=ended_at, relation=relation, condition=condition)
    run_statement(sql, {"zone": zone})


# The same definition over everything that is stored, as a difference to what the days say.
_INFER_ANEW_SQL = """
    INSERT INTO activity_changes (player_id, "on", sessions_inferred, played_inferred)
    WITH bet AS (
        SELECT a.player_id, (a.occurred_at AT TIME ZONE %(zone)s)::date AS "on",
               a.occurred_at - lag(a.occurred_at) OVER (PARTITION BY a.player_id ORDER BY a.occurred_at) AS gap
        FROM player_activity a
        WHERE a.kind = 'WAGER' AND a.corrects_external_id = '' AND a.player_id = ANY (%(players)s)
          AND a.occurred_at >= %(since)s::date::timestamp AT TIME ZONE %(zone)s - %(gap)s
    ),
    anew AS (
        SELECT b.player_id, b."on", count(*) FILTER (WHERE coalesce(b.gap > %(gap)s, true)) AS sessions,
               coalesce(sum(b.gap) FILTER (WHERE b.gap <= %(gap)s), '0') AS played
        FROM bet b WHERE b."on" >= %(since)s::date GROUP BY 1, 2
    )
    SELECT d.player_id, d."on", coalesce(n.sessions, 0) - d.sessions_inferred,
           coalesce(n.played, '0') - d.played_inferred
    FROM player_days d LEFT JOIN anew n ON n.player_id = d.player_id AND n."on" = d."on"
    WHERE d."on" >= %(since)s::date AND d.player_id = ANY (%(players)s)
      AND (coalesce(n.sessions, 0) <> d.sessions_inferred OR coalesce(n.played, '0') <> d.played_inferred)
"""


def change_sessions_anew(player_ids: Sequence[str], *, since: date, zone: str) -> int:
    """Note what the present gap changes of the inferred sessions of locked players; return of how many days."""
    return run_statement(
        _INFER_ANEW_SQL, {"gap": session_gap(), "zone": zone, "since": since, "players": list(player_ids)}
    )
