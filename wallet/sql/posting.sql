-- The posting core: the only writer of operations, lots, movements, entries and balances.
--
-- Rendered by wallet.ledger_shape for a ledger's tables, so that another programme can stand on the same core.
-- One call posts one operation or a set of them. The lock is a statement of its own; every check runs in a later
-- statement and so sees what the transaction that held the lock before has written (READ COMMITTED).

CREATE TYPE @{prefix}_posting AS (
    operation_key varchar,
    operation_kind varchar,
    input_hash bytea,
    account_key @{account_type},
    purpose varchar,
    transaction_type varchar,
    currency_type varchar,
    amount numeric,
    lot_id bigint,
    lot_status_after varchar,
    lot_kind varchar,
    share_key varchar,
    granted_on date,
    promotional_value numeric,
    expected_cost numeric,
    available_at timestamptz,
    expires_at timestamptz,
    wagering_required numeric,
    max_bet numeric,
    max_conversion numeric,
    eligible_games jsonb,
    rule_number integer,
    decision_id bigint,
    description varchar,
    reference_id varchar,
    metadata jsonb
);

CREATE TYPE @{prefix}_planned AS (
    ordinal integer,
    posting @{prefix}_posting,
    outcome varchar,
    reason varchar,
    details jsonb,
    operation_id bigint,
    entry_id bigint,
    lot_id bigint,
    is_new_lot boolean,
    number bigint,
    balance_before numeric,
    balance_after numeric,
    created_at timestamptz,
    hash bytea
);

CREATE TYPE @{prefix}_take AS (entry_id bigint, lot_id bigint, amount numeric, status_after varchar);

CREATE FUNCTION @{prefix}_chain_step(state bytea, head bytea, canonical text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$ BEGIN RETURN sha256(coalesce(state, head, ''::bytea) || convert_to(canonical, 'UTF8')); END $$;

CREATE AGGREGATE @{prefix}_chain(head bytea, canonical text) (
    SFUNC = @{prefix}_chain_step, STYPE = bytea, PARALLEL = SAFE
);

-- The exact text an entry's hash covers: fixed order, fixed scale, free text quoted, microseconds since 1970 in UTC.
-- Made of immutable parts only, so that the planner inlines it.
CREATE FUNCTION @{prefix}_canonical(
    account_key @{account_type}, number bigint, operation_id bigint, transaction_type varchar, currency_type varchar,
    amount numeric, balance_before numeric, balance_after numeric, created_at timestamptz,
    description varchar, reference_id varchar, actor varchar, metadata jsonb
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT quote_literal(account_key::text) || '|' || number || '|' || operation_id || '|' || transaction_type || '|'
    || currency_type || '|' || amount::numeric(18, 2) || '|' || balance_before::numeric(18, 2) || '|'
    || balance_after::numeric(18, 2) || '|'
    || (extract(epoch FROM created_at AT TIME ZONE 'UTC') * 1000000)::bigint || '|'
    || quote_literal(coalesce(description, '')) || '|' || quote_literal(coalesce(reference_id, '')) || '|'
    || quote_literal(coalesce(actor, '')) || '|' || coalesce(metadata, '{}') $$;

CREATE FUNCTION @{prefix}_post(
    postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar DEFAULT '', posted_run bigint DEFAULT NULL
) RETURNS SETOF @{prefix}_planned
LANGUAGE plpgsql @{planner} AS
$$
DECLARE
    account_keys @{account_type}[];
    planned @{prefix}_planned[];
    takes @{prefix}_take[];
    missing @{account_type};
    malformed bigint;
BEGIN
    -- One operation uses cached plans. A set is planned anew: a plan made while a table was small would read it whole
    -- for every posting, and planning costs nothing beside a set. Holds until this function returns.
    IF cardinality(postings) > 50 THEN
        PERFORM set_config('plan_cache_mode', 'force_custom_plan', true);
    END IF;
    -- A column of two decimals takes NaN and rounds the rest in silence; a purpose nobody knows passes every restriction.
    SELECT array_agg(DISTINCT p.account_key ORDER BY p.account_key),
           count(*) FILTER (WHERE p.amount IS NULL OR p.amount IN (0, 'NaN') OR p.amount <> round(p.amount, 2)
                                  OR coalesce(p.purpose NOT IN (@{purposes}), true))
    INTO account_keys, malformed FROM unnest(postings) p;
    IF account_keys IS NULL THEN
        RETURN;
    END IF;
    IF malformed > 0 THEN
        RAISE EXCEPTION '% postings without a known purpose or an amount of cents other than 0', malformed
            USING ERRCODE = 'check_violation';
    END IF;

    -- Lock, then look: owners in key order, so that two sets cannot wait for each other.
    PERFORM 1 FROM @{owner_table} o WHERE o.@{owner_key} = ANY (account_keys) ORDER BY o.@{owner_key} FOR NO KEY UPDATE;

    SELECT k INTO missing FROM unnest(account_keys) k
    WHERE (SELECT true FROM @{owner_table} o WHERE o.@{owner_key} = k) IS NULL LIMIT 1;
    IF missing IS NOT NULL THEN
        RAISE EXCEPTION 'unknown account %', missing USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO @{balance_table} (@{account})
    SELECT k FROM unnest(account_keys) k
    WHERE (SELECT true FROM @{balance_table} b WHERE b.@{account} = k) IS NULL;

    planned := @{prefix}_plan(postings, posted_at, posted_by);

    -- Refused operations leave evidence and nothing else.
    INSERT INTO @{prefix}_refusals
        (@{account}, operation_key, purpose, currency_type, amount, reason, details, actor, run_id, refused_at)
    SELECT (n.posting).account_key, (n.posting).operation_key, (n.posting).purpose, (n.posting).currency_type,
           (n.posting).amount, n.reason, n.details, posted_by, posted_run, posted_at
    FROM unnest(planned) n WHERE n.outcome = 'REFUSED' AND n.reason IS NOT NULL;

    INSERT INTO @{prefix}_operations (id, key, kind, @{account}, input_hash, actor, run_id, created_at)
    SELECT DISTINCT ON (n.operation_id)
           n.operation_id, (n.posting).operation_key, (n.posting).operation_kind, (n.posting).account_key,
           (n.posting).input_hash, posted_by, posted_run, n.created_at
    FROM unnest(planned) n WHERE n.outcome = 'POSTED' ORDER BY n.operation_id, n.ordinal;

    INSERT INTO @{entry_table}
        (id, @{account}, number, operation_id, transaction_type, currency_type, amount, balance_before, balance_after,
         description, reference_id, actor, metadata, hash, created_at)
    SELECT n.entry_id, (n.posting).account_key, n.number, n.operation_id, (n.posting).transaction_type,
           (n.posting).currency_type, (n.posting).amount, n.balance_before, n.balance_after,
           coalesce((n.posting).description, ''), coalesce((n.posting).reference_id, ''), posted_by,
           coalesce((n.posting).metadata, '{}'), n.hash, n.created_at
    FROM unnest(planned) n WHERE n.outcome = 'POSTED';

    takes := @{prefix}_take_lots(planned, posted_at);

    -- Several postings may share one new lot; its terms are those of the first.
    INSERT INTO @{prefix}_lots
        (id, @{account}, operation_id, currency_type, kind, status, share_key, amount, remaining, granted_on,
         promotional_value, expected_cost, created_at, available_at, expires_at, wagering_required, max_bet,
         max_conversion, eligible_games, rule_number, decision_id, run_id)
    SELECT DISTINCT ON (n.lot_id)
           n.lot_id, (n.posting).account_key, n.operation_id, (n.posting).currency_type, (n.posting).lot_kind,
           CASE WHEN (n.posting).available_at > posted_at THEN 'PENDING' ELSE 'ACTIVE' END,
           (n.posting).share_key, sum((n.posting).amount) OVER lot, sum((n.posting).amount) OVER lot,
           (n.posting).granted_on,
           sum(coalesce((n.posting).promotional_value, 0)) OVER lot, sum(coalesce((n.posting).expected_cost, 0)) OVER lot,
           n.created_at, (n.posting).available_at, (n.posting).expires_at,
           sum(coalesce((n.posting).wagering_required, 0)) OVER lot, (n.posting).max_bet, (n.posting).max_conversion,
           (n.posting).eligible_games, (n.posting).rule_number, (n.posting).decision_id, posted_run
    FROM unnest(planned) n WHERE n.outcome = 'POSTED' AND n.is_new_lot
    WINDOW lot AS (PARTITION BY n.lot_id)
    ORDER BY n.lot_id, n.ordinal;

    UPDATE @{prefix}_lots l
    SET amount = l.amount + t.credited,
        remaining = l.remaining + t.moved,
        promotional_value = l.promotional_value + t.promotional_value,
        expected_cost = l.expected_cost + t.expected_cost,
        wagering_required = l.wagering_required + t.wagering_required,
        status = coalesce(t.status_after, l.status),
        closed_at = CASE WHEN l.remaining + t.moved = 0 THEN posted_at END
    FROM (
        SELECT m.lot_id, sum(m.amount) AS moved, sum(greatest(m.amount, 0)) AS credited, max(m.status_after) AS status_after,
               sum(m.promotional_value) AS promotional_value, sum(m.expected_cost) AS expected_cost,
               sum(m.wagering_required) AS wagering_required
        FROM (
            SELECT n.lot_id, (n.posting).amount, NULL::varchar AS status_after,
                   coalesce((n.posting).promotional_value, 0) AS promotional_value,
                   coalesce((n.posting).expected_cost, 0) AS expected_cost,
                   coalesce((n.posting).wagering_required, 0) AS wagering_required
            FROM unnest(planned) n
            WHERE n.outcome = 'POSTED' AND (n.posting).amount > 0 AND NOT n.is_new_lot
            UNION ALL
            SELECT k.lot_id, k.amount, k.status_after, 0, 0, 0 FROM unnest(takes) k
        ) m GROUP BY m.lot_id
    ) t
    WHERE l.id = t.lot_id;

    INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount)
    SELECT n.entry_id, n.lot_id, (n.posting).amount FROM unnest(planned) n
    WHERE n.outcome = 'POSTED' AND (n.posting).amount > 0
    UNION ALL
    SELECT k.entry_id, k.lot_id, k.amount FROM unnest(takes) k;

    PERFORM @{prefix}_write_balances(planned, posted_at);

    RETURN QUERY SELECT (n).* FROM unnest(planned) n;
END
$$;

-- Decide the outcome of every posting and number, price and hash those that will be posted.
CREATE FUNCTION @{prefix}_plan(postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar)
RETURNS @{prefix}_planned[]
LANGUAGE plpgsql AS
$$
DECLARE
    planned @{prefix}_planned[];
BEGIN
    WITH posting AS MATERIALIZED (
        SELECT p.ordinality::integer AS ordinal, p.* FROM unnest(postings) WITH ORDINALITY p
    ),
    judged AS MATERIALIZED (
        SELECT p.*,
               o.id AS earlier_id,
               CASE
                   WHEN o.id IS NOT NULL AND o.input_hash = p.input_hash THEN 'REPLAYED'
                   WHEN o.id IS NOT NULL THEN 'KEY_REUSED'
                   @{restriction_case}
                   WHEN p.amount < 0 AND p.lot_id IS NOT NULL AND l.id IS NULL THEN 'LOT_UNKNOWN'
                   -- What an earlier call with the same key took is gone from the lots already.
                   WHEN p.amount < 0 AND coalesce(l.remaining, s.spendable, 0)
                        + sum(p.amount) FILTER (WHERE p.amount < 0 AND o.id IS NULL) OVER source < 0
                       THEN CASE WHEN p.lot_id IS NULL THEN 'BALANCE_SHORT' ELSE 'LOT_SHORT' END
               END AS verdict,
               @{restriction_mark} AS restriction,
               coalesce(l.remaining, s.spendable) AS available
        FROM posting p
        -- LIMIT 1 keeps each of these a lookup by key, whatever the planner once believed of an empty table.
        LEFT JOIN LATERAL (
            SELECT f.id, f.input_hash FROM @{prefix}_operations f WHERE f.key = p.operation_key LIMIT 1
        ) o ON true
        @{restriction_join}
        LEFT JOIN LATERAL (
            SELECT n.id, n.remaining FROM @{prefix}_lots n
            WHERE p.amount < 0 AND n.id = p.lot_id AND n.@{account} = p.account_key
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
        WINDOW operation AS (PARTITION BY j.operation_key)
    ),
    prepared AS MATERIALIZED (
        SELECT d.*,
               CASE WHEN d.restriction IS NULL THEN coalesce(d.metadata, '{}')
                    ELSE coalesce(d.metadata, '{}') || jsonb_build_object('restricted', d.restriction) END AS marked_metadata,
               nextval('@{entry_sequence}') AS fresh_entry_id,
               CASE WHEN h.is_open THEN h.id END AS shared_lot_id,
               CASE WHEN d.amount > 0 AND h.is_open IS NOT TRUE THEN nextval('@{lot_sequence}') END AS fresh_lot_id,
               -- A lot that has ended keeps its share key; what comes later is a lot without one.
               CASE WHEN h.is_open IS NOT FALSE THEN d.share_key END AS lot_share_key,
               b.head_hash,
               greatest(posted_at, b.head_at) AS created_at,
               b.head_number + row_number() OVER account AS number,
               (CASE d.currency_type @{balance_cases} END)
                   + sum(d.amount) OVER currency - d.amount AS balance_before
        FROM decided d
        CROSS JOIN LATERAL (SELECT c.* FROM @{balance_table} c WHERE c.@{account} = d.account_key LIMIT 1) b
        LEFT JOIN LATERAL (
            SELECT s.id, s.status IN ('PENDING', 'ACTIVE') AS is_open FROM @{prefix}_lots s
            WHERE s.@{account} = d.account_key AND s.currency_type = d.currency_type AND s.share_key = d.share_key LIMIT 1
        ) h ON true
        WHERE d.outcome = 'POSTED'
        WINDOW account AS (PARTITION BY d.account_key ORDER BY d.ordinal),
               currency AS (PARTITION BY d.account_key, d.currency_type ORDER BY d.ordinal)
    ),
    numbered AS (
        SELECT p.*,
               @{prefix}_chain(p.head_hash, @{prefix}_canonical(
                   p.account_key, p.number, p.operation_id, p.transaction_type, p.currency_type, p.amount,
                   p.balance_before, p.balance_before + p.amount, p.created_at, p.description, p.reference_id,
                   posted_by, p.marked_metadata)
               ) OVER (PARTITION BY p.account_key ORDER BY p.ordinal) AS hash,
               CASE WHEN p.share_key IS NULL THEN p.fresh_lot_id
                    ELSE min(p.fresh_lot_id) OVER (PARTITION BY p.account_key, p.currency_type, p.share_key) END AS new_lot_id
        FROM prepared p
    )
    SELECT array_agg(x.planned ORDER BY (x.planned).ordinal) INTO planned
    FROM (
        SELECT ROW(
            n.ordinal,
            ROW(n.operation_key, n.operation_kind, n.input_hash, n.account_key, n.purpose, n.transaction_type,
                n.currency_type, n.amount, n.lot_id, n.lot_status_after, n.lot_kind, n.lot_share_key, n.granted_on,
                n.promotional_value, n.expected_cost, n.available_at, n.expires_at, n.wagering_required, n.max_bet,
                n.max_conversion, n.eligible_games, n.rule_number, n.decision_id, n.description, n.reference_id,
                n.marked_metadata)::@{prefix}_posting,
            'POSTED', NULL, NULL, n.operation_id, n.fresh_entry_id,
            CASE WHEN n.amount > 0 THEN coalesce(n.shared_lot_id, n.new_lot_id) ELSE n.lot_id END,
            n.amount > 0 AND n.shared_lot_id IS NULL, n.number, n.balance_before, n.balance_before + n.amount,
            n.created_at, n.hash
        )::@{prefix}_planned AS planned
        FROM numbered n
        UNION ALL
        SELECT ROW(
            d.ordinal,
            ROW(d.operation_key, d.operation_kind, d.input_hash, d.account_key, d.purpose, d.transaction_type,
                d.currency_type, d.amount, d.lot_id, d.lot_status_after, d.lot_kind, d.share_key, d.granted_on,
                d.promotional_value, d.expected_cost, d.available_at, d.expires_at, d.wagering_required, d.max_bet,
                d.max_conversion, d.eligible_games, d.rule_number, d.decision_id, d.description, d.reference_id,
                d.metadata)::@{prefix}_posting,
            d.outcome, nullif(d.verdict, 'REPLAYED'),
            jsonb_strip_nulls(jsonb_build_object(
                'restriction', d.restriction, 'available', d.available, 'amount', d.amount)),
            d.earlier_id, NULL, NULL, false, NULL, NULL, NULL, NULL, NULL
        )::@{prefix}_planned
        FROM decided d WHERE d.outcome <> 'POSTED'
    ) x;
    RETURN planned;
END
$$;

-- Pair every debit with the lots that pay it: the named lot, else earliest expiry first.
CREATE FUNCTION @{prefix}_take_lots(planned @{prefix}_planned[], posted_at timestamptz) RETURNS @{prefix}_take[]
LANGUAGE plpgsql AS
$$
DECLARE
    takes @{prefix}_take[];
BEGIN
    IF NOT EXISTS (SELECT 1 FROM unnest(planned) n WHERE n.outcome = 'POSTED' AND (n.posting).amount < 0) THEN
        RETURN takes;
    END IF;
    WITH debit AS MATERIALIZED (
        SELECT n.entry_id, (n.posting).account_key, (n.posting).currency_type, -(n.posting).amount AS amount,
               (n.posting).lot_id, (n.posting).lot_status_after,
               sum(-(n.posting).amount) FILTER (WHERE (n.posting).lot_id IS NULL) OVER (
                   PARTITION BY (n.posting).account_key, (n.posting).currency_type ORDER BY n.ordinal) AS need_to
        FROM unnest(planned) n WHERE n.outcome = 'POSTED' AND (n.posting).amount < 0
    )
    SELECT array_agg(ROW(t.entry_id, t.lot_id, t.amount, t.status_after)::@{prefix}_take) INTO takes
    FROM (
        SELECT d.entry_id, d.lot_id, -d.amount AS amount, d.lot_status_after AS status_after
        FROM debit d WHERE d.lot_id IS NOT NULL
        UNION ALL
        SELECT d.entry_id, c.id, -(least(c.covered, d.need_to) - greatest(c.covered - c.remaining, d.need_to - d.amount)), NULL
        FROM debit d
        CROSS JOIN LATERAL (
            SELECT l.id, l.remaining, sum(l.remaining) OVER (ORDER BY l.expires_at NULLS LAST, l.id) AS covered
            FROM @{prefix}_lots l
            WHERE l.@{account} = d.account_key AND l.currency_type = d.currency_type AND l.remaining > 0
              AND l.status = 'ACTIVE' AND (l.expires_at IS NULL OR l.expires_at > posted_at)
        ) c
        WHERE d.lot_id IS NULL AND c.covered > d.need_to - d.amount AND c.covered - c.remaining < d.need_to
    ) t;
    RETURN takes;
END
$$;

-- Bring the cached balances and what is derived from the active bonus lots up to the entries just written.
CREATE FUNCTION @{prefix}_write_balances(planned @{prefix}_planned[], posted_at timestamptz) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE @{balance_table} b
    SET @{balance_sets},
        @{derived_sets}
        head_number = s.head_number,
        head_hash = s.head_hash,
        head_at = s.head_at,
        updated_at = posted_at
    FROM (
        SELECT t.account_key, @{balance_sums}, @{derived_sums}
               max(t.number) AS head_number, max(t.hash) FILTER (WHERE t.is_last) AS head_hash, max(t.created_at) AS head_at
        FROM (
            SELECT (n.posting).account_key, (n.posting).currency_type, (n.posting).amount, (n.posting).purpose,
                   n.number, n.hash, n.created_at,
                   n.number = max(n.number) OVER (PARTITION BY (n.posting).account_key) AS is_last@{derived_columns}
            FROM unnest(planned) n WHERE n.outcome = 'POSTED'
        ) t GROUP BY t.account_key
    ) s
    @{derived_join}
    WHERE b.@{account} = s.account_key;
END
$$;
