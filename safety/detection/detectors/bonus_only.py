"""Bonus-only play: bonus after bonus, with hardly any money of the player's own in between."""

from __future__ import annotations

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, bonuses_sql, events_sql
from safety.detection.thresholds import Thresholds, count, money, rate, window

_SQL = """
    WITH bonuses AS ({bonuses}),
    given AS (
        SELECT player_id, count(*) AS bonuses, sum(amount) AS bonus_value, min(created_at) AS first_at,
               max(created_at) AS last_at,
               jsonb_path_query_array(jsonb_agg(jsonb_build_object('lot', id, 'at', created_at, 'amount', amount)
                   ORDER BY created_at), '$[0 to 19]') AS lots
        FROM bonuses GROUP BY player_id
        HAVING count(*) >= %(bonuses_min)s AND sum(amount) >= %(bonus_value_min)s
    ),
    play AS (
        SELECT e.player_id,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WAGER'), 0) AS staked,
               coalesce(sum(e.bonus_amount) FILTER (WHERE e.kind = 'WAGER'), 0) AS bonus_staked,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'DEPOSIT'), 0) AS deposited,
               max(e.occurred_at) AS last_at
        FROM ({events}) e JOIN given g USING (player_id)
        WHERE e.occurred_at >= g.first_at
        GROUP BY e.player_id
    )
    SELECT g.player_id, greatest(g.last_at, p.last_at) AS evidence_until,
           format('%%s bonuses worth %%s since %%s; deposited %%s since, %%s of %%s staked were bonus money.',
                  g.bonuses, g.bonus_value, g.first_at::date, p.deposited, p.bonus_staked, p.staked) AS description,
           jsonb_build_object('figures', jsonb_build_object(
               'bonuses', g.bonuses, 'bonus_value', g.bonus_value, 'since', g.first_at, 'staked', p.staked,
               'bonus_staked', p.bonus_staked, 'deposited', p.deposited), 'bonuses', g.lots) AS evidence
    FROM given g JOIN play p USING (player_id)
    WHERE p.bonus_staked >= g.bonus_value * %(bonus_staked_rate_min)s
      AND p.staked - p.bonus_staked <= p.staked * %(real_stake_rate_max)s
      AND p.deposited <= g.bonus_value * %(deposit_rate_max)s
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    return _SQL.format(bonuses=bonuses_sql(scope), events=events_sql(scope, kinds="'WAGER', 'DEPOSIT'")), dict(
        thresholds
    )


BONUS_ONLY_PLAY = DetectorDefinition(
    code="BONUS_ONLY_PLAY",
    title="Bonus-only play",
    looks_for="Several bonuses on end, played, with next to no deposit and no real stake since the first of them.",
    false_positives="Somebody who is won back by free bonuses and has not decided to deposit yet.",
    reach=Reach.PLAYER,
    thresholds=(
        window(90),
        count("bonuses_min", 3, "Bonuses from which this is a habit."),
        money("bonus_value_min", "30", "What they must be worth together."),
        rate("bonus_staked_rate_min", "0.5", "Bonus money staked ÷ bonus money given, at least.", maximum="1000"),
        rate(
            "real_stake_rate_max", "0.25", "Share of real money in all stakes since the first bonus: winnings, at most."
        ),
        rate(
            "deposit_rate_max", "0.10", "Deposits since the first bonus ÷ bonus money given, at most.", maximum="1000"
        ),
    ),
    query=_query,
)
