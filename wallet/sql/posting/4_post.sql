-- The way in: lock, then look, then write.

CREATE FUNCTION @{prefix}_post(
    postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar DEFAULT '', posted_run bigint DEFAULT NULL
) RETURNS SETOF @{prefix}_posted
LANGUAGE plpgsql AS
$$
BEGIN
    IF cardinality(postings) = 1 THEN
        RETURN NEXT @{prefix}_post_one(postings[1], posted_at, posted_by, posted_run);
    ELSE
        RETURN QUERY SELECT * FROM @{prefix}_post_set(postings, posted_at, posted_by, posted_run);
    END IF;
END
$$;

CREATE FUNCTION @{prefix}_post_set(
    postings @{prefix}_posting[], posted_at timestamptz, posted_by varchar, posted_run bigint
) RETURNS SETOF @{prefix}_posted
LANGUAGE plpgsql @{planner} AS
$$
DECLARE
    account_keys @{account_type}[];
    stale_keys @{account_type}[];
    waking_keys @{account_type}[];
    missing @{account_type};
    malformed bigint;
    locked bigint;
BEGIN
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
    GET DIAGNOSTICS locked = ROW_COUNT;
    IF locked < cardinality(account_keys) THEN
        SELECT k INTO missing FROM unnest(account_keys) k
        WHERE (SELECT true FROM @{owner_table} o WHERE o.@{owner_key} = k) IS NULL LIMIT 1;
        RAISE EXCEPTION 'unknown account %', missing USING ERRCODE = 'foreign_key_violation';
    END IF;
    INSERT INTO @{balance_table} (@{account})
    SELECT k FROM unnest(account_keys) k
    WHERE (SELECT true FROM @{balance_table} b WHERE b.@{account} = k) IS NULL;

    -- What has become due since is spendable now. Only of accounts with something pending is it asked what is due.
    SELECT array_agg(w.k) INTO waking_keys FROM (
        SELECT DISTINCT l.@{account} AS k FROM @{prefix}_lots l
        WHERE l.@{account} = ANY (account_keys) AND l.status = 'PENDING'
    ) w
    WHERE (SELECT true FROM @{prefix}_due_lots(w.k, posted_at) LIMIT 1);
    IF waking_keys IS NOT NULL THEN
        PERFORM @{prefix}_settle_lots(waking_keys, posted_at);
    END IF;

    RETURN QUERY SELECT * FROM @{prefix}_write(postings, posted_at, posted_by, posted_run);
    IF stale_keys IS NOT NULL THEN
        PERFORM @{prefix}_settle_lots(stale_keys, posted_at);
    END IF;
END
$$;
