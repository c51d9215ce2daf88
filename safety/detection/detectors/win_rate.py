"""Abnormal win rate: results that chance does not explain, given each game's return to player.

Two tests share the chance of a false alarm; either is enough. Neither asks how the game's payouts are distributed.

**By money.** Of each bet its payout is counted up to `cap` × its stake; cutting off can only lower the mean, so without
cheating E[payout] ≤ (1 − edge) × stake and Var[payout] ≤ cap × (1 − edge) × stake². By Bernstein's inequality the sum
exceeds its mean by t with a probability of at most

    exp(−t² ÷ (2 × (V + M × t ÷ 3))),  V = Σ variances, M = the largest cap × stake

It sees large bets that win while small ones lose, and is wide: V is the most that a game's variance can be.

**Bet by bet.** Whoever begins with 1 and stakes the share f of it on each of the player's bets in turn ends with
K = Π (1 + f × (payout − (1 − edge) × stake) ÷ stake). Without cheating no factor has a mean above 1, so E[K] ≤ 1 and K
reaches x with a probability of at most 1 ÷ x, whatever the game, the stakes and the order (Markov's inequality;
J. Ville, 1939; I. Waudby-Smith and A. Ramdas, 2024). f is tried at three values, the best of which counts a third.
Over thousands of bets this would also find a game whose return lies a little above its category's, so
`return_tolerance` is added to the return here. A bet that is raised counts by its first stake; where one was raised to
more than four times that, the test says nothing: such a name stands for more than one bet.

A jackpot counts as one payout of `cap` stakes and proves nothing. Every player is tested every night, so the chance
must be below `false_alarms_per_year` ÷ (players × 365) (Bonferroni): a year of nights then expects at most
`false_alarms_per_year` honest players, however much the nights have in common.
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
# Shares of the capital that are staked on each bet; with a bet raised to _RAISE_MAX first stakes no factor reaches 0.
_SHARES = ("0.03", "0.08", "0.2")
_RAISE_MAX = 4
# Each of two tests has half of the chance, and each share a third of its test's.
_TESTS = 2

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
    -- Who is not even ahead of the return takes nothing out.
    suspects AS (
        SELECT e.player_id FROM ({events}) e JOIN games g ON g.code = coalesce(nullif(e.game_category, ''), '{other}')
        GROUP BY e.player_id
        HAVING count(*) FILTER (WHERE e.kind = 'WAGER') >= %(bets_min)s
           AND sum(CASE e.kind WHEN 'WIN' THEN e.amount ELSE -g.return_rate * e.amount END::float8) > 0
    ),
    -- Where the feed names no bet, all play of a category and day counts as one: it proves less, never too much.
    bets AS MATERIALIZED (
        SELECT e.player_id, g.code, g.return_rate, g.cap, coalesce(g.variance, g.cap * g.return_rate) AS variance,
               coalesce(nullif(e.bet_id, ''), e.occurred_at::date::text) AS bet, bool_and(e.bet_id <> '') AS is_named,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WAGER'), 0)::float8 AS stake,
               coalesce(sum(e.amount) FILTER (WHERE e.kind = 'WIN'), 0)::float8 AS payout,
               -- The least by time, number and amount is the first.
               (min(ARRAY[extract(epoch FROM e.occurred_at), e.id, e.amount])
                   FILTER (WHERE e.kind = 'WAGER'))[3]::float8 AS first_stake,
               min(e.occurred_at) AS placed_at, max(e.occurred_at) AS last_at, array_agg(e.id) AS events
        FROM ({events}) e JOIN suspects USING (player_id)
        JOIN games g ON g.code = coalesce(nullif(e.game_category, ''), '{other}')
        GROUP BY e.player_id, g.code, g.return_rate, g.cap, g.variance, bet
    ),
    results AS (
        SELECT player_id, count(*) AS bets, sum(stake) AS staked, sum(payout) AS won, max(last_at) AS last_at,
               sum(return_rate * stake) AS expected,
               sum(least(payout, cap * stake) - return_rate * stake) AS beyond,
               sum(variance * stake * stake) AS v, max(cap * stake) AS m
        FROM bets WHERE stake > 0 GROUP BY player_id
    ),
    -- Of each bet what it brought beyond its return, in first stakes.
    gains AS (
        SELECT player_id, (least(payout, cap * first_stake) - (return_rate + %(return_tolerance)s::float8) * stake)
                   / first_stake AS gain
        FROM bets WHERE stake > 0 AND is_named AND player_id NOT IN (
            SELECT player_id FROM bets WHERE is_named AND stake > {raise_max} * first_stake
        )
    ),
    capitals AS (
        SELECT player_id, greatest({capitals}) AS capital FROM gains GROUP BY player_id
    ),
    found AS MATERIALIZED (
        SELECT * FROM (
            SELECT r.*, greatest(0, c.capital) AS capital, greatest(
                       CASE WHEN beyond > 0 THEN beyond * beyond / (2 * (v + m * beyond / 3)) ELSE 0 END,
                       c.capital - ln({shares})
                   ) - ln({tests}) AS exponent
            FROM results r LEFT JOIN capitals c USING (player_id)
        ) tested
        WHERE bets >= %(bets_min)s AND {enough}
    ),
    best AS (
        SELECT player_id, jsonb_path_query_array(jsonb_agg(jsonb_build_object('bet', bet, 'at', placed_at,
                   'category', code, 'stake', round(stake::numeric, 2), 'payout', round(payout::numeric, 2),
                   'events', ARRAY(SELECT one FROM unnest(events) one ORDER BY one LIMIT 5))
                   ORDER BY payout - stake DESC, bet), '$[0 to 9]') AS best_bets
        FROM bets JOIN found USING (player_id) WHERE stake > 0 GROUP BY player_id
    ),
    -- With these the capital can be worked out on paper.
    multiples AS (
        SELECT player_id, jsonb_path_query_array(jsonb_agg(jsonb_build_object('category', code,
                   'payout_in_stakes', payout_in_stakes, 'bets', bets, 'staked', staked)
                   ORDER BY bets DESC, code, payout_in_stakes), '$[0 to 19]') AS payouts
        FROM (
            SELECT bets.player_id, code, round((payout / stake)::numeric, 2) AS payout_in_stakes, count(*) AS bets,
                   round(sum(stake)::numeric, 2) AS staked
            FROM bets JOIN found USING (player_id) WHERE stake > 0 GROUP BY bets.player_id, code, payout_in_stakes
        ) counted GROUP BY player_id
    )
    SELECT r.player_id, r.last_at AS evidence_until,
           format('%%s bets of %%s in all paid %%s where the games return %%s; counted up to the caps that is %%s '
                  '%%s than expected, by chance less likely than 1 in %%s.',
                  r.bets, round(r.staked::numeric, 2), round(r.won::numeric, 2), round(r.expected::numeric, 2),
                  round(abs(r.beyond)::numeric, 2), CASE WHEN r.beyond < 0 THEN 'less' ELSE 'more' END,
                  '10^' || floor(r.exponent / ln(10))) AS description,
           jsonb_build_object('figures', jsonb_build_object('bets', r.bets, 'staked', round(r.staked::numeric, 2),
               'won', round(r.won::numeric, 2), 'expected_return', round(r.expected::numeric, 2),
               'beyond_expected', round(r.beyond::numeric, 2), 'variance', round(r.v::numeric, 2),
               'largest_counted_payout', round(r.m::numeric, 2),
               'capital_grew_to_10_to_the', round((r.capital / ln(10))::numeric, 1),
               'chance_below_one_in_10_to_the', floor(r.exponent / ln(10))),
               'bets', b.best_bets, 'payouts', m.payouts) AS evidence
    FROM found r JOIN best b USING (player_id) JOIN multiples m USING (player_id)
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    events = events_sql(scope, kinds="'WAGER', 'WIN'")
    sql = _SQL.format(
        other=_OTHER,
        nights=_NIGHTS,
        events=events,
        raise_max=_RAISE_MAX,
        capitals=", ".join(f"sum(ln(1 + {share} * gain))" for share in _SHARES),
        shares=f"{len(_SHARES)}::float8",
        tests=f"{_TESTS}::float8",
        enough=_is_enough("exponent"),
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
        Threshold(
            name="return_tolerance",
            default=Decimal("0.02"),
            minimum=Decimal(0),
            maximum=Decimal("0.2"),
            help="By how much a game may return more than 1 − house edge of its category, in the test bet by bet.",
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
