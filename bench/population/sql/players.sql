INSERT INTO players (player_id, email, name, source, country, language, gender, age, kyc_completed_at, profile_depth,
                     tags, registered_on, created_at, last_activity_at)
SELECT t.player_id,
       CASE WHEN t.n %% 10 < 7 THEN 'player' || t.n || '@example.com' END,
       'Player ' || t.n,
       'FEED',
       (ARRAY['Germany', 'Austria', 'Spain', 'Italy', 'Greece', 'Sweden', 'Poland', 'Turkey', 'Denmark', 'India'])
           [1 + floor(10 * power(bench_draw(t.n, 20), 1.6))::integer],
       (ARRAY['German', 'German', 'Spanish', 'Italian', 'English', 'English', 'Polish', 'Turkish', 'English', 'English'])
           [1 + floor(10 * power(bench_draw(t.n, 20), 1.6))::integer],
       CASE WHEN bench_draw(t.n, 21) < 0.8 THEN 'Male' ELSE 'Female' END,
       18 + floor(50 * power(bench_draw(t.n, 22), 1.5))::integer,
       CASE WHEN bench_draw(t.n, 23) < 0.7 THEN %(on)s::date - t.registered_days_ago + interval '3 days' END,
       20 + 10 * floor(9 * bench_draw(t.n, 24))::integer,
       CASE WHEN bench_draw(t.n, 25) < 0.08 THEN ARRAY['newsletter', 'affiliate']
            WHEN bench_draw(t.n, 25) < 0.30 THEN ARRAY['newsletter']
            WHEN bench_draw(t.n, 25) < 0.36 THEN ARRAY['vip-host'] ELSE ARRAY[]::text[] END,
       %(on)s::date - t.registered_days_ago,
       %(on)s::date - t.registered_days_ago,
       %(on)s::date + time '20:00' - (t.idle_days + floor(bench_draw(t.n * 64, 30) * (t.span_days / t.active_days)))
           * interval '1 day'
FROM bench_traits t
WHERE t.player_id COLLATE "C" >= %(lower)s AND t.player_id COLLATE "C" < %(upper)s
ORDER BY t.player_id COLLATE "C";
