INSERT INTO player_metrics (player_id, total_deposited, total_withdrawn, total_wagered, total_won, total_sessions,
                            total_bets, total_playtime_hours, games_played, first_deposit_at, last_deposit_at,
                            last_wager_at, totals_as_of, days_from)
SELECT t.player_id,
       d.deposited + round(d.deposited * t.past_factor, 2),
       d.withdrawn + round(d.withdrawn * t.past_factor, 2),
       d.wagered + round(d.wagered * t.past_factor, 2),
       d.won + round(d.won * t.past_factor, 2),
       d.sessions + floor(d.sessions * t.past_factor)::integer,
       d.bets + floor(d.bets * t.past_factor)::integer,
       d.playtime_hours + round(d.playtime_hours * t.past_factor, 2),
       jsonb_build_object(t.favourite_game, d.bets * 3 / 4, 'other', d.bets / 4),
       %(on)s::date - t.registered_days_ago,
       d.last_deposit_on + time '12:00',
       d.last_on + time '20:00',
       NULL,
       greatest(%(on)s::date - 89, %(on)s::date - t.registered_days_ago)
FROM bench_traits t
JOIN (
    SELECT player_id, sum(deposited) AS deposited, sum(withdrawn) AS withdrawn, sum(wagered) AS wagered, sum(won) AS won,
           sum(sessions) AS sessions, sum(bets) AS bets, sum(playtime_hours) AS playtime_hours, max("on") AS last_on,
           max("on") FILTER (WHERE deposited > 0) AS last_deposit_on
    FROM player_days WHERE player_id >= %(lower)s AND player_id < %(upper)s GROUP BY player_id
) d ON d.player_id = t.player_id COLLATE "C"
WHERE t.player_id COLLATE "C" >= %(lower)s AND t.player_id COLLATE "C" < %(upper)s
ORDER BY t.player_id COLLATE "C";
