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
