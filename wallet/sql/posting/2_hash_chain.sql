-- How an entry is chained to the one before it.

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
