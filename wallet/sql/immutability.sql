-- The ledger is append-only for everyone, the ORM and raw SQL alike.
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS
$$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused; post a counter-entry instead', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER transactions_append_only BEFORE UPDATE OR DELETE ON transactions
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER transactions_not_truncated BEFORE TRUNCATE ON transactions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER wallet_lot_movements_append_only BEFORE UPDATE OR DELETE ON wallet_lot_movements
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER wallet_lot_movements_not_truncated BEFORE TRUNCATE ON wallet_lot_movements
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER wallet_operations_append_only BEFORE UPDATE OR DELETE ON wallet_operations
    FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER wallet_operations_not_truncated BEFORE TRUNCATE ON wallet_operations
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
