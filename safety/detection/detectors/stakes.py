"""Minimum bets: a requirement is met by even, small stakes, and large ones follow as soon as it is met."""

from __future__ import annotations

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, bonuses_sql, events_sql
from safety.detection.thresholds import Thresholds, count, money, rate, window

_SQL = """
    WITH wagered AS (
        SELECT * FROM ({bonuses}) b WHERE b.status = 'COMPLETED' AND b.wagering_required > 0
    ),
    bets AS MATERIALIZED (
        SELECT b.id AS lot, b.player_id, b.closed_at, e.id, e.amount, e.occurred_at,
               e.occurred_at <= b.closed_at AS is_during
        FROM wagered b JOIN ({events}) e
            ON e.player_id = b.player_id AND e.occurred_at >= b.created_at
            AND e.occurred_at <= b.closed_at + make_interval(hours => %(after_hours)s)
    ),
    usual AS (
        SELECT lot, player_id, closed_at, count(*) AS bets, sum(amount) AS staked,
               percentile_disc(0.9) WITHIN GROUP (ORDER BY amount) AS usual_stake
        FROM bets WHERE is_during GROUP BY lot, player_id, closed_at HAVING count(*) >= %(bets_min)s
    ),
    jumps AS (
        SELECT u.lot, u.player_id, u.closed_at, u.bets, u.usual_stake, count(*) AS large_bets,
               min(b.amount) AS smallest, max(b.occurred_at) AS last_at,
               jsonb_path_query_array(jsonb_agg(jsonb_build_object('event', b.id, 'at', b.occurred_at,
                   'stake', b.amount) ORDER BY b.occurred_at), '$[0 to 9]') AS events
        FROM usual u JOIN bets b ON b.lot = u.lot AND NOT b.is_during
            AND b.amount >= u.usual_stake * %(ratio_min)s AND b.amount >= %(large_stake_min)s
        GROUP BY u.lot, u.player_id, u.closed_at, u.bets, u.usual_stake
        HAVING count(*) >= %(large_bets_min)s
    )
    SELECT player_id, max(last_at) AS evidence_until,
           format('While bonus %%s was wagered, nine of ten of %%s stakes were at most %%s; in the %%s hours after, '
                  '%%s stakes were %%s or more.',
                  (array_agg(lot ORDER BY closed_at DESC))[1], (array_agg(bets ORDER BY closed_at DESC))[1],
                  (array_agg(usual_stake ORDER BY closed_at DESC))[1], %(after_hours)s::text,
                  (array_agg(large_bets ORDER BY closed_at DESC))[1],
                  (array_agg(smallest ORDER BY closed_at DESC))[1]) AS description,
           jsonb_build_object('figures', jsonb_build_object('bonuses', count(*), 'large_bets', sum(large_bets)),
               'bonuses', jsonb_path_query_array(jsonb_agg(jsonb_build_object('lot', lot, 'completed_at', closed_at,
                   'bets', bets, 'usual_stake', usual_stake, 'large_bets', events) ORDER BY closed_at DESC),
                   '$[0 to 9]')) AS evidence
    FROM jumps GROUP BY player_id
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    return _SQL.format(bonuses=bonuses_sql(scope), events=events_sql(scope, kinds="'WAGER'")), dict(thresholds)


MINIMUM_BETS = DetectorDefinition(
    code="MINIMUM_BETS",
    title="Minimum bets, then large ones",
    looks_for="Small, even stakes while a requirement is met, and stakes many times as large right afterwards.",
    false_positives="Somebody who celebrates a completed bonus once, or moves on to a table with a higher minimum.",
    reach=Reach.PLAYER,
    thresholds=(
        window(60),
        count("bets_min", 20, "Bets while the requirement was met, at least."),
        rate("ratio_min", "10", "Later stakes ÷ what nine of ten stakes did not exceed before.", maximum="100000"),
        count("large_bets_min", 3, "So many large stakes, at least."),
        money("large_stake_min", "10", "What a stake must be to count as large."),
        count("after_hours", 48, "Hours after the requirement was met.", maximum=720),
    ),
    query=_query,
)
