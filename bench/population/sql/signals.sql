INSERT INTO abuse_signals (player_id, signal_type, severity, description, detected_at)
SELECT t.player_id,
       (ARRAY['BONUS_ONLY_PLAY', 'SHARED_DEVICE', 'MINIMUM_BETS', 'WITHDRAWAL_AFTER_BONUS'])
           [1 + floor(4 * bench_draw(t.n * 8 + i, 51))::integer],
       1 + floor(9 * bench_draw(t.n * 8 + i, 52))::integer,
       'Made by the bench',
       %(on)s::date - floor(80 * bench_draw(t.n * 8 + i, 53)) * interval '1 day'
FROM bench_traits t, generate_series(1, 1 + floor(4 * bench_draw(t.n, 54))::integer) i
WHERE bench_draw(t.n, 50) < 0.01
ORDER BY t.player_id COLLATE "C";
