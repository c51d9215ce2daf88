"""The posting core stands on any owner table and account key: here shops with UUIDs, one currency, no restrictions."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, transaction
from psycopg.types.json import Jsonb

from core.expressions import fetch_rows
from wallet.ledger_shape import LedgerShape

pytestmark = pytest.mark.django_db

ANNA = UUID("00000000-0000-0000-0000-00000000000a")
BERT = UUID("00000000-0000-0000-0000-00000000000b")
SHOPS = LedgerShape(
    prefix="shop",
    account="account_id",
    account_type="uuid",
    account_collation="",
    owner_table="shop_accounts",
    owner_key="id",
    balance_table="shop_balances",
    entry_table="shop_entries",
    balance_columns={"POINTS": "points"},
    purposes=("EARNED", "SPEND"),
    spending_purposes=("SPEND",),
)
# The ledger's own tables, as the wallet's, for another key and currency.
TABLES = """
    CREATE TABLE shop_accounts (id uuid PRIMARY KEY);
    CREATE TABLE shop_balances (
        account_id uuid PRIMARY KEY REFERENCES shop_accounts,
        points numeric(18, 2) NOT NULL DEFAULT 0 CHECK (points >= 0),
        head_number bigint NOT NULL DEFAULT 0, head_hash bytea, head_at timestamptz,
        updated_at timestamptz NOT NULL DEFAULT now());
    CREATE TABLE shop_lots (LIKE wallet_lots INCLUDING DEFAULTS);
    ALTER TABLE shop_lots RENAME COLUMN player_id TO account_id;
    ALTER TABLE shop_lots ALTER account_id TYPE uuid USING NULL, ALTER currency_type TYPE varchar(10);
    CREATE TABLE shop_operations (LIKE wallet_operations INCLUDING DEFAULTS);
    ALTER TABLE shop_operations RENAME COLUMN player_id TO account_id;
    ALTER TABLE shop_operations ALTER account_id TYPE uuid USING NULL, ADD UNIQUE (key);
    CREATE TABLE shop_entries (LIKE transactions INCLUDING DEFAULTS);
    ALTER TABLE shop_entries RENAME COLUMN player_id TO account_id;
    ALTER TABLE shop_entries ALTER account_id TYPE uuid USING NULL;
    CREATE TABLE shop_lot_movements (entry_id bigint, lot_id bigint, amount numeric(18, 2));
    CREATE TABLE shop_refusals (LIKE wallet_refusals INCLUDING ALL);
    ALTER TABLE shop_refusals RENAME COLUMN player_id TO account_id;
    ALTER TABLE shop_refusals ALTER account_id TYPE uuid USING NULL;
    CREATE SEQUENCE shop_operations_id_seq;
    CREATE SEQUENCE shop_lots_id_seq;
    CREATE SEQUENCE shop_entries_id_seq;
"""


@pytest.fixture(autouse=True)
def shops(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        cursor.execute(SHOPS.posting_sql())
        cursor.execute("INSERT INTO shop_accounts VALUES (%s), (%s)", [ANNA, BERT])


def posting(account: UUID, amount: str, *, key: str, **given: Any) -> dict[str, Any]:
    is_debit = amount.startswith("-")
    asked = {
        "operation_key": key,
        "operation_kind": "TEST",
        "input_hash": "\\x00",
        "account_key": str(account),
        "purpose": "SPEND" if is_debit else "EARNED",
        "transaction_type": "SPENT" if is_debit else "EARNED",
        "currency_type": "POINTS",
        "amount": amount,
        "lot_kind": "PLAY",
        "granted_on": "2025-12-21",
    }
    return asked | given


def post(*postings: dict[str, Any]) -> list[tuple[Any, ...]]:
    sql = """
        SELECT outcome, reason, balance_after FROM shop_post(
            (SELECT array_agg(jsonb_populate_record(NULL::shop_posting, x.item) ORDER BY x.ordinality)
             FROM jsonb_array_elements(%s) WITH ORDINALITY x (item, ordinality)), now(), 'tests', NULL)
        ORDER BY ordinal
    """
    return [(o, r, None if a is None else str(a)) for o, r, a in fetch_rows(sql, [Jsonb(list(postings))])]


def test_one_posting_credits_and_spends() -> None:
    assert post(posting(ANNA, "10.00", key="a")) == [("POSTED", None, "10.00")]
    assert post(posting(ANNA, "-4.00", key="b")) == [("POSTED", None, "6.00")]
    assert post(posting(ANNA, "-7.00", key="c")) == [("REFUSED", "BALANCE_SHORT", None)]
    assert post(posting(ANNA, "10.00", key="a")) == [("REPLAYED", None, None)]


def test_a_set_of_accounts_is_posted_together_and_chained() -> None:
    results = post(
        posting(BERT, "5.00", key="a"), posting(ANNA, "7.00", key="b"), posting(ANNA, "-2.00", key="c"),
        posting(BERT, "-9.00", key="d"),
    )  # fmt: skip

    # A debit of a set is judged by what was there before it.
    assert results == [
        ("POSTED", None, "5.00"), ("POSTED", None, "7.00"), ("REFUSED", "BALANCE_SHORT", None),
        ("REFUSED", "BALANCE_SHORT", None),
    ]  # fmt: skip
    chained = """
        SELECT count(*) FROM shop_entries e
        WHERE e.hash = sha256(''::bytea || convert_to(shop_canonical(
            e.account_id, e.number, e.operation_id, e.transaction_type, e.currency_type, e.amount, e.balance_before,
            e.balance_after, e.created_at, e.description, e.reference_id, e.actor, e.metadata), 'UTF8'))
    """
    assert fetch_rows(chained, []) == [(2,)]


def test_a_purpose_of_another_programme_is_not_taken() -> None:
    with pytest.raises(IntegrityError, match="without a known purpose"), transaction.atomic():
        post(posting(ANNA, "1.00", key="a", purpose="BET"))


def test_an_account_nobody_opened_is_named() -> None:
    stranger = UUID("00000000-0000-0000-0000-0000000000ff")

    with pytest.raises(IntegrityError, match=f"unknown account {stranger}"), transaction.atomic():
        post(posting(stranger, "1.00", key="a"))
