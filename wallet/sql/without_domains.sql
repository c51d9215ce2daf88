-- The way back from domains.sql.
ALTER TABLE wallet_lots
    ALTER COLUMN currency_type TYPE varchar(10),
    ALTER COLUMN kind TYPE varchar(12),
    ALTER COLUMN status TYPE varchar(10),
    ALTER COLUMN wagering_basis TYPE varchar(20),
    ALTER COLUMN amount TYPE numeric(18, 2),
    ALTER COLUMN remaining TYPE numeric(18, 2),
    ALTER COLUMN wagering_required TYPE numeric(18, 2),
    ALTER COLUMN wagering_completed TYPE numeric(18, 2),
    ALTER COLUMN converted TYPE numeric(18, 2),
    ALTER COLUMN open_bets TYPE integer;
ALTER TABLE transactions ALTER COLUMN amount TYPE numeric(18, 2), ALTER COLUMN balance_after TYPE numeric(18, 2);
ALTER TABLE loyalty_balances
    ALTER COLUMN lp_balance TYPE numeric(18, 2),
    ALTER COLUMN rp_balance TYPE numeric(18, 2),
    ALTER COLUMN bonus_balance TYPE numeric(18, 2),
    ALTER COLUMN tickets_balance TYPE integer;
DROP DOMAIN amount_not_negative, amount_positive, amount_not_zero, count_not_negative, wallet_currency, wallet_lot_kind,
    wallet_lot_status, wallet_wagering_basis;
