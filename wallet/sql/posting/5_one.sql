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
    has_pending boolean;
    has_due boolean;
    is_asked boolean;
    earlier_id bigint;
    earlier_hash bytea;
    refusing varchar;
    restriction varchar;
    named_lot_id bigint;
    first_lot_id bigint;
    is_covered boolean;
    lot_status varchar;
    lot_expires_at timestamptz;
    available numeric;
    is_taken boolean;
    is_new_lot boolean;
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
        SELECT b.@{account} IS NOT NULL,
               EXISTS (SELECT 1 FROM @{prefix}_lots w WHERE w.@{account} = p.account_key AND w.status = 'PENDING'),
               @{restriction_guard},
               o.id, o.input_hash,
               CASE p.currency_type @{balance_cases} END, b.head_number, b.head_hash, greatest(posted_at, b.head_at)
        INTO has_balance, has_pending, is_asked, earlier_id, earlier_hash, before, last_number, last_hash, entry_at
        FROM (SELECT 1) one
        LEFT JOIN @{balance_table} b ON b.@{account} = p.account_key
        LEFT JOIN @{prefix}_operations o ON o.key = p.operation_key;
        -- What most accounts have nothing of is asked by statements of their own: a plan takes as long to start for what
        -- it does not come to.
        has_due := NULL;
        IF has_pending THEN
            SELECT true INTO has_due FROM @{prefix}_due_lots(p.account_key, posted_at) LIMIT 1;
        END IF;
        EXIT WHEN has_balance AND has_due IS NULL;
        IF NOT has_balance THEN
            INSERT INTO @{balance_table} (@{account}) VALUES (p.account_key);
        END IF;
        IF has_due THEN
            PERFORM @{prefix}_settle_lots(ARRAY[p.account_key], posted_at);
        END IF;
    END LOOP;
    IF is_asked THEN
        SELECT @{refusing_mark}, @{restriction_mark} INTO refusing, restriction FROM (SELECT 1) one
        @{restriction_join};
    END IF;

    -- A credit of its own, the most frequent posting, needs to know nothing of other lots.
    IF p.lot_id IS NOT NULL THEN
        SELECT l.id, l.status, l.expires_at, l.remaining INTO named_lot_id, lot_status, lot_expires_at, available
        FROM @{prefix}_lots l
        WHERE l.id = p.lot_id AND l.@{account} = p.account_key AND l.currency_type = p.currency_type;
    ELSIF p.amount < 0 THEN
        SELECT w.id, w.remaining, w.remaining >= -p.amount INTO first_lot_id, available, is_covered
        FROM @{prefix}_lots w
        WHERE w.@{account} = p.account_key AND w.currency_type = p.currency_type AND w.remaining > 0
          AND w.status = 'ACTIVE' AND (w.expires_at IS NULL OR w.expires_at > posted_at)
        ORDER BY w.expires_at NULLS LAST, w.id LIMIT 1;
        -- How much there is altogether matters where the first lot is too little, and where a refusal says it.
        IF is_covered IS NOT TRUE OR earlier_id IS NOT NULL OR refusing IS NOT NULL THEN
            SELECT sum(w.remaining) INTO available FROM @{prefix}_lots w
            WHERE w.@{account} = p.account_key AND w.currency_type = p.currency_type AND w.remaining > 0
              AND w.status = 'ACTIVE' AND (w.expires_at IS NULL OR w.expires_at > posted_at);
        END IF;
    ELSIF p.share_key IS NOT NULL THEN
        SELECT h.id, h.status INTO named_lot_id, lot_status FROM @{prefix}_lots h
        WHERE h.@{account} = p.account_key AND h.currency_type = p.currency_type AND h.share_key = p.share_key;
    END IF;
    IF p.takes_turn THEN
        is_taken := EXISTS (
            SELECT 1 FROM @{prefix}_lots q
            WHERE q.@{account} = p.account_key AND q.currency_type = 'BONUS' AND q.status IN ('PENDING', 'ACTIVE')
              AND q.takes_turn AND q.awaits IS NULL AND coalesce(q.available_at <= posted_at, true)
              AND coalesce(q.expires_at > posted_at, true));
    END IF;

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

    -- Each of these is evaluated without a statement.
    this_operation_id := nextval('@{operation_sequence}');
    this_entry_id := nextval('@{entry_sequence}');
    is_new_lot := p.amount > 0 AND p.lot_id IS NULL AND lot_status IN ('PENDING', 'ACTIVE') IS NOT TRUE;
    this_lot_id := CASE WHEN is_new_lot THEN nextval('@{lot_sequence}')
                        WHEN p.amount < 0 OR p.lot_id IS NOT NULL THEN p.lot_id ELSE named_lot_id END;
    lot_status := CASE WHEN p.awaits IS NOT NULL OR p.available_at > posted_at OR is_taken
                       THEN 'PENDING' ELSE 'ACTIVE' END;
    this_expires_at := CASE WHEN is_new_lot AND lot_status = 'ACTIVE' AND p.active_hours IS NOT NULL
                            THEN posted_at + make_interval(hours => p.active_hours) ELSE p.expires_at END;
    marked := CASE WHEN restriction IS NULL THEN coalesce(p.metadata, '{}')
                   ELSE coalesce(p.metadata, '{}') || jsonb_build_object('restricted', restriction) END;
    this_hash := sha256(coalesce(last_hash, ''::bytea) || convert_to(@{prefix}_canonical(
        p.account_key, last_number + 1, this_operation_id, p.transaction_type, p.currency_type, p.amount, before,
        before + p.amount, entry_at, p.description, p.reference_id, posted_by, marked), 'UTF8'));
    IF is_new_lot THEN
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
    ELSIF is_covered THEN
        -- Mostly the lot that expires first pays all of it.
        WITH operation AS (
            @{one_operation}
        ),
        entry AS (
            @{one_entry}
        ),
        lot AS (
            UPDATE @{prefix}_lots l
            SET remaining = l.remaining + p.amount,
                closed_at = CASE WHEN l.remaining + p.amount = 0 THEN posted_at END
            WHERE l.id = first_lot_id
        ),
        movement AS (
            INSERT INTO @{prefix}_lot_movements (entry_id, lot_id, amount) VALUES (this_entry_id, first_lot_id, p.amount)
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
