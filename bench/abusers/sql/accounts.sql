-- Ordinary players first, then the planted: so many of each kind, registrations in three farms, rings of four shapes.
CREATE TEMP TABLE bench_accounts AS
WITH planted (kind, farm, size) AS (
    VALUES ('BONUS_ONLY_PLAY', 0, %(each)s), ('WITHDRAWAL_AFTER_BONUS', 0, %(each)s), ('MINIMUM_BETS', 0, %(each)s),
           ('LOW_RISK_WAGERING', 0, %(each)s), ('ABNORMAL_WIN_RATE', 0, %(each)s), ('CLAIMS_UNDER_LIMITS', 0, %(each)s),
           -- One device, one address, one pattern of e-mail addresses.
           ('REGISTRATION_VELOCITY', 1, 12), ('REGISTRATION_VELOCITY', 2, 12), ('REGISTRATION_VELOCITY', 3, 12),
           -- Twenty on three devices, five on two, six on four addresses, sixty on one device.
           ('SHARED_DEVICE', 1, 20), ('SHARED_DEVICE', 2, 5), ('SHARED_DEVICE', 3, 5), ('SHARED_DEVICE', 4, 6),
           ('SHARED_DEVICE', 5, 60)
),
numbered AS (
    SELECT n::bigint, 'ORDINARY' AS kind, 0 AS farm, 0 AS place FROM generate_series(1, %(players)s) n
    UNION ALL
    SELECT %(players)s + row_number() OVER (ORDER BY kind, farm, place), kind, farm, place
    FROM planted, generate_series(0, size - 1) place
)
SELECT n, n + %(seed)s::bigint * 1000000000 AS drawn, kind, farm, place, 'P' || lpad(n::text, 8, '0') AS player_id,
       -- A campaign brought two in a hundred on one day; the others came over the years, evenly.
       CASE WHEN kind = 'REGISTRATION_VELOCITY' THEN 20 + place %% 2
            WHEN bench_draw(n + %(seed)s::bigint * 1000000000, 1) < 0.02 THEN 45
            ELSE 3 + floor(900 * bench_draw(n + %(seed)s::bigint * 1000000000, 2))::integer END AS registered_days_ago,
       (ARRAY['slots', 'slots', 'slots', 'slots', 'slots', 'slots', 'roulette', 'roulette', 'blackjack', 'poker'])
           [1 + floor(10 * bench_draw(n + %(seed)s::bigint * 1000000000, 3))::integer] AS category,
       -- Lognormal around 1.20, in cents.
       round(greatest(0.10, 1.2 * exp(0.9 * bench_bell(n + %(seed)s::bigint * 1000000000, 4)))::numeric, 2) AS stake,
       1 + floor(%(sessions_max)s * bench_draw(n + %(seed)s::bigint * 1000000000, 5))::integer AS sessions,
       -- Some like to be invited and pay in nothing while they make up their minds; some back single numbers.
       bench_draw(n + %(seed)s::bigint * 1000000000, 6) < 0.04 AS is_idle, bench_draw(n + %(seed)s::bigint * 1000000000, 7) < 0.3 AS is_single_number,
       -- Two in a hundred live in households of two with one computer, a few in one of three; one in a hundred plays in
       -- a café.
       CASE WHEN n %% 100 < 4 THEN n / 2 WHEN n %% 1000 BETWEEN 550 AND 552 THEN n / 1000 END AS household,
       bench_draw(n + %(seed)s::bigint * 1000000000, 8) < 0.01 AS is_in_cafe
FROM numbered;
CREATE INDEX ON bench_accounts (n);

INSERT INTO players (player_id, email, source, registered_on, created_at)
SELECT player_id,
       CASE WHEN kind = 'REGISTRATION_VELOCITY' AND farm = 3 THEN 'lucky.' || n || '@farm.example'
            WHEN n %% 10 = 0 THEN 'player' || n || '@mail.example'
            WHEN n %% 10 < 7 THEN (ARRAY['anna', 'ben', 'carl', 'dora', 'emil', 'fritz', 'greta', 'hans'])
                [1 + floor(8 * bench_draw(drawn, 10))::integer] || '.' || chr(97 + floor(26 * bench_draw(drawn, 11))::integer)
                || n || '@mail' || floor(5 * bench_draw(drawn, 12)) || '.example' END,
       'FEED', %(at)s::date - registered_days_ago, %(at)s::timestamptz - registered_days_ago * interval '1 day'
FROM bench_accounts ORDER BY player_id;
