INSERT INTO player_days (player_id, "on", deposited, withdrawn, wagered, won, bets, sessions, playtime_hours, games, lp_due)
SELECT s.player_id, s."on", s.deposited, s.withdrawn, s.wagered, s.won, s.bets, s.sessions, s.playtime_hours, NULL,
       CASE WHEN s."on" = %(on)s::date THEN round(s.wagered * 0.1, 2) ELSE 0 END
FROM (
    SELECT p.player_id, p."on", p.wagered, p.sessions,
           CASE WHEN bench_draw(p.seed, 31) < 0.35 THEN (10 * ceil(p.wagered / 20))::numeric ELSE 0 END AS deposited,
           CASE WHEN bench_draw(p.seed, 32) < 0.08 THEN round(p.wagered * 0.6, 2) ELSE 0 END AS withdrawn,
           round((p.wagered::double precision * p.payout_rate * exp(0.45 * bench_bell(p.seed, 33) - 0.10125))::numeric, 2)
               AS won,
           p.sessions * (4 + floor(30 * bench_draw(p.seed, 34))::integer) AS bets,
           round((p.sessions * (0.2 + bench_draw(p.seed, 35)))::numeric, 2) AS playtime_hours
    FROM (
        SELECT t.player_id, t.payout_rate, t.sessions_per_day AS sessions, t.n * 64 + i AS seed,
               -- One day in each of `active_days` strata of the span, counted back from the business date.
               %(on)s::date - (t.idle_days + i * t.span_days / t.active_days
                   + floor(bench_draw(t.n * 64 + i, 30)
                           * ((i + 1) * t.span_days / t.active_days - i * t.span_days / t.active_days))::integer) AS "on",
               round((t.stake_per_day * exp(0.5 * bench_bell(t.n * 64 + i, 36)))::numeric, 2) AS wagered
        FROM bench_traits t, generate_series(0, t.active_days - 1) i
        WHERE t.player_id COLLATE "C" >= %(lower)s AND t.player_id COLLATE "C" < %(upper)s
        ORDER BY t.player_id COLLATE "C"
    ) p
) s;
