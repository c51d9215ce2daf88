-- What each account does in each session. A planted account plays as its kind does, in half of its shapes with some
-- ordinary play around it.
CREATE TEMP TABLE bench_sessions AS
WITH drawn AS (
    SELECT a.*, s, a.drawn * 64 + s AS key
    FROM bench_accounts a, generate_series(1, CASE WHEN kind IN ('ORDINARY', 'REGISTRATION_VELOCITY') THEN a.sessions
        ELSE 6 END) s
),
timed AS (
    SELECT *,
           %(at)s::timestamptz - interval '1 day' * CASE
               WHEN kind = 'SHARED_DEVICE' THEN 3 + 3 * s + bench_draw(key, 20)
               WHEN kind = 'ORDINARY' OR kind = 'REGISTRATION_VELOCITY'
                   THEN least(2 + 55 * bench_draw(key, 20), registered_days_ago - 0.5)
               ELSE 2 + 9 * (s - 1) + 5 * bench_draw(key, 20) END AS started_at,
           CASE WHEN kind IN ('ORDINARY', 'REGISTRATION_VELOCITY', 'ABNORMAL_WIN_RATE') THEN bench_draw(key, 21) < 0.35
                -- One session in six of the planted is an ordinary one.
                ELSE s <= 5 END AS has_bonus
    FROM drawn
)
SELECT n, kind, farm, place, player_id, s, key, started_at, has_bonus, is_single_number,
       CASE WHEN NOT has_bonus THEN 0
            WHEN kind = 'CLAIMS_UNDER_LIMITS' THEN round((955 + 44 * bench_draw(key, 22))::numeric, 2)
            ELSE 5 * (1 + floor(20 * bench_draw(key, 22))) END::numeric(18, 2) AS bonus,
       CASE WHEN kind = 'BONUS_ONLY_PLAY' THEN CASE WHEN n %% 2 = 0 AND s = 3 THEN 5 ELSE 0 END
            WHEN is_idle AND kind = 'ORDINARY' THEN 0
            WHEN bench_draw(key, 23) < 0.6 THEN 10 * (1 + floor(15 * bench_draw(key, 24))) ELSE 0 END::numeric(18, 2)
           AS deposit,
       CASE WHEN kind = 'WITHDRAWAL_AFTER_BONUS' AND has_bonus AND s > 1 OR kind = 'SHARED_DEVICE' AND s %% 2 = 0
                THEN 40 + 10 * floor(20 * bench_draw(key, 25))
            WHEN kind <> 'BONUS_ONLY_PLAY' AND bench_draw(key, 26) < 0.18
                THEN 20 + 10 * floor(30 * bench_draw(key, 25)) ELSE 0 END::numeric(18, 2) AS withdrawal,
       CASE WHEN kind = 'WITHDRAWAL_AFTER_BONUS' THEN 3 + 17 * bench_draw(key, 27)
            -- Most withdraw when they have won; a few hours or days later.
            ELSE 0.5 + 70 * bench_draw(key, 27) END AS withdrawn_after_hours,
       CASE kind WHEN 'LOW_RISK_WAGERING' THEN 'roulette' WHEN 'ABNORMAL_WIN_RATE' THEN
           CASE WHEN n %% 2 = 0 THEN 'roulette' ELSE 'blackjack' END ELSE category END AS category,
       CASE kind WHEN 'MINIMUM_BETS' THEN 0.20 WHEN 'LOW_RISK_WAGERING' THEN greatest(stake, 2)
           WHEN 'BONUS_ONLY_PLAY' THEN 2 + 2 * bench_draw(key, 34) ELSE stake END::numeric(18, 2) AS stake,
       CASE WHEN kind IN ('MINIMUM_BETS', 'LOW_RISK_WAGERING') THEN 120 WHEN kind = 'ABNORMAL_WIN_RATE' THEN 150
            -- Whoever lives on bonuses plays them through.
            WHEN kind = 'BONUS_ONLY_PLAY' THEN CASE WHEN has_bonus THEN 60 ELSE 8 END
            ELSE 4 + floor(%(bets_max)s * bench_draw(key, 28)) END::integer AS bets,
       -- The share of the session's bets, the first ones, that bonus money pays and that count towards its requirement.
       CASE WHEN NOT has_bonus THEN 0 WHEN kind = 'BONUS_ONLY_PLAY' THEN CASE WHEN n %% 2 = 0 THEN 0.97 ELSE 1 END
            WHEN kind = 'MINIMUM_BETS' THEN 0.7 WHEN kind = 'LOW_RISK_WAGERING' THEN 0.9
            ELSE 0.2 + 0.4 * bench_draw(key, 29) END AS bonus_share,
       has_bonus AND (kind IN ('MINIMUM_BETS', 'LOW_RISK_WAGERING', 'WITHDRAWAL_AFTER_BONUS')
           OR bench_draw(key, 30) < 0.4) AS is_completed,
       CASE WHEN kind = 'SHARED_DEVICE' AND farm = 1
                -- Most of the twenty know one device; two of them carry the ring from one to the next.
                THEN 'RING-1-' || CASE WHEN place < 2 AND s %% 2 = 1 THEN place + 1 ELSE place %% 3 END
            WHEN kind = 'SHARED_DEVICE' AND farm IN (2, 3) THEN 'RING-' || farm || '-' || (place + s) %% 2
            WHEN kind = 'SHARED_DEVICE' AND farm = 5 THEN 'RING-5'
            WHEN kind = 'REGISTRATION_VELOCITY' AND farm = 1 THEN 'FARM-1'
            WHEN is_in_cafe AND bench_draw(key, 31) < 0.7 THEN 'CAFE-' || n %% greatest(%(players)s / 8000, 1)
            WHEN household IS NOT NULL THEN 'HOME-' || household || '-' || (n %% 1000 >= 500)
            ELSE 'D-' || n END AS device,
       CASE WHEN kind = 'SHARED_DEVICE' AND farm = 4
                THEN '192.0.2.' || (place + s) %% 4
            WHEN kind = 'REGISTRATION_VELOCITY' AND farm = 2 THEN '192.0.2.99'
            WHEN is_in_cafe AND bench_draw(key, 31) < 0.7
                THEN '198.51.100.' || n %% greatest(%(players)s / 8000, 1)
            -- Half of all sessions come through one of twelve addresses of mobile carriers.
            WHEN bench_draw(key, 32) < 0.5 THEN '203.0.113.' || floor(12 * bench_draw(key, 33))
            ELSE host('10.0.0.0'::inet + coalesce(household + 8000000, n)) END::inet AS ip
FROM timed;
ANALYZE bench_sessions;
