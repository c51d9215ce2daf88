"""Withdrawal after bonus: the money leaves within hours of a bonus, again and again."""

from __future__ import annotations

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, bonuses_sql, events_sql
from safety.detection.thresholds import Thresholds, count, rate, window

_SQL = """
    WITH bonuses AS MATERIALIZED ({bonuses}),
    followed AS MATERIALIZED (
        SELECT b.id, b.player_id, b.amount, b.created_at, w.id AS event, w.amount AS withdrawn, w.occurred_at
        FROM bonuses b JOIN ({events}) w
            ON w.player_id = b.player_id AND w.occurred_at > b.created_at
            AND (w.occurred_at <= b.created_at + make_interval(hours => %(hours)s)
                 OR (b.status = 'COMPLETED' AND w.occurred_at > b.closed_at
                     AND w.occurred_at <= b.closed_at + make_interval(hours => %(hours)s)))
    ),
    taken AS (
        SELECT id, player_id, amount, created_at, sum(withdrawn) AS withdrawn, min(occurred_at) AS first_at,
               max(occurred_at) AS last_at, jsonb_agg(event ORDER BY occurred_at, event) AS events
        FROM followed GROUP BY id, player_id, amount, created_at
        HAVING sum(withdrawn) >= amount * %(withdrawn_rate_min)s
    ),
    -- Several bonuses of one night that one withdrawal follows are one time, and its money is counted once.
    habits AS (
        SELECT player_id, count(DISTINCT first_at) AS times, count(*) AS followed, max(last_at) AS last_at,
               jsonb_path_query_array(jsonb_agg(jsonb_build_object('lot', id, 'at', created_at, 'amount', amount,
                   'withdrawn', withdrawn, 'withdrawn_at', first_at, 'events', events) ORDER BY created_at, id),
                   '$[0 to 19]') AS lots
        FROM taken GROUP BY player_id HAVING count(DISTINCT first_at) >= %(times_min)s
    ),
    money AS (
        SELECT player_id, sum(withdrawn) AS withdrawn FROM (
            SELECT DISTINCT f.player_id, f.event, f.withdrawn FROM followed f JOIN taken t ON t.id = f.id
        ) once GROUP BY player_id
    )
    SELECT h.player_id, h.last_at AS evidence_until,
           format('After %%s of %%s bonuses money was withdrawn within %%s hours of the grant or of its completion, '
                  'at %%s times: %%s in all.', h.followed, b.bonuses, %(hours)s::text, h.times, m.withdrawn)
               AS description,
           jsonb_build_object('figures', jsonb_build_object('times', h.times, 'bonuses_followed', h.followed,
               'bonuses', b.bonuses, 'withdrawn', m.withdrawn), 'bonuses', h.lots) AS evidence
    FROM habits h JOIN (SELECT player_id, count(*) AS bonuses FROM bonuses GROUP BY player_id) b USING (player_id)
    JOIN money m USING (player_id)
    WHERE h.followed >= b.bonuses * %(bonus_share_min)s
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    return _SQL.format(bonuses=bonuses_sql(scope), events=events_sql(scope, kinds="'WITHDRAWAL'")), dict(thresholds)


WITHDRAWAL_AFTER_BONUS = DetectorDefinition(
    code="WITHDRAWAL_AFTER_BONUS",
    title="Withdrawal after bonus",
    looks_for="Withdrawals within hours of a bonus or of its completed requirement, for most of the player's bonuses.",
    false_positives="Somebody who always withdraws after a win, with or without a bonus.",
    reach=Reach.PLAYER,
    thresholds=(
        window(60),
        count("hours", 24, "Hours after the grant, or after the requirement was met.", maximum=720),
        count("times_min", 3, "Times that bonuses were followed by a withdrawal, at least; of one night they are one."),
        rate("bonus_share_min", "0.6", "Bonuses that were followed ÷ the player's bonuses, at least."),
        rate("withdrawn_rate_min", "0.5", "Withdrawn ÷ the bonus, for one bonus to count.", maximum="1000"),
    ),
    query=_query,
    live_on=frozenset({"WITHDRAWAL"}),
)
