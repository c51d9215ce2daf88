-- What every amount and choice of the ledger keeps to. Domains, because PostgreSQL reads the text of a table's CHECK
-- constraints anew for every statement: for the lots of one posting that took longer than writing them.
CREATE DOMAIN amount_not_negative AS numeric(18, 2) CHECK (VALUE >= 0);
CREATE DOMAIN amount_positive AS numeric(18, 2) CHECK (VALUE > 0);
CREATE DOMAIN amount_not_zero AS numeric(18, 2) CHECK (VALUE <> 0);
CREATE DOMAIN count_not_negative AS integer CHECK (VALUE >= 0);
CREATE DOMAIN wallet_currency AS varchar(10) CHECK (VALUE IN ('LP', 'RP', 'BONUS', 'TICKETS'));
CREATE DOMAIN wallet_lot_kind AS varchar(12) CHECK (VALUE IN (
    'REWARD', 'FREE_PLAY', 'CASHBACK', 'PLAY', 'MANUAL', 'REDEMPTION', 'OPENING', 'ADJUSTMENT', 'REFUND'));
CREATE DOMAIN wallet_lot_status AS varchar(10) CHECK (VALUE IN (
    'PENDING', 'ACTIVE', 'COMPLETED', 'EXPIRED', 'FORFEITED', 'CANCELLED', 'LOST'));
CREATE DOMAIN wallet_wagering_basis AS varchar(20) CHECK (VALUE IN ('BONUS', 'DEPOSIT_AND_BONUS'));

ALTER TABLE wallet_lots
    ALTER COLUMN currency_type TYPE wallet_currency,
    ALTER COLUMN kind TYPE wallet_lot_kind,
    ALTER COLUMN status TYPE wallet_lot_status,
    ALTER COLUMN wagering_basis TYPE wallet_wagering_basis,
    ALTER COLUMN amount TYPE amount_positive,
    ALTER COLUMN remaining TYPE amount_not_negative,
    ALTER COLUMN wagering_required TYPE amount_not_negative,
    ALTER COLUMN wagering_completed TYPE amount_not_negative,
    ALTER COLUMN converted TYPE amount_not_negative,
    ALTER COLUMN open_bets TYPE count_not_negative;
ALTER TABLE transactions
    ALTER COLUMN amount TYPE amount_not_zero,
    ALTER COLUMN balance_after TYPE amount_not_negative;
ALTER TABLE loyalty_balances
    ALTER COLUMN lp_balance TYPE amount_not_negative,
    ALTER COLUMN rp_balance TYPE amount_not_negative,
    ALTER COLUMN bonus_balance TYPE amount_not_negative,
    ALTER COLUMN tickets_balance TYPE count_not_negative;
