"""A key used again: the same request returns the first result, another one is refused."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from wallet.ledger import (
    IdempotencyKeyReusedError,
    post_operation,
)
from wallet.models import LedgerEntry, PostingRefusal
from wallet.points import add_loyalty_points
from wallet.tests.factories import (
    AT,
    LATER,
    ON,
    balances,
    credit,
    lp_posting,
    make_alice,
    make_bob,
    spend,
)

pytestmark = pytest.mark.django_db


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
