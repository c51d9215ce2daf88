"""The posting core: credits, spends, sets, replays, and the rows each leaves."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from players.models import CreditPurpose
from wallet.ledger import (
    IdempotencyKeyReusedError,
    InsufficientBalanceError,
    LotUnavailableError,
    post,
    post_operation,
)
from wallet.models import LedgerEntry, Lot, LotMovement, LoyaltyBalance, Operation, PostingRefusal
from wallet.points import add_loyalty_points, deduct_balance
from wallet.postings import Posting, credit_posting
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, LATER, ON, balances, credit, make_alice, make_bob, remaining, statement

pytestmark = pytest.mark.django_db


def debit_posting(player_id: str, amount: str, *, key: str, currency: str = "LP", **fields: Any) -> Posting:
    return Posting(
        operation_key=key,
        operation_kind="TEST",
        account_key=player_id,
        purpose=CreditPurpose.SPEND,
        transaction_type="LP_REDEEMED",
        currency_type=currency,
        amount=-Decimal(amount),
        **fields,
    )


def lp_posting(player_id: str, amount: str, *, key: str, **fields: Any) -> Posting:
    return credit_posting(
        key=key, kind="TEST", player_id=player_id, currency="LP", amount=Decimal(amount), on=ON, **fields
    )


def spend(player_id: str, amount: str, *, key: str = "spend", currency: str = "LP", at: Any = AT) -> Any:
    return deduct_balance(player_id=player_id, currency=currency, amount=amount, key=key, actor="tests", at=at)


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


def test_the_same_key_and_inputs_return_the_first_result() -> None:
    make_alice()
    first = credit("alice", "10.00", key="k", expires_at=LATER)

    again = credit("alice", "10.00", key="k", expires_at=LATER + timedelta(seconds=3), at=AT + timedelta(seconds=3))

    assert again.outcome == "REPLAYED"
    assert (again.operation_id, again.entry_id, again.lot_id) == (first.operation_id, first.entry_id, first.lot_id)
    assert (again.balance_before, again.balance_after) == (first.balance_before, first.balance_after)
    assert LedgerEntry.objects.count() == 1
    assert balances("alice") == {"LP": "10.00"}


def test_a_spend_over_several_lots_replays_its_first_result() -> None:
    make_alice()
    credit("alice", "10.00", key="a")
    credit("alice", "10.00", key="b")
    first = spend("alice", "15.00")

    again = spend("alice", "15.00")

    assert (first.lot_id, again.lot_id) == (None, None)
    assert (again.entry_id, again.balance_after) == (first.entry_id, Decimal("5.00"))
    assert balances("alice") == {"LP": "5.00"}


def test_a_retry_after_midnight_is_the_same_request() -> None:
    make_alice()
    before = add_loyalty_points(
        player_id="alice", amount="10", source="x", key="k", actor="t", at=AT.replace(hour=23, minute=59)
    )

    after = add_loyalty_points(
        player_id="alice", amount="10.00", source="x", key="k", actor="t", at=AT + timedelta(days=1)
    )

    assert (after.outcome, after.entry_id) == ("REPLAYED", before.entry_id)


def test_a_retry_is_the_same_request_although_safety_values_it_otherwise_by_now() -> None:
    make_alice()
    credit("alice", "10.00", key="k", promotional_value=Decimal(5), expected_cost=Decimal(3))

    again = credit("alice", "10.00", key="k", promotional_value=Decimal(6), expected_cost=Decimal(4))

    assert again.outcome == "REPLAYED"


def test_a_figure_written_otherwise_is_the_same_figure() -> None:
    make_alice()
    credit("alice", "10.00", key="k", max_bet=Decimal("2.50"))

    again = credit("alice", "10", key="k", max_bet=Decimal("2.5"))

    assert again.outcome == "REPLAYED"


@pytest.mark.parametrize(
    "other",
    [
        {"amount": "10.01"},
        {"currency": "RP"},
        {"player_id": "bob"},
        {"description": "another"},
        {"max_bet": Decimal(3)},
        {"eligible_games": ["slots"]},
        {"wagering_required": Decimal(3)},
    ],
    ids=str,
)
def test_the_same_key_with_other_inputs_is_refused_and_the_first_stands(other: dict[str, Any]) -> None:
    make_alice()
    make_bob()
    asked: dict[str, Any] = {"player_id": "alice", "amount": "10.00", "key": "k"}
    credit(**asked)

    with pytest.raises(IdempotencyKeyReusedError, match="the key 'k' was already used with other inputs"):
        credit(**{**asked, **other})

    assert balances("alice") == {"LP": "10.00"}
    assert LedgerEntry.objects.count() == 1
    assert PostingRefusal.objects.get().reason == "KEY_REUSED"


def test_every_posting_of_an_operation_counts_as_its_input() -> None:
    make_alice()
    post_operation([lp_posting("alice", "1.00", key="k"), lp_posting("alice", "2.00", key="k")], at=AT, actor="tests")

    with pytest.raises(IdempotencyKeyReusedError):
        post_operation(
            [lp_posting("alice", "1.00", key="k"), lp_posting("alice", "9.00", key="k")], at=AT, actor="tests"
        )
    with pytest.raises(IdempotencyKeyReusedError):
        post_operation([lp_posting("alice", "1.00", key="k")], at=AT, actor="tests")


def test_an_operation_of_equal_postings_replays_each_of_them() -> None:
    make_alice()
    postings = [lp_posting("alice", "1.00", key="k"), lp_posting("alice", "1.00", key="k")]
    first = post_operation(postings, at=AT, actor="tests")

    again = post_operation(postings, at=AT, actor="tests")

    assert [posted.entry_id for posted in again] == [posted.entry_id for posted in first]
    assert [posted.lot_id for posted in again] == [posted.lot_id for posted in first]
    assert balances("alice") == {"LP": "2.00"}


def test_what_a_caller_said_of_times_is_an_input_too() -> None:
    make_alice()
    asked: dict[str, Any] = {"player_id": "alice", "amount": 5, "source": "x", "key": "k", "actor": "t"}
    add_loyalty_points(**asked, expires_at=LATER, on=ON)

    assert add_loyalty_points(**asked, expires_at=LATER, on=ON).outcome == "REPLAYED"
    with pytest.raises(IdempotencyKeyReusedError):
        add_loyalty_points(**asked, expires_at=LATER + timedelta(days=1), on=ON)
    with pytest.raises(IdempotencyKeyReusedError):
        add_loyalty_points(**asked, expires_at=LATER, on=ON - timedelta(days=1))


# Sets


def test_a_set_posts_what_it_can_and_refuses_the_rest() -> None:
    make_alice()
    make_bob()
    credit("alice", "10.00", key="start")

    results = post(
        [
            debit_posting("alice", "4.00", key="a"),
            debit_posting("bob", "4.00", key="b"),
            lp_posting("bob", "7.00", key="c"),
        ],
        at=AT,
        actor="tests",
        run_id=77,
    )

    assert [posted.outcome for posted in results] == ["POSTED", "REFUSED", "POSTED"]
    assert [posted.reason for posted in results] == [None, "BALANCE_SHORT", None]
    assert (balances("alice"), balances("bob")) == ({"LP": "6.00"}, {"LP": "7.00"})
    assert set(Operation.objects.exclude(key="start").values_list("run_id", flat=True)) == {77}
    assert PostingRefusal.objects.get().run_id == 77
    reconcile()


def test_the_postings_of_one_operation_share_its_fate() -> None:
    make_alice()
    credit("alice", "10.00", key="start")
    exchange = [debit_posting("alice", "11.00", key="k"), credit_posting(
        key="k", kind="TEST", player_id="alice", currency="TICKETS", amount=Decimal(1), on=ON
    )]  # fmt: skip

    with pytest.raises(InsufficientBalanceError):
        post_operation(exchange, at=AT, actor="tests")

    assert balances("alice") == {"LP": "10.00"}
    assert PostingRefusal.objects.count() == 1


def test_an_operation_may_move_several_balances_at_once() -> None:
    make_alice()
    credit("alice", "10.00", key="start")
    tickets = credit_posting(key="k", kind="TEST", player_id="alice", currency="TICKETS", amount=Decimal(2), on=ON)

    results = post_operation([debit_posting("alice", "8.00", key="k"), tickets], at=AT, actor="tests")

    assert balances("alice") == {"LP": "2.00", "TICKETS": "2"}
    assert len({posted.operation_id for posted in results}) == 1
    assert statement("alice")[1:] == [(2, "LP", "-8.00", "10.00", "2.00"), (3, "TICKETS", "2.00", "0.00", "2.00")]
    reconcile()


def test_debits_of_one_set_cannot_spend_the_same_money() -> None:
    make_alice()
    credit("alice", "10.00", key="start")

    results = post([debit_posting("alice", "6.00", key=key) for key in ("a", "b")], at=AT, actor="tests")

    assert [posted.outcome for posted in results] == ["POSTED", "REFUSED"]
    assert balances("alice") == {"LP": "4.00"}


def test_debits_of_one_set_share_lots_in_order() -> None:
    make_alice()
    credit("alice", "10.00", key="first", expires_at=LATER)
    credit("alice", "10.00", key="second")

    post([debit_posting("alice", "6.00", key=key) for key in ("a", "b", "c")], at=AT, actor="tests")

    assert remaining("alice") == [("0.00", "ACTIVE"), ("2.00", "ACTIVE")]
    taken = LotMovement.objects.filter(amount__lt=0).order_by("entry_id", "lot_id").values_list("amount", flat=True)
    assert [str(amount) for amount in taken] == ["-6.00", "-4.00", "-2.00", "-6.00"]
    reconcile()


def test_two_debits_of_one_named_lot_cannot_take_more_than_it_holds() -> None:
    make_alice()
    lot_id = credit("alice", "10.00", key="start").lot_id

    results = post([debit_posting("alice", "6.00", key=key, lot_id=lot_id) for key in ("a", "b")], at=AT, actor="tests")

    assert [posted.reason for posted in results] == [None, "LOT_SHORT"]
    assert remaining("alice") == [("4.00", "ACTIVE")]


def test_a_set_cannot_name_lots_and_leave_the_choice_open_for_one_balance() -> None:
    make_alice()
    lot_id = credit("alice", "10.00", key="start").lot_id
    postings = [debit_posting("alice", "6.00", key="a", lot_id=lot_id), debit_posting("alice", "4.00", key="b")]

    with pytest.raises(InvalidInputError, match="post them apart"):
        post(postings, at=AT, actor="tests")


def test_an_operation_is_one_players() -> None:
    make_alice()
    make_bob()

    with pytest.raises(InvalidInputError, match="the key 'k' names postings of alice and of bob"):
        post([lp_posting("alice", "1.00", key="k"), lp_posting("bob", "1.00", key="k")], at=AT, actor="tests")


def test_what_a_replay_spent_before_is_not_counted_again() -> None:
    make_alice()
    credit("alice", "10.00", key="start")
    spend_six = debit_posting("alice", "6.00", key="six")
    post([spend_six], at=AT, actor="tests")

    results = post([spend_six, debit_posting("alice", "4.00", key="four")], at=AT, actor="tests")

    assert [posted.outcome for posted in results] == ["REPLAYED", "POSTED"]
    assert balances("alice") == {}


def test_an_empty_set_posts_nothing() -> None:
    assert post([], at=AT, actor="tests") == []


# Shared lots


def share(amount: str, *, key: str, **fields: Any) -> Posting:
    return lp_posting("alice", amount, key=key, share_key="play:2026-01", lot_kind="PLAY", expires_at=LATER, **fields)


def test_credits_of_one_share_key_add_to_one_lot() -> None:
    make_alice()

    post([share("1.00", key="a"), share("2.00", key="b")], at=AT, actor="tests")
    post([share("4.00", key="c")], at=AT, actor="tests")

    lot = Lot.objects.get()
    assert (str(lot.amount), str(lot.remaining), lot.share_key) == ("7.00", "7.00", "play:2026-01")
    assert LotMovement.objects.filter(lot=lot).count() == 3
    reconcile()


def test_a_share_keeps_the_value_and_cost_of_everything_credited() -> None:
    make_alice()

    terms = {"promotional_value": Decimal(1), "expected_cost": Decimal("0.50")}
    post([share("1.00", key="a", **terms), share("2.00", key="b", **terms)], at=AT, actor="tests")
    post([share("4.00", key="c", **terms)], at=AT, actor="tests")

    lot = Lot.objects.get()
    assert (str(lot.promotional_value), str(lot.expected_cost)) == ("3.00", "1.50")


def test_a_spent_share_opens_again() -> None:
    make_alice()
    post([share("1.00", key="a")], at=AT, actor="tests")
    spend("alice", "1.00")
    assert Lot.objects.get().closed_at == AT

    post([share("2.00", key="b")], at=AT, actor="tests")

    lot = Lot.objects.get()
    assert (str(lot.remaining), lot.closed_at) == ("2.00", None)


def test_a_share_that_has_ended_is_not_added_to() -> None:
    make_alice()
    post([share("1.00", key="a")], at=AT, actor="tests")
    lot_id = Lot.objects.get().pk
    end = debit_posting("alice", "1.00", key="end", lot_id=lot_id, lot_status_after="EXPIRED")
    post([end], at=AT, actor="tests")

    post([share("2.00", key="b"), share("3.00", key="c")], at=AT, actor="tests")

    assert remaining("alice") == [("0.00", "EXPIRED"), ("5.00", "ACTIVE")]
    spend("alice", "5.00")
    reconcile()
