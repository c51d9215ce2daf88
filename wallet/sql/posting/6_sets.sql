-- One statement judges, numbers, prices and hashes the postings of locked accounts and writes all that follows from them.
-- Each of its joins is a lookup by key, so one plan serves one posting and ten thousand. Rows to update are joined by
-- their place (ctid), which the owner's lock keeps still: a join by key could also be read the other way round, and a
-- plan made while the table was empty would scan all postings for each of its rows.
CREATE FUNCTION @{prefix}_write(
    postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar, posted_run bigint
) RETURNS SETOF @{prefix}_posted
LANGUAGE plpgsql AS
$$
BEGIN
    RETURN QUERY
    WITH posting AS (
        SELECT p.ordinality::integer AS ordinal, p.* FROM unnest(postings) WITH ORDINALITY p
    ),
    judged AS (
        SELECT p.*,
               o.id AS earlier_id,
               CASE
                   WHEN o.id IS NOT NULL AND o.input_hash = p.input_hash THEN 'REPLAYED'
                   WHEN o.id IS NOT NULL THEN 'KEY_REUSED'
                   @{restriction_case}
                   WHEN p.lot_id IS NOT NULL AND l.id IS NULL THEN 'LOT_UNKNOWN'
                   WHEN p.amount > 0 AND l.status NOT IN ('PENDING', 'ACTIVE') THEN 'LOT_ENDED'
                   WHEN p.amount < 0 AND p.purpose IN (@{spending}) AND l.status <> 'ACTIVE' THEN 'LOT_NOT_ACTIVE'
                   WHEN p.amount < 0 AND p.purpose IN (@{spending}) AND l.expires_at <= posted_at THEN 'LOT_EXPIRED'
                   -- What an earlier call with the same key took is gone from the lots already.
                   WHEN p.amount < 0 AND coalesce(l.remaining, s.spendable, 0)
                        + sum(p.amount) FILTER (WHERE p.amount < 0 AND o.id IS NULL) OVER source < 0
                       THEN CASE WHEN p.lot_id IS NULL THEN 'BALANCE_SHORT' ELSE 'LOT_SHORT' END
               END AS verdict,
               @{restriction_mark} AS restriction,
               coalesce(l.remaining, s.spendable) AS available,
               l.status AS named_status,
               l.expires_at AS named_expires_at,
               l.row_id AS lot_row_id
        FROM posting p
        -- LIMIT 1 keeps each of these a lookup by key, whatever the planner once believed of an empty table.
        LEFT JOIN LATERAL (
            SELECT f.id, f.input_hash FROM @{prefix}_operations f WHERE f.key = p.operation_key LIMIT 1
        ) o ON true
        @{restriction_join}
        LEFT JOIN LATERAL (
            SELECT n.id, n.remaining, n.status, n.expires_at, n.ctid AS row_id FROM @{prefix}_lots n
            WHERE n.id = p.lot_id AND n.@{account} = p.account_key
              AND n.currency_type = p.currency_type LIMIT 1
        ) l ON true
        LEFT JOIN LATERAL (
            SELECT sum(w.remaining) AS spendable FROM @{prefix}_lots w
            WHERE p.amount < 0 AND p.lot_id IS NULL AND w.@{account} = p.account_key AND w.currency_type = p.currency_type
              AND w.remaining > 0 AND w.status = 'ACTIVE'
              AND (w.expires_at IS NULL OR w.expires_at > posted_at)
        ) s ON true
        WINDOW source AS (PARTITION BY p.account_key, p.currency_type, p.lot_id ORDER BY p.ordinal)
    ),
    decided AS MATERIALIZED (
        -- The postings of one operation share its fate.
        SELECT j.*,
               CASE
                   WHEN bool_or(j.verdict = 'REPLAYED') OVER operation THEN 'REPLAYED'
                   WHEN bool_or(j.verdict IS NOT NULL) OVER operation THEN 'REFUSED'
                   ELSE 'POSTED'
               END AS outcome,
               min(j.fresh_operation_id) OVER operation AS operation_id
        FROM (SELECT *, nextval('@{operation_sequence}') AS fresh_operation_id FROM judged) j
        WINDOW operation AS (PARTITION BY j.account_key, j.operation_key)
    ),
    prepared AS (
        SELECT d.*,
               CASE WHEN d.restriction IS NULL THEN coalesce(d.metadata, '{}')
                    ELSE coalesce(d.metadata, '{}') || jsonb_build_object('restricted', d.restriction) END AS marked_metadata,
               nextval('@{entry_sequence}') AS entry_id,
               CASE WHEN h.is_open THEN h.id END AS shared_lot_id,
               h.row_id AS shared_lot_row_id,
               CASE WHEN d.amount > 0 AND d.lot_id IS NULL AND h.is_open IS NOT TRUE
                    THEN nextval('@{lot_sequence}') END AS fresh_lot_id,
               -- Of those that take turns, the first may start where none before it is still open.
               CASE WHEN d.awaits IS NOT NULL OR d.available_at > posted_at OR (d.takes_turn AND (
                        t.is_taken OR count(*) FILTER (WHERE d.takes_turn AND d.awaits IS NULL
                            AND coalesce(d.available_at <= posted_at, true)) OVER account > 1))
                    THEN 'PENDING' ELSE 'ACTIVE' END AS lot_status,
               -- A lot that has ended keeps its share key; what comes later is a lot without one.
               CASE WHEN h.is_open IS NOT FALSE THEN d.share_key END AS lot_share_key,
               b.row_id,
               b.head_hash,
               greatest(posted_at, b.head_at) AS created_at,
               b.head_number + row_number() OVER account AS number,
               (CASE d.currency_type @{balance_cases} END)
                   + sum(d.amount) OVER currency - d.amount AS balance_before
        FROM decided d
        CROSS JOIN LATERAL (
            SELECT c.*, c.ctid AS row_id FROM @{balance_table} c WHERE c.@{account} = d.account_key LIMIT 1
        ) b
        LEFT JOIN LATERAL (
            SELECT s.id, s.ctid AS row_id, s.status IN ('PENDING', 'ACTIVE') AS is_open FROM @{prefix}_lots s
            WHERE d.lot_id IS NULL AND s.@{account} = d.account_key AND s.currency_type = d.currency_type
              AND s.share_key = d.share_key LIMIT 1
        ) h ON true
        LEFT JOIN LATERAL (
            SELECT true AS is_taken FROM @{prefix}_lots q
            WHERE d.takes_turn AND q.@{account} = d.account_key AND q.currency_type = 'BONUS'
              AND q.status IN ('PENDING', 'ACTIVE') AND q.takes_turn AND q.awaits IS NULL
              AND coalesce(q.available_at <= posted_at, true) AND coalesce(q.expires_at > posted_at, true) LIMIT 1
        ) t ON true
        WHERE d.outcome = 'POSTED'
        WINDOW account AS (PARTITION BY d.account_key ORDER BY d.ordinal),
               currency AS (PARTITION BY d.account_key, d.currency_type ORDER BY d.ordinal)
    ),
    written AS MATERIALIZED (
        SELECT p.*,
               p.balance_before + p.amount AS balance_after,
               p.amount > 0 AND p.lot_id IS NULL AND p.shared_lot_id IS NULL AS is_new_lot,
               CASE WHEN p.fresh_lot_id IS NOT NULL AND p.lot_status = 'ACTIVE' AND p.active_hours IS NOT NULL
                    THEN posted_at + make_interval(hours => p.active_hours) ELSE p.expires_at END AS lot_expires_at,
               CASE WHEN p.amount < 0 OR p.lot_id IS NOT NULL THEN p.lot_id
                    WHEN p.shared_lot_id IS NOT NULL THEN p.shared_lot_id
                    WHEN p.share_key IS NULL THEN p.fresh_lot_id
                    ELSE min(p.fresh_lot_id) OVER (PARTITION BY p.account_key, p.currency_type, p.share_key)
               END AS touched_lot_id,
               @{prefix}_chain(p.head_hash, @{prefix}_canonical(
                   p.account_key, p.number, p.operation_id, p.transaction_type, p.currency_type, p.amount,
                   p.balance_before, p.balance_before + p.amount, p.created_at, p.description, p.reference_id,
                   posted_by, p.marked_metadata)
               ) OVER (PARTITION BY p.account_key ORDER BY p.ordinal) AS hash
        FROM prepared p
    ),
    -- Every debit is paired with the lots that pay it: the named lot, else earliest expiry first.
    debit AS (
        SELECT w.entry_id, w.account_key, w.currency_type, -w.amount AS amount,
               sum(-w.amount) OVER (PARTITION BY w.account_key, w.currency_type ORDER BY w.ordinal) AS need_to
        FROM written w WHERE w.amount < 0 AND w.lot_id IS NULL
    ),
    take AS MATERIALIZED (
        SELECT w.entry_id, w.lot_id, w.lot_row_id, w.amount, w.lot_status_after AS status_after, w.end_reason,
               -coalesce(w.promotional_value, 0) AS promotional_value, -coalesce(w.expected_cost, 0) AS expected_cost,
               CASE w.transaction_type WHEN 'BONUS_CONVERTED' THEN -w.amount ELSE 0 END AS converted
        FROM written w WHERE w.amount < 0 AND w.lot_id IS NOT NULL
        UNION ALL
        SELECT d.entry_id, c.id, c.row_id,
               -(least(c.covered, d.need_to) - greatest(c.covered - c.remaining, d.need_to - d.amount)), NULL, NULL, 0, 0, 0
        FROM debit d
        CROSS JOIN LATERAL (
            SELECT l.id, l.ctid AS row_id, l.remaining,
                   sum(l.remaining) OVER (ORDER BY l.expires_at NULLS LAST, l.id) AS covered
            FROM @{prefix}_lots l
            WHERE l.@{account} = d.account_key AND l.currency_type = d.currency_type AND l.remaining > 0
              AND l.status = 'ACTIVE' AND (l.expires_at IS NULL OR l.expires_at > posted_at)
        ) c
        WHERE c.covered > d.need_to - d.amount AND c.covered - c.remaining < d.need_to
    ),
    -- Refused operations leave evidence and nothing else.
    unposted AS MATERIALIZED (
        SELECT d.*, nullif(d.verdict, 'REPLAYED')::varchar AS reason,
               jsonb_strip_nulls(jsonb_build_object(
                   'restriction', d.restriction, 'available', d.available, 'amount', d.amount,
                   'lot_status', CASE d.verdict WHEN 'LOT_NOT_ACTIVE' THEN d.named_status WHEN 'LOT_ENDED' THEN d.named_status END,
                   'expired_at', CASE d.verdict WHEN 'LOT_EXPIRED' THEN d.named_expires_at END)) AS details
        FROM decided d WHERE d.outcome <> 'POSTED'
    ),
    refusals AS (
        INSERT INTO @{prefix}_refusals
            (@{account}, operation_key, purpose, currency_type, amount, reason, details, actor, run_id, refused_at)
        SELECT u.account_key, u.operation_key, u.purpose, u.currency_type, u.amount, u.reason, u.details, posted_by,
               posted_run, posted_at
        FROM unposted u WHERE u.outcome = 'REFUSED' AND u.reason IS NOT NULL
    ),
    operations AS (
        INSERT INTO @{prefix}_operations (id, key, kind, @{account}, input_hash, reverses_id, actor, run_id, created_at)
        SELECT DISTINCT ON (w.operation_id)
               w.operation_id, w.operation_key, w.operation_kind, w.account_key, w.input_hash, w.reverses_id, posted_by,
               posted_run, w.created_at
        FROM written w ORDER BY w.operation_id, w.ordinal
    ),
    entries AS (
        INSERT INTO @{entry_table}
            (id, @{account}, number, operation_id, transaction_type, currency_type, amount, balance_before, balance_after,
             description, reference_id, actor, metadata, hash, created_at)
        SELECT w.entry_id, w.account_key, w.number, w.operation_id, w.transaction_type, w.currency_type, w.amount,
               w.balance_before, w.balance_after, coalesce(w.description, ''), coalesce(w.reference_id, ''), posted_by,
               w.marked_metadata, w.hash, w.created_at
        FROM written w
    ),
    -- Several postings may share one new lot; its terms are those of the first.
    new_lots AS (
        INSERT INTO @{prefix}_lots
            (id, @{account}, operation_id, currency_type, kind, status, share_key, amount, remaining, granted_on,
             promotional_value, expected_cost, created_at, available_at, awaits, takes_turn, active_hours, expires_at,
             wagering_required, wagering_basis, max_bet, max_conversion, eligible_games, rule_number, decision_id,
             run_id)
        SELECT DISTINCT ON (w.touched_lot_id)
               w.touched_lot_id, w.account_key, w.operation_id, w.currency_type, w.lot_kind, w.lot_status,
               w.lot_share_key, sum(w.amount) OVER lot, sum(w.amount) OVER lot, w.granted_on,
               sum(coalesce(w.promotional_value, 0)) OVER lot, sum(coalesce(w.expected_cost, 0)) OVER lot,
               w.created_at, w.available_at, w.awaits, coalesce(w.takes_turn, false), w.active_hours, w.lot_expires_at,
               sum(coalesce(w.wagering_required, 0)) OVER lot, coalesce(w.wagering_basis, 'BONUS'), w.max_bet,
               w.max_conversion, w.eligible_games, w.rule_number, w.decision_id, posted_run
        FROM written w WHERE w.is_new_lot
        WINDOW lot AS (PARTITION BY w.touched_lot_id)
        ORDER BY w.touched_lot_id, w.ordinal
    ),
    changed_lots AS (
        UPDATE @{prefix}_lots l
        SET amount = l.amount + t.credited,
            remaining = l.remaining + t.moved,
            promotional_value = l.promotional_value + t.promotional_value,
            expected_cost = l.expected_cost + t.expected_cost,
            wagering_required = l.wagering_required + t.wagering_required,
            converted = l.converted + t.converted,
            status = coalesce(t.status_after, l.status),
            end_reason = CASE WHEN t.status_after IS NULL THEN l.end_reason ELSE coalesce(t.end_reason, '') END,
            ended_by = CASE WHEN t.status_after IS NULL THEN l.ended_by ELSE posted_by END,
            closed_at = CASE WHEN l.remaining + t.moved = 0 THEN posted_at END
        FROM (
            SELECT m.row_id, sum(m.amount) AS moved, sum(greatest(m.amount, 0)) AS credited,
                   max(m.status_after) AS status_after, max(m.end_reason) AS end_reason,
                   sum(m.promotional_value) AS promotional_value, sum(m.expected_cost) AS expected_cost,
                   sum(m.wagering_required) AS wagering_required, sum(m.converted) AS converted
            FROM (
                SELECT coalesce(w.shared_lot_row_id, w.lot_row_id) AS row_id, w.amount, NULL::varchar AS status_after,
                       NULL::varchar AS end_reason, coalesce(w.promotional_value, 0) AS promotional_value, coalesce(w.expected_cost, 0) AS expected_cost,
                       coalesce(w.wagering_required, 0) AS wagering_required, 0 AS converted
                FROM written w WHERE w.amount > 0 AND NOT w.is_new_lot
                  AND (w.shared_lot_id IS NOT NULL OR w.lot_id IS NOT NULL)
                UNION ALL
                SELECT k.lot_row_id, k.amount, k.status_after, k.end_reason, k.promotional_value, k.expected_cost, 0, k.converted
                FROM take k
            ) m GROUP BY m.row_id
        ) t
        WHERE l.ctid = t.row_id
    ),
    movements AS (
        INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount)
        SELECT w.entry_id, w.touched_lot_id, w.amount FROM written w WHERE w.amount > 0
        UNION ALL
        SELECT k.entry_id, k.lot_id, k.amount FROM take k
    ),
    balances AS (
        UPDATE @{balance_table} b
        SET @{balance_sets},
            @{derived_sets}
            head_number = s.head_number,
            head_hash = s.head_hash,
            head_at = s.head_at,
            updated_at = posted_at
        FROM (
            SELECT t.row_id, @{balance_sums}, @{derived_sums}
                   max(t.number) AS head_number, (array_agg(t.hash ORDER BY t.number DESC))[1] AS head_hash,
                   max(t.created_at) AS head_at
            FROM (SELECT w.*@{derived_columns} FROM written w) t GROUP BY t.row_id
        ) s
        WHERE b.ctid = s.row_id
    )
    SELECT w.ordinal, w.account_key, w.currency_type, w.amount, w.rule_number, w.decision_id, w.reference_id,
           w.wagering_required, w.lot_expires_at, 'POSTED'::varchar, NULL::varchar, NULL::jsonb, w.operation_id, w.entry_id,
           w.touched_lot_id, w.balance_before, w.balance_after
    FROM written w
    UNION ALL
    SELECT u.ordinal, u.account_key, u.currency_type, u.amount, u.rule_number, u.decision_id, u.reference_id,
           u.wagering_required, u.expires_at, u.outcome::varchar, u.reason, CASE u.outcome WHEN 'REFUSED' THEN u.details END,
           u.earlier_id, NULL, NULL, NULL, NULL
    FROM unposted u;
END
$$;
