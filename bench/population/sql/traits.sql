-- What a player is like; days, totals and profile follow from it. Dropped when the population stands.
CREATE UNLOGGED TABLE bench_traits AS
WITH drawn AS (
    SELECT n,
           bench_player_key(n) AS player_id,
           bench_draw(n, 1) AS class_draw,
           15 + least(45, floor(-3.2 * ln(bench_draw(n, 2))))::integer AS active_days,
           bench_draw(n, 5) < 0.12 AS is_recent,
           bench_draw(n, 6) AS age_draw
    FROM generate_series(1, %(players)s::bigint) n
),
dated AS (
    SELECT d.*,
           CASE WHEN is_recent THEN active_days + floor((89 - active_days) * age_draw)
                ELSE 89 + floor(-500 * ln(age_draw)) END::integer AS registered_days_ago
    FROM drawn d
)
SELECT d.n, d.player_id, d.active_days, d.registered_days_ago, p.idle_days,
       -- Active days lie between the first possible day and the last one before the player fell idle.
       p.known_days - p.idle_days AS span_days,
       (CASE WHEN d.class_draw < 0.34 THEN 22 WHEN d.class_draw < 0.80 THEN 110 WHEN d.class_draw < 0.96 THEN 420
             ELSE 2600 END) * exp(0.55 * bench_bell(d.n, 7)) AS stake_per_day,
       greatest(0.3, least(1.7, 0.955 + 0.085 * bench_bell(d.n, 8))) AS payout_rate,
       -- Play before the ninety days, as a multiple of what was played within them.
       CASE WHEN d.registered_days_ago < 90 THEN 0 ELSE least(6, (d.registered_days_ago - 89) / 200.0) END AS past_factor,
       1 + floor(3 * bench_draw(d.n, 9))::integer AS sessions_per_day,
       (ARRAY['slots', 'roulette', 'blackjack', 'poker', 'other'])[1 + floor(5 * power(bench_draw(d.n, 10), 2))::integer]
           AS favourite_game
FROM dated d
CROSS JOIN LATERAL (
    SELECT k AS known_days,
           least(k - d.active_days, CASE WHEN bench_draw(d.n, 3) < 0.75 THEN 0 ELSE floor(30 * bench_draw(d.n, 4)) END)
               ::integer AS idle_days
    FROM (SELECT least(90, d.registered_days_ago + 1) AS k) known
) p;
CREATE UNIQUE INDEX bench_traits_key ON bench_traits (player_id COLLATE "C");
ANALYZE bench_traits;
