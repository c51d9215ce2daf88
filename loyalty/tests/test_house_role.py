"""A role that owns nothing can run the house and cannot touch what the ledger wrote."""

import os
from datetime import date

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction

from core.models import RunStatus
from core.partitions import ensure_month_partitions
from loyalty.house_role import grant_to_house_role
from loyalty.pipeline import open_night, work_on_night
from players.models import Player
from wallet.models import CurrencyType, LedgerEntry
from wallet.points import add_loyalty_points

pytestmark = pytest.mark.django_db

ROLE = f"house_{os.getpid()}"


@pytest.fixture
def as_house_role() -> None:
    """Run the rest of the test as the role; the test's transaction takes it back, and the role with it."""
    Player.objects.create(player_id="alice")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE ROLE {ROLE}")
        grant_to_house_role(ROLE)
        cursor.execute(f"SET LOCAL ROLE {ROLE}")


def credit() -> None:
    add_loyalty_points(player_id="alice", amount="10.00", source="test", key="credit-1", actor="test")


@pytest.mark.usefixtures("as_house_role")
def test_the_role_can_post_and_run_a_night() -> None:
    credit()

    night = work_on_night(open_night(business_date=date(2025, 12, 21)))

    assert night.status == RunStatus.SUCCEEDED
    assert LedgerEntry.objects.filter(player="alice", currency_type=CurrencyType.LP).count() == 1


@pytest.mark.usefixtures("as_house_role")
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE transactions SET amount = 1000",
        "DELETE FROM transactions",
        "TRUNCATE transactions",
        "UPDATE transactions_default SET amount = 1000",
        "TRUNCATE transactions_default",
        "UPDATE wallet_lot_movements SET amount = 1000",
        "DELETE FROM wallet_operations",
        "ALTER TABLE transactions DISABLE TRIGGER ALL",
        "DROP TRIGGER transactions_append_only ON transactions",
    ],
)
def test_the_role_has_no_right_to_change_the_ledger(statement: str) -> None:
    credit()

    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"), transaction.atomic():
        connection.cursor().execute(statement)


@pytest.mark.usefixtures("as_house_role")
def test_a_partition_that_only_the_owner_can_make_is_left_to_the_owner() -> None:
    assert ensure_month_partitions(table="transactions", today=date(2999, 1, 1)) == []


def test_the_owner_is_held_back_by_the_ledger_itself() -> None:
    Player.objects.create(player_id="alice")
    credit()

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute("TRUNCATE transactions")


def test_partitions_are_made_by_whoever_may() -> None:
    made = ensure_month_partitions(table="transactions", today=date(2999, 1, 1))

    assert len(made) == 4
