"""Claims just under limits: grants that stop a little below a cap or a review value, more than once."""

from __future__ import annotations

from collections.abc import Mapping

from core.runs import ALL_KEYS
from safety import policies
from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, all_bonuses_sql
from safety.detection.thresholds import AmountList, Thresholds, count, rate, window

# Of a limit, from where on other grants tell how many would lie just below it by themselves.
_WIDE_FROM = "0.5"

# Totals of everybody's or of some players' grants of at least half a limit and below it; near are those just below.
_NEAR = """
    WITH grants AS MATERIALIZED (
        SELECT player_id, promotional_value AS value, granted_on, created_at
        FROM ({bonuses}) b WHERE promotional_value > 0
        UNION ALL
        SELECT c.player_id, c.promotional_value, c.granted_on, c.granted_at FROM safety_cash_grants c
        WHERE c.granted_at > %(since)s AND c.granted_at <= %(at)s AND {in_scope}
    ),
    totals AS (
        SELECT player_id, 'the daily cap' AS what, %(daily_cap)s::numeric AS bound, sum(value) AS value,
               max(created_at) AS at
        FROM grants {if_day} GROUP BY player_id, granted_on
        UNION ALL
        SELECT player_id, 'the weekly cap', %(weekly_cap)s::numeric, sum(value), max(created_at)
        FROM grants {if_week} GROUP BY player_id, date_trunc('week', granted_on)
        UNION ALL
        SELECT player_id, 'the monthly cap', %(monthly_cap)s::numeric, sum(value), max(created_at)
        FROM grants {if_month} GROUP BY player_id, date_trunc('month', granted_on)
        UNION ALL
        SELECT player_id, 'a review value', bound, value, created_at
        FROM grants CROSS JOIN unnest(%(review_values)s::numeric[]) bound {if_grant}
    )
    SELECT *, value >= bound * (1 - %(within_rate)s) AS is_near FROM totals
    WHERE value < bound AND value >= bound * least({wide_from}, 1 - %(within_rate)s)
"""
_SQL = """
    WITH near AS MATERIALIZED ({near}),
    -- A grant that is just below two limits is one claim. Evenly spread, the grants of at least half a limit would lie
    -- just below it in proportion to the breadth.
    often AS (
        SELECT n.*, count(*) FILTER (WHERE is_near) OVER one AS near_one, count(*) FILTER (WHERE NOT is_near) OVER one
                   * %(within_rate)s / greatest(1 - {wide_from} - %(within_rate)s, 0.01) AS expected
        FROM near n LEFT JOIN judged j ON j.player_id = n.player_id WHERE j.until IS NULL OR n.at > j.until
        WINDOW one AS (PARTITION BY n.player_id, n.what, n.bound)
    ),
    bunched AS (SELECT * FROM often WHERE is_near AND near_one >= expected * %(bunching_min)s),
    frequent AS (
        SELECT * FROM bunched WHERE player_id IN (
            SELECT player_id FROM bunched GROUP BY player_id HAVING count(DISTINCT (at, value)) >= %(times_min)s
        )
    ),
    -- An amount that many are given is a rule's choice, not theirs. Only looked at once somebody has come near often.
    own AS (
        SELECT * FROM frequent WHERE (what, bound, value) NOT IN (
            SELECT what, bound, value FROM ({near_of_everybody}) e WHERE is_near GROUP BY what, bound, value
            HAVING count(DISTINCT player_id) > %(same_amount_players_max)s
        )
    )
    SELECT o.player_id, max(o.at) AS evidence_until,
           format('%%s times the grants stopped at most %%s %%%% below %%s.', count(DISTINCT (o.at, o.value)),
                  round(100 * %(within_rate)s::numeric, 1), string_agg(DISTINCT o.what, ' or ')) AS description,
           jsonb_build_object('figures', jsonb_build_object('times', count(DISTINCT (o.at, o.value))),
               'claims', jsonb_path_query_array(jsonb_agg(jsonb_build_object('limit', o.what, 'bound', o.bound,
                   'granted', o.value, 'at', o.at, 'so_often', o.near_one, 'expected', round(o.expected, 2))
                   ORDER BY o.at, o.bound), '$[0 to 19]')) AS evidence
    FROM own o GROUP BY o.player_id HAVING count(DISTINCT (o.at, o.value)) >= %(times_min)s
"""


_WHATS = {
    "if_day": "the daily cap",
    "if_week": "the weekly cap",
    "if_month": "the monthly cap",
    "if_grant": "a review value",
}
# Of everybody, beside a few who came near, only what they came near is added up.
_IF_ASKED = "WHERE EXISTS (SELECT FROM frequent f WHERE f.what = '{what}')"


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    is_everybody = scope.player_ids is None and scope.keys == ALL_KEYS
    asked = {name: _IF_ASKED.format(what=what) for name, what in _WHATS.items()}
    sql = _SQL.format(
        near=_near(scope, dict.fromkeys(_WHATS, "")),
        near_of_everybody="SELECT * FROM near" if is_everybody else _near(Scope(at=scope.at), asked),
        wide_from=_WIDE_FROM,
    )
    caps = {
        "daily_cap": policies.MAX_DAILY_REWARD_PER_PLAYER.value(),
        "weekly_cap": policies.MAX_WEEKLY_REWARD_PER_PLAYER.value(),
        "monthly_cap": policies.MAX_MONTHLY_REWARD_PER_PLAYER.value(),
    }
    return sql, {**thresholds, **caps}


def _near(scope: Scope, conditions: Mapping[str, str]) -> str:
    return _NEAR.format(
        bonuses=all_bonuses_sql(scope), in_scope=scope.condition("c.player_id"), wide_from=_WIDE_FROM, **conditions
    )


CLAIMS_UNDER_LIMITS = DetectorDefinition(
    code="CLAIMS_UNDER_LIMITS",
    title="Claims just under limits",
    looks_for="What a player is granted stops a little below a reward cap or a review value, again and again.",
    false_positives="A high roller whose honest cashback happens to be large every week.",
    reach=Reach.EVERYBODY,
    thresholds=(
        window(60),
        rate("within_rate", "0.05", "How far below the limit, as a share of it."),
        count("times_min", 3, "So often, at least."),
        rate(
            "bunching_min",
            "3",
            "Just below a limit ÷ what the player's other grants of at least half of it let expect, at least.",
            maximum="1000",
        ),
        count("same_amount_players_max", 5, "An amount that more players have got just under the limit is left out."),
        AmountList(
            name="review_values", help="Amounts of a single grant from which a person looks, beside the reward caps."
        ),
    ),
    query=_query,
)
