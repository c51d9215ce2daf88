"""Low-risk wagering: turnover without risk, so that a requirement is met and the bonus kept.

An honest run of bets strays, from zero and from its expected loss. By chance alone the largest distance of n even-money
bets of one unit stays below a × √n with the probability (4 ÷ π) × exp(−π² ÷ (8 a²)): 5 in 100,000 for a = 0.35, 1 in
100 for a = 0.5 (the law of the largest distance of a Brownian motion; Feller, An Introduction to Probability Theory II,
X.5). Most other bets stray further. Whoever covers both sides of a table hardly strays at all, but for the zero, which
loses both: a few of them in a row take the running result as far as chance alone. So the bets are also taken in blocks
of twelve, which both sides, three dozens or six lines fill: of a block with results b and squared stakes s², b² has the
mean Σ s² by even-money bets, and the share Q = Σ b² ÷ Σ s² is seldom small. With w a block's share of Σ s² and
m = 1 ÷ Σ w², Chernoff's bound for sums of squares of the bell curve is

    P(Q ≤ q) ≤ exp(4 m q − ½ Σ ln(1 + 8 m w))

(t = 4 m; a block of twelve even-money bets is close enough to the bell curve at this t.) Blocks are begun at the first,
second or third bet, and the best of the three counts a third.
"""

from __future__ import annotations

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.scope import Scope, bonuses_sql, events_sql
from safety.detection.thresholds import Thresholds, count, rate, window

_BLOCK = 12
_BEGINNINGS = 3

_SQL = """
    WITH wagered AS (SELECT * FROM ({bonuses}) b WHERE b.wagering_required > 0),
    steps AS MATERIALIZED (
        SELECT b.id AS lot, b.player_id, b.amount AS bonus, b.created_at, e.id, e.bet_id, e.kind, e.amount,
               e.occurred_at, coalesce(c.house_edge_rate, 0)::float8 AS edge,
               coalesce(c.house_edge_rate <= %(low_edge_max)s, false) AS is_low_edge,
               -- Running results of a bonus; floating point, because this measures a distance and books nothing.
               abs(sum(CASE e.kind WHEN 'WIN' THEN e.amount ELSE -e.amount END::float8) OVER so_far) AS from_zero,
               abs(sum(CASE e.kind WHEN 'WIN' THEN e.amount
                       ELSE -e.amount * (1 - coalesce(c.house_edge_rate, 0)) END::float8) OVER so_far) AS from_expected
        FROM wagered b JOIN ({events}) e
            ON e.player_id = b.player_id AND e.occurred_at >= b.created_at
            AND e.occurred_at <= coalesce(b.closed_at, %(at)s)
        LEFT JOIN game_categories c ON c.code = e.game_category
        WINDOW so_far AS (PARTITION BY b.id ORDER BY e.occurred_at, e.id)
    ),
    runs AS (
        SELECT lot, player_id, bonus, created_at, max(occurred_at) AS last_at,
               least(max(from_zero), max(from_expected)) AS distance,
               count(*) FILTER (WHERE kind = 'WAGER') AS bets,
               coalesce(sum(amount) FILTER (WHERE kind = 'WAGER'), 0) AS staked,
               coalesce(sum(amount) FILTER (WHERE kind = 'WIN'), 0) AS won,
               coalesce(sum(amount) FILTER (WHERE kind = 'WAGER' AND is_low_edge), 0) AS low_edge_staked,
               sqrt(sum(amount::float8 * amount::float8) FILTER (WHERE kind = 'WAGER')) AS spread
        FROM steps GROUP BY lot, player_id, bonus, created_at
    ),
    enough AS MATERIALIZED (
        SELECT * FROM runs
        WHERE bets >= %(bets_min)s AND staked >= bonus * %(turnover_rate_min)s AND distance > 0
    ),
    -- Of bets with a name what each brought beyond its return, in the order in which they were placed.
    placed AS (
        SELECT lot, sum(CASE kind WHEN 'WIN' THEN amount ELSE -amount * (1 - edge) END::float8) AS result,
               sum(amount) FILTER (WHERE kind = 'WAGER')::float8 AS stake,
               row_number() OVER (PARTITION BY lot ORDER BY min(occurred_at), min(id)) - 1 AS place
        FROM steps WHERE bet_id <> '' AND lot IN (SELECT lot FROM enough)
        GROUP BY lot, bet_id HAVING bool_or(kind = 'WAGER')
    ),
    blocks AS (
        SELECT lot, begun, sum(result) AS result, sum(stake * stake) AS squares
        FROM placed CROSS JOIN generate_series(0, {begun_last}) begun
        GROUP BY lot, begun, (place + begun) / {block}
    ),
    weighed AS (
        SELECT lot, begun, result, squares, sum(squares) OVER one AS all_squares,
               power(sum(squares) OVER one, 2) / sum(squares * squares) OVER one AS even_blocks
        FROM blocks WINDOW one AS (PARTITION BY lot, begun)
    ),
    bounds AS (
        SELECT lot, max(exponent) - ln({begun_last} + 1.0::float8) AS exponent FROM (
            SELECT lot, sum(ln(1 + 8 * even_blocks * squares / all_squares)) / 2
                        - 4 * min(even_blocks) * sum(result * result) / min(all_squares) AS exponent
            FROM weighed GROUP BY lot, begun
        ) each_beginning GROUP BY lot
    ),
    calm AS (
        SELECT r.*, distance / spread AS calmness, greatest(0, floor(b.exponent / ln(10))) AS block_chance,
               distance <= spread * CASE WHEN low_edge_staked >= staked * %(low_edge_share_min)s
                   THEN %(low_edge_calm_max)s::float8 ELSE %(calm_max)s::float8 END AS is_near
        FROM enough r LEFT JOIN bounds b USING (lot)
        WHERE distance <= spread * CASE WHEN low_edge_staked >= staked * %(low_edge_share_min)s
                  THEN %(low_edge_calm_max)s::float8 ELSE %(calm_max)s::float8 END
           OR b.exponent >= -ln(greatest(%(block_chance_max)s::float8, 1e-300))
    )
    SELECT player_id, max(last_at) AS evidence_until,
           (array_agg(format('While bonus %%s was wagered, %%s bets of %%s in all ', lot, bets, staked)
               || CASE WHEN is_near
                   THEN format('never were more than %%s from zero or from the expected loss: chance alone strays '
                               'about %%s.', round(distance::numeric, 2), round(spread::numeric, 2))
                   ELSE format('strayed so little, each twelve of them together, that chance does so in less than 1 of '
                               '10^%%s.', block_chance) END
               ORDER BY is_near DESC, calmness, lot))[1] AS description,
           jsonb_build_object('figures', jsonb_build_object('bonuses', count(*), 'staked', sum(staked),
                   'won', sum(won), 'low_edge_staked', sum(low_edge_staked)),
               'bonuses', jsonb_path_query_array(jsonb_agg(jsonb_build_object('lot', lot, 'from', created_at,
                   'until', last_at, 'bets', bets, 'staked', staked, 'won', won,
                   'largest_distance', round(distance::numeric, 2), 'natural_spread', round(spread::numeric, 2),
                   'calmness', round(calmness::numeric, 3), 'blocks_by_chance_below_one_in_10_to_the', block_chance)
                   ORDER BY calmness, lot), '$[0 to 9]')) AS evidence
    FROM calm GROUP BY player_id
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    events = events_sql(scope, kinds="'WAGER', 'WIN'")
    sql = _SQL.format(bonuses=bonuses_sql(scope), events=events, block=_BLOCK, begun_last=_BEGINNINGS - 1)
    return sql, dict(thresholds)


LOW_RISK_WAGERING = DetectorDefinition(
    code="LOW_RISK_WAGERING",
    title="Low-risk wagering",
    looks_for="A requirement met with hardly any ups and downs: both sides of a table covered, or perfect play where "
    "the edge is lowest.",
    false_positives="A calm run of luck: about one in a hundred of those who wager a bonus at low-edge tables alone.",
    reach=Reach.PLAYER,
    thresholds=(
        window(60),
        count("bets_min", 50, "Bets while the bonus was wagered, at least."),
        rate("turnover_rate_min", "3", "Staked ÷ the bonus, at least.", maximum="1000"),
        rate(
            "calm_max",
            "0.35",
            "Largest distance of the running result ÷ root of the sum of squared stakes.",
        ),
        rate(
            "block_chance_max",
            "0.00005",
            "Chance of even-money bets, taken in blocks of twelve, to stray so little; 0 leaves this test out.",
        ),
        rate("low_edge_max", "0.01", "House edge up to which a category counts as low."),
        rate("low_edge_share_min", "0.8", "Share of low-edge stakes from which low_edge_calm_max holds instead."),
        rate("low_edge_calm_max", "0.5", "As calm_max, for play at low-edge tables."),
    ),
    query=_query,
)
