"""The posting core: credits and spends, and the rows each leaves."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from wallet.expiry import expire_bonuses
from wallet.ledger import (
    InsufficientBalanceError,
    LotUnavailableError,
    post,
    post_operation,
)
from wallet.models import LedgerEntry, Lot, LotMovement, LoyaltyBalance, Operation, PostingRefusal
from wallet.points import add_loyalty_points, deduct_balance
from wallet.postings import Posting
from wallet.reconciliation import reconcile
from wallet.tests.factories import (
    AT,
    LATER,
    ON,
    balances,
    credit,
    debit_posting,
    lp_posting,
    make_alice,
    make_bob,
    remaining,
    spend,
    statement,
)

pytestmark = pytest.mark.django_db

LATER_THAT_DAY = AT + timedelta(hours=2)


def test_a_credit_writes_operation_entry_lot_movement_and_balance() -> None:
    make_alice()

    posted = add_loyalty_points(
        player_id="alice",
        amount="120.50",
        source="Welcome",
        key="k1",
        actor="anna",
        at=AT,
        promotional_value=Decimal(2),
    )

    entry = LedgerEntry.objects.get()
    assert (entry.player_id, entry.number, entry.operation.key) == ("alice", 1, "k1")
    assert (entry.transaction_type, entry.currency_type, str(entry.amount)) == ("LP_EARNED", "LP", "120.50")
    assert (str(entry.balance_before), str(entry.balance_after)) == ("0.00", "120.50")
    assert (entry.description, entry.actor, entry.created_at) == ("Welcome", "anna", AT)
    lot = Lot.objects.get()
    assert (str(lot.amount), str(lot.remaining), lot.status, lot.kind) == ("120.50", "120.50", "ACTIVE", "MANUAL")
    assert (lot.granted_on, str(lot.promotional_value), lot.created_at) == (ON, "2.00", AT)
    assert (lot.expires_at, lot.eligible_games, lot.max_bet) == (None, None, None)
    movement = LotMovement.objects.get()
    assert (movement.entry_id, movement.lot, str(movement.amount)) == (entry.pk, lot, "120.50")
    balance = LoyaltyBalance.objects.get()
    assert (str(balance.lp_balance), str(balance.lp_earned)) == ("120.50", "120.50")
    assert (balance.head_number, balance.head_hash, balance.head_at) == (1, entry.hash, AT)
    assert (posted.outcome, posted.entry_id, posted.lot_id) == ("POSTED", entry.pk, lot.pk)
    assert (posted.balance_before, posted.balance_after) == (Decimal("0.00"), Decimal("120.50"))
    reconcile()


def test_a_null_term_is_stored_as_null_not_as_json() -> None:
    make_alice()
    credit("alice", "5.00")

    assert Lot.objects.filter(eligible_games__isnull=True).count() == 1
    assert LedgerEntry.objects.get().metadata == {}


def test_each_currency_has_its_own_balance_and_chain() -> None:
    make_alice()
    credit("alice", "10.00", currency="LP", key="a")
    credit("alice", "20.00", currency="RP", key="b")
    credit("alice", "3", currency="TICKETS", key="c")
    credit("alice", "5.00", currency="LP", key="d")

    assert balances("alice") == {"LP": "15.00", "RP": "20.00", "TICKETS": "3"}
    assert statement("alice") == [
        (1, "LP", "10.00", "0.00", "10.00"),
        (2, "RP", "20.00", "0.00", "20.00"),
        (3, "TICKETS", "3.00", "0.00", "3.00"),
        (4, "LP", "5.00", "10.00", "15.00"),
    ]
    reconcile()


def test_a_spend_takes_the_earliest_expiry_first_and_what_never_expires_last() -> None:
    make_alice()
    credit("alice", "10.00", key="never")
    credit("alice", "10.00", key="late", expires_at=LATER)
    credit("alice", "10.00", key="early", expires_at=LATER - timedelta(days=1))

    spend("alice", "15.00")

    assert remaining("alice") == [("10.00", "ACTIVE"), ("5.00", "ACTIVE"), ("0.00", "ACTIVE")]
    movements = LotMovement.objects.filter(amount__lt=0).order_by("-lot_id").values_list("lot_id", "amount")
    assert [str(amount) for _, amount in movements] == ["-10.00", "-5.00"]
    reconcile()


def test_of_lots_that_expire_together_the_older_is_spent_first() -> None:
    make_alice()
    credit("alice", "10.00", key="older", expires_at=LATER)
    credit("alice", "10.00", key="newer", expires_at=LATER)

    spend("alice", "12.00")

    assert remaining("alice") == [("0.00", "ACTIVE"), ("8.00", "ACTIVE")]


def test_a_lot_is_closed_when_nothing_is_left() -> None:
    make_alice()
    credit("alice", "10.00")

    spend("alice", "9.99", key="most")
    assert Lot.objects.get().closed_at is None

    spend("alice", "0.01", key="rest", at=AT + timedelta(hours=1))
    assert Lot.objects.get().closed_at == AT + timedelta(hours=1)
    assert balances("alice") == {}


@pytest.mark.parametrize(("after", "works"), [(timedelta(seconds=-1), True), (timedelta(0), False)])
def test_a_lot_is_spendable_until_the_instant_it_expires(after: timedelta, works: bool) -> None:
    make_alice()
    credit("alice", "10.00", expires_at=LATER)

    if works:
        assert spend("alice", "10.00", at=LATER + after).outcome == "POSTED"
    else:
        with pytest.raises(InsufficientBalanceError):
            spend("alice", "10.00", at=LATER + after)


def test_what_is_not_available_yet_cannot_be_spent() -> None:
    make_alice()
    credit("alice", "10.00", key="now")
    credit("alice", "90.00", key="later", available_at=LATER)
    assert remaining("alice") == [("10.00", "ACTIVE"), ("90.00", "PENDING")]

    with pytest.raises(InsufficientBalanceError, match=r"player alice can spend 10\.00 LP, 10\.01 was asked for"):
        spend("alice", "10.01")


def test_a_spend_beyond_the_balance_is_refused_with_both_figures_and_kept() -> None:
    make_alice()
    credit("alice", "10.00")

    with pytest.raises(InsufficientBalanceError) as error:
        spend("alice", "10.01")

    assert error.value.message == "player alice can spend 10.00 LP, 10.01 was asked for"
    assert Decimal(error.value.details["available"]) == Decimal("10.00")
    assert Decimal(error.value.details["amount"]) == Decimal("-10.01")
    refusal = PostingRefusal.objects.get()
    assert (refusal.player_id, refusal.reason, str(refusal.amount)) == ("alice", "BALANCE_SHORT", "-10.01")
    assert (refusal.operation_key, refusal.actor, refusal.refused_at) == ("spend", "tests", AT)
    assert balances("alice") == {"LP": "10.00"}
    assert Operation.objects.count() == 1


def test_a_player_without_any_money_can_spend_nothing() -> None:
    make_alice()

    with pytest.raises(InsufficientBalanceError, match=r"player alice can spend 0 LP, 1\.00 was asked for"):
        spend("alice", "1.00")


def test_a_refused_key_can_be_used_again_once_it_fits() -> None:
    make_alice()
    with pytest.raises(InsufficientBalanceError):
        spend("alice", "5.00")
    credit("alice", "5.00")

    assert spend("alice", "5.00").outcome == "POSTED"


def test_a_named_lot_is_debited_and_its_status_ended() -> None:
    make_alice()
    credit("alice", "10.00", key="kept", expires_at=LATER)
    named = credit("alice", "10.00", key="named").lot_id

    posting = debit_posting("alice", "10.00", key="take", lot_id=named, lot_status_after="CANCELLED")
    post_operation([posting], at=AT, actor="tests")

    assert remaining("alice") == [("10.00", "ACTIVE"), ("0.00", "CANCELLED")]
    reconcile()


@pytest.mark.parametrize("whose", ["another's", "another currency", "nobody's", "too little"])
def test_a_named_lot_that_is_not_there_is_refused(whose: str) -> None:
    make_alice()
    make_bob()
    own, bobs = credit("alice", "10.00", key="a").lot_id, credit("bob", "10.00", key="b").lot_id
    assert own is not None
    assert bobs is not None
    tried: dict[str, dict[str, Any]] = {
        "another's": {"lot_id": bobs},
        "another currency": {"lot_id": own, "currency": "RP"},
        "nobody's": {"lot_id": own + 1000},
        "too little": {"lot_id": own, "amount": "10.01"},
    }
    posting = debit_posting(**{"player_id": "alice", "amount": "5.00", "key": "take", **tried[whose]})

    with pytest.raises(LotUnavailableError, match=f"lot {posting.lot_id} of player alice does not hold"):
        post_operation([posting], at=AT, actor="tests")

    assert balances("alice") == {"LP": "10.00"}
    assert balances("bob") == {"LP": "10.00"}


@pytest.mark.parametrize(
    ("amount", "complaint"),
    [
        ("0", "more than zero"),
        ("-5", "more than zero"),
        ("NaN", "a finite decimal"),
        ("Infinity", "a finite decimal"),
        ("1.005", "at most two decimals"),
        (1.5, "must be a decimal"),
        ("ten", "a decimal such as"),
    ],
)
def test_an_amount_that_is_none_is_refused_before_anything_is_written(amount: object, complaint: str) -> None:
    make_alice()

    with pytest.raises(InvalidInputError, match=complaint):
        add_loyalty_points(player_id="alice", amount=amount, source="x", key="k", actor="tests")
    with pytest.raises(InvalidInputError, match=complaint):
        deduct_balance(player_id="alice", currency="LP", amount=amount, key="k", actor="tests")

    assert not Operation.objects.exists()
    assert not PostingRefusal.objects.exists()


def test_tickets_are_whole() -> None:
    make_alice()
    credit("alice", "2", currency="TICKETS")

    with pytest.raises(InvalidInputError, match=r"amount is 1.50: tickets are whole"):
        spend("alice", "1.5", currency="TICKETS")

    spend("alice", "1.00", currency="TICKETS")
    assert balances("alice") == {"TICKETS": "1"}


def test_a_currency_nobody_has_is_named() -> None:
    make_alice()

    with pytest.raises(InvalidInputError, match="currency 'EUR' is unknown; one of LP, RP, BONUS, TICKETS is needed"):
        spend("alice", "1.00", currency="EUR")


def test_an_unknown_player_is_named_and_nothing_is_written() -> None:
    make_alice()
    postings = [lp_posting("alice", "1.00", key="a"), lp_posting("dora", "1.00", key="d")]

    with pytest.raises(NotFoundError, match="there is no player 'dora'") as error:
        post(postings, at=AT, actor="tests")

    assert error.value.details["player_id"] == "dora"
    assert not LedgerEntry.objects.exists()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"amount": Decimal("NaN")}, "amount is NaN"),
        ({"amount": Decimal(0)}, "amount is 0"),
        ({"amount": Decimal("0.001")}, "amount is 0.001"),
        ({"purpose": "PRESENT"}, "purpose is 'PRESENT'"),
        ({"operation_key": ""}, "operation_key"),
        ({"operation_key": "k" * 201}, "operation_key"),
        ({"description": "d" * 501}, "description"),
        ({"reference_id": "r" * 101}, "reference_id"),
        ({"description": "a\x00b"}, "description"),
        ({"metadata": {"note": "\ud800"}}, "metadata"),
    ],
)
def test_a_raw_posting_is_checked_too(change: dict[str, Any], complaint: str) -> None:
    make_alice()
    fields = {name: getattr(lp_posting("alice", "5.00", key="k"), name) for name in Posting.__dataclass_fields__}

    with pytest.raises(InvalidInputError, match=complaint):
        post([Posting(**{**fields, **change})], at=AT, actor="tests")

    assert not LedgerEntry.objects.exists()


def test_a_balance_beyond_what_can_be_stored_is_refused() -> None:
    make_alice()
    credit("alice", "9999999999999999.99", key="all")

    with pytest.raises(InvalidInputError, match="cannot be stored"):
        credit("alice", "0.01", key="one more")

    assert balances("alice") == {"LP": "9999999999999999.99"}


def test_an_entry_is_never_dated_before_the_entry_before_it() -> None:
    make_alice()
    credit("alice", "1.00", key="a", at=AT)
    credit("alice", "1.00", key="b", at=AT - timedelta(hours=1))

    assert [entry.created_at for entry in LedgerEntry.objects.order_by("number")] == [AT, AT]
    reconcile()


# Replays


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"expires_at": AT + timedelta(hours=1)}, "expired at 2025-12-21T13:00:00"),
        ({"available_at": AT + timedelta(days=9)}, "is PENDING"),
    ],
)
def test_a_named_lot_that_is_not_spendable_is_refused(terms: dict[str, Any], message: str) -> None:
    make_alice()
    lot_id = credit("alice", "10.00", key="a", **terms).lot_id

    with pytest.raises(LotUnavailableError, match=f"lot {lot_id} of player alice {message}"):
        post_operation([debit_posting("alice", "5.00", key="b", lot_id=lot_id)], at=LATER_THAT_DAY, actor="tests")

    assert balances("alice") == {"LP": "10.00"}


def test_a_credit_to_a_named_lot_adds_to_it_while_it_is_open() -> None:
    make_alice()
    lot_id = credit("alice", "10.00", key="a").lot_id

    post_operation([replace(lp_posting("alice", "5.00", key="b"), lot_id=lot_id)], at=AT, actor="tests")

    assert remaining("alice") == [("15.00", "ACTIVE")]
    reconcile()


def test_a_credit_to_a_lot_that_has_ended_is_refused() -> None:
    make_alice()
    lot_id = credit("alice", "10.00", key="a", expires_at=LATER).lot_id
    expire_bonuses(at=LATER)

    with pytest.raises(LotUnavailableError, match=f"lot {lot_id} of player alice is EXPIRED"):
        post_operation([replace(lp_posting("alice", "5.00", key="b"), lot_id=lot_id)], at=LATER, actor="tests")
