"""Several postings in one call: what they share, and how they stand in each other's way."""

from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError
from core.expressions import fetch_rows
from wallet.ledger import (
    InsufficientBalanceError,
    post,
    post_operation,
)
from wallet.models import Lot, LotMovement, Operation, PostingRefusal
from wallet.postings import Posting, credit_posting
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


def test_lots_are_numbered_one_by_one_because_their_order_decides_whose_turn_it_is() -> None:
    drawn = dict(fetch_rows("SELECT sequencename, cache_size FROM pg_sequences WHERE schemaname = 'public'", []))

    assert drawn["wallet_lots_id_seq"] == 1
    assert drawn["reward_decisions_id_seq"] == 1
    assert drawn["wallet_operations_id_seq"] > 1
