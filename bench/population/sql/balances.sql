-- What players already hold, credited by the posting core itself, so that the ledger proves out.
SELECT count(*) FROM wallet_post(
    ARRAY(
        SELECT @posting
        FROM bench_traits t
        JOIN player_metrics m ON m.player_id = t.player_id COLLATE "C"
        CROSS JOIN LATERAL (
            SELECT 'OPENING' AS kind, 'OPENING' AS purpose, 'OPENING' AS transaction_type, 'LP' AS currency,
                   round(m.total_wagered * 0.1, 2) AS amount, 0 AS value, 'OPENING' AS lot_kind,
                   NULL::timestamptz AS expires_at, 0 AS wagering, NULL::numeric AS max_bet
            WHERE bench_draw(t.n, 60) < 0.75
            UNION ALL
            SELECT 'MANUAL', 'PROMOTION', 'BONUS_ISSUED', 'BONUS', b.amount, b.amount, 'MANUAL',
                   %(on)s::date + interval '20 days', b.amount * 10, 5
            FROM (SELECT (5 + floor(25 * bench_draw(t.n, 62)))::numeric AS amount) b
            WHERE bench_draw(t.n, 61) < 0.10
            UNION ALL
            SELECT 'POINTS', 'PROMOTION', 'REWARD', 'RP', (50 + floor(500 * bench_draw(t.n, 64)))::numeric, 1, 'MANUAL',
                   %(on)s::date + interval '200 days', 0, NULL
            WHERE bench_draw(t.n, 63) < 0.12
        ) c
        WHERE t.player_id COLLATE "C" >= %(lower)s AND t.player_id COLLATE "C" < %(upper)s
        ORDER BY t.player_id COLLATE "C"
    ),
    now(), 'bench', NULL
);
