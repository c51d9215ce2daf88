-- The posting core: the only writer of operations, lots, movements, entries and balances.
--
-- Rendered by wallet.ledger_shape for a ledger's tables, so that another programme can stand on the same core.
-- One call posts one operation or a set of them. The lock is a statement of its own; every check runs in a later
-- statement and so sees what the transaction that held the lock before has written (READ COMMITTED).

CREATE TYPE @{prefix}_posting AS (
    operation_key varchar COLLATE "C",
    operation_kind varchar,
    input_hash bytea,
    account_key @{account_type} @{account_collation},
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
    awaits varchar,
    takes_turn boolean,
    active_hours integer,
    expires_at timestamptz,
    wagering_required numeric,
    wagering_basis varchar,
    max_bet numeric,
    max_conversion numeric,
    eligible_games jsonb,
    end_reason varchar,
    rule_number integer,
    decision_id bigint,
    reverses_id bigint,
    description varchar,
    reference_id varchar,
    metadata jsonb
);

-- What became of a posting; the columns after `ordinal` up to `expires_at` are the posting's own.
CREATE TYPE @{prefix}_posted AS (
    ordinal integer,
    account_key @{account_type},
    currency_type varchar,
    amount numeric,
    rule_number integer,
    decision_id bigint,
    reference_id varchar,
    wagering_required numeric,
    expires_at timestamptz,
    outcome varchar,
    reason varchar,
    details jsonb,
    operation_id bigint,
    entry_id bigint,
    lot_id bigint,
    balance_before numeric,
    balance_after numeric
);

CREATE FUNCTION @{prefix}_chain_step(state bytea, head bytea, canonical text) RETURNS bytea
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS
$$ BEGIN RETURN sha256(coalesce(state, head, ''::bytea) || convert_to(canonical, 'UTF8')); END $$;

CREATE AGGREGATE @{prefix}_chain(head bytea, canonical text) (
    SFUNC = @{prefix}_chain_step, STYPE = bytea, PARALLEL = SAFE
);

-- The exact text an entry's hash covers: fixed order, fixed scale, free text quoted, microseconds since 1970 in UTC.
-- Made of immutable parts only, each cast to text in so many words, so that the planner inlines it.
CREATE FUNCTION @{prefix}_canonical(
    account_key @{account_type}, number bigint, operation_id bigint, transaction_type varchar, currency_type varchar,
    amount numeric, balance_before numeric, balance_after numeric, created_at timestamptz,
    description varchar, reference_id varchar, actor varchar, metadata jsonb
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT quote_literal(account_key::text) || '|' || number::text || '|' || operation_id::text || '|'
    || transaction_type::text || '|' || currency_type::text || '|' || amount::numeric(18, 2)::text || '|'
    || balance_before::numeric(18, 2)::text || '|' || balance_after::numeric(18, 2)::text || '|'
    || (extract(epoch FROM created_at AT TIME ZONE 'UTC') * 1000000)::bigint::text || '|'
    || quote_literal(coalesce(description::text, '')) || '|' || quote_literal(coalesce(reference_id::text, '')) || '|'
    || quote_literal(coalesce(actor::text, '')) || '|' || coalesce(metadata, '{}')::text $$;

-- The pending lots of an account whose time has come; of those that take turns, the first where none is active.
CREATE FUNCTION @{prefix}_due_lots(owner_key @{account_type}, due_at timestamptz) RETURNS TABLE (row_id tid)
LANGUAGE sql STABLE AS
$$ SELECT DISTINCT ON (CASE WHEN l.takes_turn THEN 0 ELSE l.id END) l.ctid
   FROM @{prefix}_lots l
   WHERE l.@{account} = owner_key AND l.status = 'PENDING' AND l.awaits IS NULL
     AND coalesce(l.available_at <= due_at, true) AND coalesce(l.expires_at > due_at, true)
     AND NOT (l.takes_turn AND EXISTS (
         SELECT 1 FROM @{prefix}_lots q
         WHERE q.@{account} = owner_key AND q.currency_type = 'BONUS' AND q.status IN ('PENDING', 'ACTIVE')
           AND q.status = 'ACTIVE' AND q.takes_turn AND coalesce(q.expires_at > due_at, true)))
   ORDER BY CASE WHEN l.takes_turn THEN 0 ELSE l.id END, l.id $$;

-- Carry the lots of locked accounts on to where they are now: bonuses that hold nothing and wait for no bet have ended,
-- those whose time or turn has come are active, and what the balance says of them follows.
CREATE FUNCTION @{prefix}_settle_lots(account_keys @{account_type}[], settled_at timestamptz) RETURNS void
LANGUAGE plpgsql AS
$$
BEGIN
    UPDATE @{prefix}_lots l
    SET status = CASE WHEN l.wagering_completed >= l.wagering_required THEN 'COMPLETED'
                      WHEN l.expires_at <= settled_at THEN 'EXPIRED' ELSE 'LOST' END,
        end_reason = CASE WHEN l.wagering_completed >= l.wagering_required THEN 'Used up'
                          WHEN l.expires_at <= settled_at THEN 'Expired' ELSE 'Played away' END,
        closed_at = settled_at
    WHERE l.@{account} = ANY (account_keys) AND l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE')
      AND l.status = 'ACTIVE' AND l.remaining = 0 AND l.open_bets = 0;
    UPDATE @{prefix}_lots l
    SET status = 'ACTIVE',
        available_at = coalesce(l.available_at, settled_at),
        expires_at = CASE WHEN l.active_hours IS NULL THEN l.expires_at
                          ELSE settled_at + make_interval(hours => l.active_hours) END
    FROM unnest(account_keys) k CROSS JOIN LATERAL @{prefix}_due_lots(k, settled_at) d
    WHERE l.ctid = d.row_id;
    @{refresh_derived}
END
$$;

CREATE FUNCTION @{prefix}_post(
    postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar DEFAULT '', posted_run bigint DEFAULT NULL
) RETURNS SETOF @{prefix}_posted
LANGUAGE plpgsql @{planner} AS
$$
DECLARE
    account_keys @{account_type}[];
    stale_keys @{account_type}[];
    waking_keys @{account_type}[];
    missing @{account_type};
    malformed bigint;
BEGIN
    IF cardinality(postings) = 1 THEN
        RETURN NEXT @{prefix}_post_one(postings[1], posted_at, posted_by, posted_run);
        RETURN;
    END IF;
    -- A column of two decimals takes NaN and rounds the rest in silence; a purpose nobody knows passes every restriction.
    SELECT array_agg(DISTINCT p.account_key ORDER BY p.account_key),
           array_agg(DISTINCT p.account_key) FILTER (WHERE @{derived_stale}),
           count(*) FILTER (WHERE p.amount IS NULL OR p.amount IN (0, 'NaN') OR p.amount <> round(p.amount, 2)
                                  OR coalesce(p.purpose NOT IN (@{purposes}), true))
    INTO account_keys, stale_keys, malformed FROM unnest(postings) p;
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

    -- What has become due since is spendable now.
    SELECT array_agg(k) INTO waking_keys FROM unnest(account_keys) k
    WHERE (SELECT true FROM @{prefix}_due_lots(k, posted_at) LIMIT 1);
    IF waking_keys IS NOT NULL THEN
        PERFORM @{prefix}_settle_lots(waking_keys, posted_at);
    END IF;

    RETURN QUERY SELECT * FROM @{prefix}_write(postings, posted_at, posted_by, posted_run);
    IF stale_keys IS NOT NULL THEN
        PERFORM @{prefix}_settle_lots(stale_keys, posted_at);
    END IF;
END
$$;

-- The same for a single posting: the plan of the one statement below is long to start for so little. It takes few steps,
-- because each step of a function costs as much as a row written. That both ways write the same is proved by a test
-- that does everything in both.
CREATE FUNCTION @{prefix}_post_one(
    p @{prefix}_posting, posted_at timestamptz, posted_by varchar, posted_run bigint
) RETURNS @{prefix}_posted
LANGUAGE plpgsql AS
$$
DECLARE
    has_balance boolean;
    has_due boolean;
    earlier_id bigint;
    earlier_hash bytea;
    refusing varchar;
    restriction varchar;
    named_lot_id bigint;
    lot_status varchar;
    lot_expires_at timestamptz;
    available numeric;
    is_taken boolean;
    before numeric;
    last_number bigint;
    last_hash bytea;
    entry_at timestamptz;
    this_operation_id bigint;
    this_entry_id bigint;
    this_lot_id bigint;
    this_hash bytea;
    this_expires_at timestamptz;
    marked jsonb;
    refused_for varchar;
    why jsonb;
BEGIN
    IF p.amount IS NULL OR p.amount IN (0, 'NaN') OR p.amount <> round(p.amount, 2)
            OR coalesce(p.purpose NOT IN (@{purposes}), true) THEN
        RAISE EXCEPTION '% postings without a known purpose or an amount of cents other than 0', 1
            USING ERRCODE = 'check_violation';
    END IF;
    PERFORM 1 FROM @{owner_table} o WHERE o.@{owner_key} = p.account_key FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'unknown account %', p.account_key USING ERRCODE = 'foreign_key_violation';
    END IF;

    LOOP
        SELECT b.@{account} IS NOT NULL, (SELECT true FROM @{prefix}_due_lots(p.account_key, posted_at) LIMIT 1),
               o.id, o.input_hash, @{refusing_mark}, @{restriction_mark}, coalesce(l.id, h.id), coalesce(l.status, h.status),
               l.expires_at,
               CASE WHEN p.lot_id IS NOT NULL THEN l.remaining
                    WHEN p.amount < 0 THEN (
                        SELECT sum(w.remaining) FROM @{prefix}_lots w
                        WHERE w.@{account} = p.account_key AND w.currency_type = p.currency_type AND w.remaining > 0
                          AND w.status = 'ACTIVE' AND (w.expires_at IS NULL OR w.expires_at > posted_at)) END,
               p.takes_turn AND EXISTS (
                   SELECT 1 FROM @{prefix}_lots q
                   WHERE q.@{account} = p.account_key AND q.currency_type = 'BONUS' AND q.status IN ('PENDING', 'ACTIVE')
                     AND q.takes_turn AND q.awaits IS NULL AND coalesce(q.available_at <= posted_at, true)
                     AND coalesce(q.expires_at > posted_at, true)),
               CASE p.currency_type @{balance_cases} END, b.head_number, b.head_hash, greatest(posted_at, b.head_at)
        INTO has_balance, has_due, earlier_id, earlier_hash, refusing, restriction, named_lot_id, lot_status, lot_expires_at,
             available, is_taken, before, last_number, last_hash, entry_at
        FROM (SELECT 1) one
        LEFT JOIN @{balance_table} b ON b.@{account} = p.account_key
        LEFT JOIN @{prefix}_operations o ON o.key = p.operation_key
        LEFT JOIN @{prefix}_lots l
            ON l.id = p.lot_id AND l.@{account} = p.account_key AND l.currency_type = p.currency_type
        LEFT JOIN @{prefix}_lots h
            ON p.lot_id IS NULL AND p.amount > 0 AND h.@{account} = p.account_key
           AND h.currency_type = p.currency_type AND h.share_key = p.share_key
        @{restriction_join};
        EXIT WHEN has_balance AND has_due IS NULL;
        IF NOT has_balance THEN
            INSERT INTO @{balance_table} (@{account}) VALUES (p.account_key);
        END IF;
        IF has_due THEN
            PERFORM @{prefix}_settle_lots(ARRAY[p.account_key], posted_at);
        END IF;
    END LOOP;

    IF earlier_id IS NOT NULL OR refusing IS NOT NULL OR p.amount < 0 OR p.lot_id IS NOT NULL THEN
        refused_for := CASE
            WHEN earlier_id IS NOT NULL AND earlier_hash = p.input_hash THEN NULL
            WHEN earlier_id IS NOT NULL THEN 'KEY_REUSED'
            WHEN refusing IS NOT NULL THEN 'RESTRICTED'
            WHEN p.lot_id IS NOT NULL AND named_lot_id IS NULL THEN 'LOT_UNKNOWN'
            WHEN p.amount > 0 AND lot_status NOT IN ('PENDING', 'ACTIVE') THEN 'LOT_ENDED'
            WHEN p.amount < 0 AND p.purpose IN (@{spending}) AND lot_status <> 'ACTIVE' THEN 'LOT_NOT_ACTIVE'
            WHEN p.amount < 0 AND p.purpose IN (@{spending}) AND lot_expires_at <= posted_at THEN 'LOT_EXPIRED'
            WHEN p.amount < 0 AND coalesce(available, 0) + p.amount < 0
                THEN CASE WHEN p.lot_id IS NULL THEN 'BALANCE_SHORT' ELSE 'LOT_SHORT' END END;
        IF refused_for IS NOT NULL THEN
            why := jsonb_strip_nulls(jsonb_build_object(
                'restriction', restriction, 'available', available, 'amount', p.amount,
                'lot_status', CASE WHEN refused_for IN ('LOT_NOT_ACTIVE', 'LOT_ENDED') THEN lot_status END,
                'expired_at', CASE refused_for WHEN 'LOT_EXPIRED' THEN lot_expires_at END));
            INSERT INTO @{prefix}_refusals
                (@{account}, operation_key, purpose, currency_type, amount, reason, details, actor, run_id, refused_at)
            VALUES (p.account_key, p.operation_key, p.purpose, p.currency_type, p.amount, refused_for, why, posted_by,
                    posted_run, posted_at);
        END IF;
        IF refused_for IS NOT NULL OR earlier_id IS NOT NULL THEN
            RETURN ROW(1, p.account_key, p.currency_type, p.amount, p.rule_number, p.decision_id, p.reference_id,
                       p.wagering_required, p.expires_at,
                       CASE WHEN refused_for IS NULL THEN 'REPLAYED' ELSE 'REFUSED' END, refused_for, why, earlier_id,
                       NULL, NULL, NULL, NULL)::@{prefix}_posted;
        END IF;
    END IF;

    SELECT v.*, sha256(coalesce(last_hash, ''::bytea) || convert_to(@{prefix}_canonical(
               p.account_key, last_number + 1, v.operation_id, p.transaction_type, p.currency_type, p.amount, before,
               before + p.amount, entry_at, p.description, p.reference_id, posted_by, v.metadata), 'UTF8'))
    INTO this_operation_id, this_entry_id, this_lot_id, marked, this_expires_at, lot_status, this_hash
    FROM (
        SELECT nextval('@{operation_sequence}') AS operation_id, nextval('@{entry_sequence}') AS entry_id,
               CASE WHEN p.amount < 0 OR p.lot_id IS NOT NULL THEN p.lot_id
                    WHEN lot_status IN ('PENDING', 'ACTIVE') THEN named_lot_id
                    ELSE nextval('@{lot_sequence}') END AS lot_id,
               CASE WHEN restriction IS NULL THEN coalesce(p.metadata, '{}')
                    ELSE coalesce(p.metadata, '{}') || jsonb_build_object('restricted', restriction) END AS metadata,
               CASE WHEN p.amount > 0 AND p.lot_id IS NULL AND lot_status IN ('PENDING', 'ACTIVE') IS NOT TRUE
                         AND n.status = 'ACTIVE' AND p.active_hours IS NOT NULL
                    THEN posted_at + make_interval(hours => p.active_hours) ELSE p.expires_at END AS lot_expires_at,
               n.status
        FROM (SELECT CASE WHEN p.awaits IS NOT NULL OR p.available_at > posted_at OR is_taken
                          THEN 'PENDING' ELSE 'ACTIVE' END AS status) n
    ) v;
    IF p.amount > 0 AND this_lot_id IS DISTINCT FROM named_lot_id THEN
        WITH operation AS (
            @{one_operation}
        ),
        entry AS (
            @{one_entry}
        ),
        lot AS (
            INSERT INTO @{prefix}_lots
                (id, @{account}, operation_id, currency_type, kind, status, share_key, amount, remaining, granted_on,
                 promotional_value, expected_cost, created_at, available_at, awaits, takes_turn, active_hours,
                 expires_at, wagering_required, wagering_basis, max_bet, max_conversion, eligible_games, rule_number,
                 decision_id, run_id)
            VALUES (this_lot_id, p.account_key, this_operation_id, p.currency_type, p.lot_kind, lot_status,
                    -- A lot that has ended keeps its share key; what comes later is a lot without one.
                    CASE WHEN named_lot_id IS NULL THEN p.share_key END, p.amount, p.amount, p.granted_on,
                    coalesce(p.promotional_value, 0), coalesce(p.expected_cost, 0), entry_at, p.available_at, p.awaits,
                    coalesce(p.takes_turn, false), p.active_hours, this_expires_at, coalesce(p.wagering_required, 0),
                    coalesce(p.wagering_basis, 'BONUS'), p.max_bet, p.max_conversion, p.eligible_games, p.rule_number,
                    p.decision_id, posted_run)
        ),
        movement AS (
            INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount) VALUES (this_entry_id, this_lot_id, p.amount)
        )
        @{one_balance};
    ELSIF p.amount > 0 OR p.lot_id IS NOT NULL THEN
        WITH operation AS (
            @{one_operation}
        ),
        entry AS (
            @{one_entry}
        ),
        lot AS (
            UPDATE @{prefix}_lots l
            SET amount = l.amount + greatest(p.amount, 0),
                remaining = l.remaining + p.amount,
                promotional_value = l.promotional_value + sign(p.amount) * coalesce(p.promotional_value, 0),
                expected_cost = l.expected_cost + sign(p.amount) * coalesce(p.expected_cost, 0),
                wagering_required = l.wagering_required
                    + CASE WHEN p.amount > 0 THEN coalesce(p.wagering_required, 0) ELSE 0 END,
                converted = l.converted + CASE p.transaction_type WHEN 'BONUS_CONVERTED' THEN greatest(-p.amount, 0) ELSE 0 END,
                status = coalesce(CASE WHEN p.amount < 0 THEN p.lot_status_after END, l.status),
                end_reason = CASE WHEN p.amount > 0 OR p.lot_status_after IS NULL THEN l.end_reason
                                  ELSE coalesce(p.end_reason, '') END,
                ended_by = CASE WHEN p.amount > 0 OR p.lot_status_after IS NULL THEN l.ended_by ELSE posted_by END,
                closed_at = CASE WHEN l.remaining + p.amount = 0 THEN posted_at END
            WHERE l.id = this_lot_id
        ),
        movement AS (
            INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount) VALUES (this_entry_id, this_lot_id, p.amount)
        )
        @{one_balance};
    ELSE
        WITH operation AS (
            @{one_operation}
        ),
        entry AS (
            @{one_entry}
        ),
        -- The debit is paired with the lots that pay it, earliest expiry first.
        take AS MATERIALIZED (
            SELECT c.id, least(c.remaining, -p.amount - c.covered + c.remaining) AS part
            FROM (
                SELECT l.id, l.remaining, sum(l.remaining) OVER (ORDER BY l.expires_at NULLS LAST, l.id) AS covered
                FROM @{prefix}_lots l
                WHERE l.@{account} = p.account_key AND l.currency_type = p.currency_type AND l.remaining > 0
                  AND l.status = 'ACTIVE' AND (l.expires_at IS NULL OR l.expires_at > posted_at)
            ) c
            WHERE c.covered - c.remaining < -p.amount
        ),
        lot AS (
            UPDATE @{prefix}_lots l
            SET remaining = l.remaining - t.part,
                closed_at = CASE WHEN l.remaining = t.part THEN posted_at END
            FROM take t WHERE l.id = t.id
        ),
        movement AS (
            INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount) SELECT this_entry_id, t.id, -t.part FROM take t
        )
        @{one_balance};
    END IF;
    IF @{one_derived_stale} THEN
        PERFORM @{prefix}_settle_lots(ARRAY[p.account_key], posted_at);
    END IF;
    RETURN ROW(1, p.account_key, p.currency_type, p.amount, p.rule_number, p.decision_id, p.reference_id,
               p.wagering_required, this_expires_at, 'POSTED', NULL, NULL, this_operation_id, this_entry_id, this_lot_id,
               before, before + p.amount)::@{prefix}_posted;
END
$$;

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
