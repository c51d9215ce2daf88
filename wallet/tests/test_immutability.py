"""What the ledger wrote stays: for the ORM, for raw SQL, and partition by partition."""

import pytest
from django.db import IntegrityError, connection, models, transaction

from core.expressions import fetch_rows, run_statement
from wallet.models import LedgerEntry, LotMovement, Operation
from wallet.points import deduct_balance
from wallet.tests.factories import AT, credit, make_alice, statement

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def ledger() -> None:
    make_alice()
    credit("alice", "10.00")
    deduct_balance(player_id="alice", currency="LP", amount="4.00", key="spend", actor="tests", at=AT)


WRITTEN = [(1, "LP", "10.00", "0.00", "10.00"), (2, "LP", "-4.00", "10.00", "6.00")]


@pytest.mark.parametrize("model", [LedgerEntry, LotMovement, Operation])
def test_the_orm_can_neither_update_nor_delete(model: type[models.Model]) -> None:
    rows = model._default_manager
    name = "key" if model is Operation else "amount"

    with pytest.raises(IntegrityError, match="is append-only: UPDATE is refused"), transaction.atomic():
        rows.update(**{name: 99})
    with pytest.raises(IntegrityError, match="is append-only: DELETE is refused"), transaction.atomic():
        rows.all()._raw_delete("default")
    saved = rows.first()
    assert saved is not None
    with pytest.raises(IntegrityError, match="is append-only: UPDATE is refused"), transaction.atomic():
        saved.save()

    assert statement("alice") == WRITTEN


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE transactions SET description = 'better'",
        "DELETE FROM transactions WHERE number = 2",
        "TRUNCATE transactions",
        "TRUNCATE transactions CASCADE",
        "UPDATE transactions_default SET amount = 99",
        "DELETE FROM transactions_default",
        "UPDATE wallet_lot_movements SET amount = 99",
        "DELETE FROM wallet_lot_movements",
        "TRUNCATE wallet_lot_movements",
        "UPDATE wallet_operations SET input_hash = '\\x00'",
        "DELETE FROM wallet_operations",
        "TRUNCATE wallet_operations",
        "INSERT INTO wallet_operations SELECT * FROM wallet_operations ON CONFLICT (id) DO UPDATE SET key = 'other'",
        "MERGE INTO wallet_lot_movements m USING wallet_lots l ON l.id = m.lot_id WHEN MATCHED THEN DELETE",
    ],
)
def test_raw_sql_can_neither_update_nor_delete_nor_truncate(change: str) -> None:
    with pytest.raises(IntegrityError, match="is append-only"), transaction.atomic():
        run_statement(change, [])

    assert statement("alice") == WRITTEN


def test_no_partition_of_the_ledger_can_be_emptied_apart() -> None:
    partitions = [
        name
        for (name,) in fetch_rows(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'transactions'::regclass", []
        )
    ]

    assert len(partitions) >= 5
    for name in partitions:
        with pytest.raises(IntegrityError, match=f"{name} is append-only: TRUNCATE is refused"), transaction.atomic():
            run_statement(f"TRUNCATE {name}", [])


def test_a_player_with_a_ledger_cannot_be_deleted() -> None:
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("DELETE FROM players")


@pytest.mark.parametrize(
    ("amount", "after", "currency", "violated"),
    [
        ("5", "14", "LP", "transaction_balances_add_up"),
        ("0", "10", "LP", "amount_not_zero"),
        ("1.5", "11.5", "TICKETS", "transaction_tickets_whole"),
        ("-11", "-1", "LP", "amount_not_negative"),
    ],
)
def test_the_table_itself_refuses_entries_that_do_not_add_up(
    amount: str, after: str, currency: str, violated: str
) -> None:
    with pytest.raises(IntegrityError, match=violated), transaction.atomic():
        run_statement(
            """
            INSERT INTO transactions (player_id, number, operation_id, transaction_type, currency_type, amount,
                                      balance_before, balance_after, description, reference_id, actor, hash, created_at)
            VALUES ('alice', 3, 1, 'ADJUSTMENT', %s, %s, 10, %s, '', '', '', '\\x00', now())
            """,
            [currency, amount, after],
        )


def test_a_balance_below_zero_cannot_be_stored() -> None:
    for column in ("lp_balance", "rp_balance", "bonus_balance", "tickets_balance"):
        with pytest.raises(IntegrityError, match="_not_negative"), transaction.atomic():
            run_statement(f"UPDATE loyalty_balances SET {column} = -1", [])
