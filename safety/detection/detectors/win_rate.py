"""Abnormal win rate: results that chance does not explain, given each game's return to player.

Of each bet its payout is counted up to `cap` × its stake; cutting off can only lower the mean, so without cheating
E[payout] ≤ (1 − edge) × stake and Var[payout] ≤ cap × (1 − edge) × stake². By Bernstein's inequality the sum exceeds
its mean by t with a probability of at most

    exp(−t² ÷ (2 × (V + M × t ÷ 3))),  V = Σ variances, M = the largest cap × stake

whatever the game's distribution. A jackpot counts as one payout of `cap` stakes and proves nothing. Every player is
tested every night, so the bound must be below `false_alarms_per_year` ÷ (players × 365) (Bonferroni): a year of nights
then expects at most `false_alarms_per_year` honest players, however much the nights have in common.
"""

from __future__ import annotations

import json
from decimal import Decimal

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, events_sql
from safety.detection.thresholds import CategoryThresholds, Threshold, Thresholds, as_json, count, window

# Of categories that no threshold names.
_OTHER = "other"
_NIGHTS = 365

_SQL = """
    WITH needed AS (
        SELECT ln(greatest(count(*), 1) * {nights} / %(false_alarms_per_year)s::float8) AS exponent FROM players
    ),
    -- Of however many players there are, which are only counted where it matters: no row of a table is shorter than 28
    -- bytes.
    needed_within AS MATERIALIZED (
        SELECT ln({nights} / %(false_alarms_per_year)s::float8) AS least,
               ln(greatest(pg_relation_size('players') / 28, 1) * {nights} / %(false_alarms_per_year)s::float8) AS most
    ),
    games AS (
        SELECT code, 1 - house_edge_rate::float8 AS return_rate,
               coalesce(%(payout_caps)s::jsonb ->> code, %(payout_caps)s::jsonb ->> '{other}', '10')::float8 AS cap,
               (%(variances)s::jsonb ->> code)::float8 AS variance
        FROM game_categories
    ),
    -- A first look without bets: who is not even ahead of the return, or not by enough, cannot be found below.
    sums AS (
        SELECT e.player_id, g.return_rate, g.cap, coalesce(g.variance, g.cap * g.return_rate) AS variance,
               count(*) FILTER (WHERE e.kind = 'WAGER') AS bets,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WAGER'), 0)::float8 AS staked,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WIN'), 0)::float8 AS won,
               coalesce(sum(e.amount * e.amount) FILTER (WHERE e.kind = 'WAGER'), 0)::float8 AS squares,
               coalesce(max(e.amount) FILTER (WHERE e.kind = 'WAGER'), 0)::float8 AS largest
        FROM ({events}) e JOIN games g ON g.code = coalesce(nullif(e.game_category, ''), '{other}')
        GROUP BY e.player_id, g.code, g.return_rate, g.cap, g.variance
    ),
    suspects AS (
        SELECT player_id FROM sums GROUP BY player_id
        HAVING sum(bets) >= %(bets_min)s AND sum(won - return_rate * staked) > 0
           AND {enough_of_sums}
    ),
    -- Where the feed names no bet, all play of a category and day counts as one: it proves less, never too much.
    bets AS (
        SELECT e.player_id, g.code, g.return_rate, g.cap, coalesce(g.variance, g.cap * g.return_rate) AS variance,
               coalesce(nullif(e.bet_id, ''), e.occurred_at::date::text) AS bet,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WAGER'), 0)::float8 AS stake,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WIN'), 0)::float8 AS payout,
               min(e.occurred_at) AS placed_at, max(e.occurred_at) AS last_at,
               (array_agg(e.id ORDER BY e.occurred_at))[1:5] AS events
        FROM ({events}) e JOIN suspects USING (player_id)
        JOIN games g ON g.code = coalesce(nullif(e.game_category, ''), '{other}')
        GROUP BY e.player_id, g.code, g.return_rate, g.cap, g.variance, bet
    ),
    results AS (
        SELECT player_id, count(*) AS bets, sum(stake) AS staked, sum(payout) AS won, max(last_at) AS last_at,
               sum(return_rate * stake) AS expected,
               sum(least(payout, cap * stake) - return_rate * stake) AS beyond,
               sum(variance * stake * stake) AS v, max(cap * stake) AS m,
               jsonb_path_query_array(jsonb_agg(jsonb_build_object('bet', bet, 'at', placed_at, 'category', code,
                   'stake', round(stake::numeric, 2), 'payout', round(payout::numeric, 2), 'events', events)
                   ORDER BY payout - stake DESC) FILTER (WHERE stake > 0), '$[0 to 9]') AS best_bets
        FROM bets WHERE stake > 0 GROUP BY player_id
    ),
    judgedresults AS (
        SELECT *, beyond * beyond / (2 * (v + m * beyond / 3)) AS exponent FROM results WHERE beyond > 0
    )
    SELECT r.player_id, r.last_at AS evidence_until,
           format('%%s bets of %%s in all paid %%s where the games return %%s; counted up to the caps that is %%s '
                  'more than expected, by chance less likely than 1 in %%s.',
                  r.bets, round(r.staked::numeric, 2), round(r.won::numeric, 2), round(r.expected::numeric, 2),
                  round(r.beyond::numeric, 2), '10^' || floor(r.exponent / ln(10))) AS description,
           jsonb_build_object('figures', jsonb_build_object('bets', r.bets, 'staked', round(r.staked::numeric, 2),
               'won', round(r.won::numeric, 2), 'expected_return', round(r.expected::numeric, 2),
               'beyond_expected', round(r.beyond::numeric, 2), 'variance', round(r.v::numeric, 2),
               'largest_counted_payout', round(r.m::numeric, 2),
               'chance_below_one_in_10_to_the', floor(r.exponent / ln(10))), 'bets', r.best_bets) AS evidence
    FROM judgedresults r WHERE r.bets >= %(bets_min)s AND {enough}
"""
_EXPONENT_OF_SUMS = """power(sum(won - return_rate * staked), 2) / (2 * (sum(variance * squares)
               + max(cap * largest) * sum(won - return_rate * staked) / 3) + 1e-9)"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    events = events_sql(scope, kinds="'WAGER', 'WIN'")
    sql = _SQL.format(
        other=_OTHER,
        nights=_NIGHTS,
        events=events,
        enough_of_sums=_is_enough(_EXPONENT_OF_SUMS),
        enough=_is_enough("r.exponent"),
    )
    figures = {name: as_json(figure) for name, figure in thresholds.items()}
    maps = {name: json.dumps(figures[name]) for name in ("payout_caps", "variances")}
    return sql, {**thresholds, **maps}


def _is_enough(exponent: str) -> str:
    """Return SQL that holds for an exponent that is not below the one needed."""
    return f"""CASE WHEN {exponent} < (SELECT least FROM needed_within) THEN false
               WHEN {exponent} >= (SELECT most FROM needed_within) THEN true
               ELSE {exponent} >= (SELECT exponent FROM needed) END"""


ABNORMAL_WIN_RATE = DetectorDefinition(
    code="ABNORMAL_WIN_RATE",
    title="Abnormal win rate",
    looks_for="Payouts that stay above the games' return by more than chance explains among all players.",
    false_positives="A game whose real return is above 1 − house edge of its category, or bets settled in another "
    "category than they were placed in.",
    reach=Reach.PLAYER,
    thresholds=(
        window(90),
        count("bets_min", 100, "Bets, at least."),
        Threshold(
            name="false_alarms_per_year",
            default=Decimal(1),
            minimum=Decimal("0.0001"),
            maximum=Decimal(10**9),
            help="Honest players that a year of nights may find, expected at most.",
        ),
        CategoryThresholds(
            name="payout_caps",
            default={
                "slots": Decimal(10),
                "roulette": Decimal(5),
                "blackjack": Decimal("2.5"),
                "poker": Decimal(5),
                "other": Decimal(10),
            },
            minimum=Decimal(1),
            maximum=Decimal(1000),
            help="By category: up to how many stakes a payout counts.",
        ),
        CategoryThresholds(
            name="variances",
            default={"blackjack": Decimal("1.4")},
            minimum=Decimal("0.1"),
            maximum=Decimal(1000),
            help="By category: the variance of a bet of one unit where it is known to be lower than cap × return.",
        ),
    ),
    query=_query,
)
