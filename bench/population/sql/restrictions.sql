INSERT INTO player_restrictions (player_id, kind, starts_at, ends_at, source)
SELECT t.player_id, k.kind, %(on)s::date - interval '10 days',
       CASE WHEN k.kind = 'COOL_OFF' THEN %(on)s::date + interval '20 days' END, 'bench'
FROM bench_traits t
CROSS JOIN LATERAL (
    SELECT (ARRAY['SELF_EXCLUDED', 'COOL_OFF', 'RG_HARM', 'BLOCKED', 'MARKETING_OPT_OUT'])
               [1 + floor(bench_draw(t.n, 40) / 0.004)::integer] AS kind
) k
WHERE bench_draw(t.n, 40) < 0.02
ORDER BY t.player_id COLLATE "C";
