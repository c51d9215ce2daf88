"""Expiry: what remains past its time is taken back once, of every currency."""

from datetime import timedelta
from decimal import Decimal

import pytest

from core.runs import KeyRange
from players.tests.factories import restrict
from wallet.expiry import expire_bonuses
from wallet.models import LedgerEntry, Lot, Operation, PostingRefusal
from wallet.points import deduct_balance
from wallet.reconciliation import reconcile
from wallet.tests.factories import (
    AT,
    LATER,
    balances,
    credit,
    give_bonus,
    let_bonuses_run_in_parallel,
    make_alice,
    make_bob,
    make_bob_with_bonus,
    remaining,
)

pytestmark = pytest.mark.django_db

BEFORE = LATER - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("currency", "amount", "entry_type"),
    [
        ("LP", "10.00", "LP_EXPIRED"),
        ("RP", "10.00", "RP_EXPIRED"),
        ("BONUS", "10.00", "BONUS_EXPIRED"),
        ("TICKETS", "3.00", "TICKETS_EXPIRED"),
    ],
)
def test_a_lot_of_any_currency_expires_at_its_instant(currency: str, amount: str, entry_type: str) -> None:
    make_alice()
    credit("alice", amount, currency=currency, expires_at=LATER)

    assert expire_bonuses(at=BEFORE) == 0
    assert expire_bonuses(at=LATER, run_id=7) == 1

    assert balances("alice") == {}
    assert remaining("alice") == [("0.00", "EXPIRED")]
    entry = LedgerEntry.objects.get(number=2)
    assert (entry.transaction_type, str(entry.amount), entry.actor) == (entry_type, f"-{amount}", "expiry")
    assert (Operation.objects.get(pk=entry.operation_id).run_id, entry.created_at) == (7, LATER)
    assert Lot.objects.get().closed_at == LATER
    reconcile()


def test_expiring_again_posts_nothing() -> None:
    make_bob_with_bonus()
    expire_bonuses(at=LATER)

    assert expire_bonuses(at=LATER) == 0
    assert expire_bonuses(at=LATER + timedelta(days=1)) == 0
    assert LedgerEntry.objects.count() == 2
    assert not PostingRefusal.objects.exists()


def test_only_what_remains_expires() -> None:
    make_alice()
    credit("alice", "10.00", key="a", expires_at=LATER)
    credit("alice", "10.00", key="b", expires_at=LATER)
    credit("alice", "10.00", key="c")
    deduct_balance(player_id="alice", currency="LP", amount="13.00", key="spend", actor="tests", at=AT)

    assert expire_bonuses(at=LATER) == 1

    assert balances("alice") == {"LP": "10.00"}
    assert remaining("alice") == [("0.00", "ACTIVE"), ("0.00", "EXPIRED"), ("10.00", "ACTIVE")]
    assert str(LedgerEntry.objects.latest("number").amount) == "-7.00"
    reconcile()


def test_several_lots_of_several_players_expire_in_one_go() -> None:
    let_bonuses_run_in_parallel()
    make_alice()
    make_bob()
    for number in range(3):
        credit("alice", "1.00", key=f"a{number}", expires_at=LATER)
        give_bonus("bob", "1.00", key=f"b{number}")

    assert expire_bonuses(at=LATER) == 6
    assert (balances("alice"), balances("bob")) == ({}, {})
    reconcile()


def test_a_range_of_players_leaves_the_others_alone() -> None:
    make_alice()
    make_bob()
    credit("alice", "1.00", key="a", expires_at=LATER)
    credit("bob", "1.00", key="b", expires_at=LATER)

    assert expire_bonuses(at=LATER, keys=KeyRange(lower="b")) == 1
    assert (balances("alice"), balances("bob")) == ({"LP": "1.00"}, {})


def test_a_lot_that_is_not_available_yet_expires_too() -> None:
    make_alice()
    credit("alice", "10.00", available_at=LATER + timedelta(days=1), expires_at=LATER)
    assert remaining("alice") == [("10.00", "PENDING")]

    assert expire_bonuses(at=LATER) == 1
    assert remaining("alice") == [("0.00", "EXPIRED")]


def test_the_bonus_of_a_restricted_player_expires_and_is_marked() -> None:
    restrict(make_bob_with_bonus())

    assert expire_bonuses(at=LATER) == 1
    assert LedgerEntry.objects.latest("number").metadata == {"restricted": "SELF_EXCLUDED"}


def test_with_nothing_to_expire_nothing_is_posted() -> None:
    make_bob_with_bonus()

    assert expire_bonuses(at=AT) == 0
    assert balances("bob") == {"BONUS": "50.00"}


def test_points_expired_stay_earned() -> None:
    alice = make_alice()
    credit("alice", "10.00", expires_at=LATER)
    expire_bonuses(at=LATER)

    assert alice.balance.lp_earned == Decimal(10)
