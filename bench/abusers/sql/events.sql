-- A session, the money that goes in and out, and its bets, one in twenty seconds.
INSERT INTO player_activity (player_id, kind, source, external_id, occurred_at, ended_at, amount, bonus_amount, bet_id,
                             game_category, ip_address, device_id)
SELECT player_id, 'SESSION', 'bench', 's' || key, started_at, started_at + bets * interval '20 seconds', NULL, NULL, '',
       '', ip, device FROM bench_sessions
UNION ALL
SELECT player_id, 'DEPOSIT', 'bench', 'd' || key, started_at - interval '2 minutes', NULL, deposit, 0, '', '', ip, device
FROM bench_sessions WHERE deposit > 0
UNION ALL
SELECT player_id, 'WITHDRAWAL', 'bench', 'o' || key, occurred_at, NULL, withdrawal, 0, '', '', NULL, ''
FROM (SELECT *, started_at + withdrawn_after_hours * interval '1 hour' AS occurred_at FROM bench_sessions) w
WHERE withdrawal > 0 AND occurred_at < %(at)s;

CREATE TEMP TABLE bench_bets AS
WITH placed AS (
    SELECT *, key * 512 + i AS bet,
           started_at + i * interval '20 seconds' AS placed_at,
           i <= bets * bonus_share AS is_bonus,
           -- Stakes vary around the usual one; whoever waits for the requirement to be met raises them then; both sides
           -- of the table are one bet and the next.
           CASE WHEN kind = 'MINIMUM_BETS' AND i > bets * bonus_share
                    THEN 15 + 5 * floor(4 * bench_draw(key * 512 + i, 40))::numeric
                WHEN kind IN ('MINIMUM_BETS', 'LOW_RISK_WAGERING') AND has_bonus THEN stake
                ELSE greatest(0.10, round((stake * (ARRAY[0.5, 1, 1, 1, 1.5, 2, 3])
                    [1 + floor(7 * bench_draw(key * 512 + i, 40))::integer])::numeric, 2)) END AS bet_stake
    FROM bench_sessions, generate_series(1, bets) i
),
drawn AS (
    SELECT *, CASE WHEN kind = 'LOW_RISK_WAGERING' AND has_bonus
        -- The ball falls once for the bet on red and the one on black after it.
        THEN CASE WHEN bet %% 2 = 0 THEN bench_draw(bet, 41) ELSE 1 - bench_draw(bet - 1, 41) END
        ELSE bench_draw(bet, 41) END AS luck
    FROM placed
)
SELECT player_id, bet, placed_at, is_bonus, bet_stake, category,
       round(bet_stake * CASE
           WHEN kind = 'ABNORMAL_WIN_RATE' THEN CASE WHEN luck < 0.80 THEN 2 ELSE 0 END
           WHEN category = 'roulette' AND is_single_number AND kind = 'ORDINARY' THEN
               CASE WHEN luck < 1.0 / 37 THEN 36 ELSE 0 END
           WHEN category = 'roulette' THEN CASE WHEN luck < 18.0 / 37 THEN 2 ELSE 0 END
           WHEN category = 'blackjack' THEN CASE WHEN luck < 0.3985 THEN 2 WHEN luck < 0.4835 THEN 1
               WHEN luck < 0.5285 THEN 2.5 ELSE 0 END
           WHEN category = 'poker' THEN CASE WHEN luck < 0.475 THEN 2 ELSE 0 END
           -- A slot machine: often nothing, now and then a little, a jackpot of 1,500 stakes in ten thousand bets.
           ELSE CASE WHEN luck < 0.72 THEN 0 WHEN luck < 0.90 THEN 1.2 WHEN luck < 0.975 THEN 2 WHEN luck < 0.995 THEN 11.8
               WHEN luck < 0.9999 THEN 40 ELSE 1500 END END::numeric, 2) AS payout
FROM drawn;

INSERT INTO player_activity (player_id, kind, source, external_id, occurred_at, amount, bonus_amount, bet_id,
                             game_category)
SELECT player_id, 'WAGER', 'bench', 'w' || bet, placed_at, bet_stake, CASE WHEN is_bonus THEN bet_stake ELSE 0 END,
       'b' || bet, category FROM bench_bets
UNION ALL
SELECT player_id, 'WIN', 'bench', 'p' || bet, placed_at + interval '8 seconds', payout,
       CASE WHEN is_bonus THEN payout ELSE 0 END, 'b' || bet, category FROM bench_bets WHERE payout > 0;

INSERT INTO wallet_lots (player_id, operation_id, currency_type, kind, status, amount, remaining, granted_on,
                         promotional_value, created_at, closed_at, wagering_required, wagering_completed, converted)
SELECT player_id, 0, 'BONUS', 'REWARD', CASE WHEN is_completed THEN 'COMPLETED' ELSE 'EXPIRED' END, bonus, 0,
       started_at::date, bonus, started_at - interval '1 minute',
       CASE WHEN is_completed THEN started_at + floor(bets * bonus_share) * interval '20 seconds' + interval '10 seconds'
            ELSE started_at + interval '3 days' END,
       bonus * 10, CASE WHEN is_completed THEN bonus * 10 ELSE 0 END, CASE WHEN is_completed THEN bonus / 2 ELSE 0 END
FROM bench_sessions WHERE bonus > 0;
