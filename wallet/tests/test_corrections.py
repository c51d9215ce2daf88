"""Corrections: a reversal undoes an operation once, taking back takes what remains, an adjustment adds or takes."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.policies import save_policy
from safety.caps import granted_value
from wallet.bonus_life import cancel_bonus
from wallet.corrections import (
    AlreadyReversedError,
    CreditSpentError,
    NothingLeftError,
    NotReversibleError,
    adjust_balance,
    reverse_operation,
    take_back_remaining,
)
from wallet.expiry import expire_bonuses
from wallet.ledger import IdempotencyKeyReusedError, InsufficientBalanceError, Posted, post_operation
from wallet.models import LedgerEntry, Lot, LoyaltyBalance, Operation
from wallet.reconciliation import reconcile
from wallet.tests.bets import bet, play, void
from wallet.tests.factories import (
    AT,
    LATER,
    ON,
    balances,
    credit,
    debit_posting,
    give_bonus,
    lp_posting,
    make_alice,
    make_bob_with_bonus,
    remaining,
    spend,
)

pytestmark = pytest.mark.django_db


def reverse(posted: Posted, **given: Any) -> list[Posted]:
    asked: dict[str, Any] = {"reason": "Wrong player", "key": "reverse", "actor": "dana", "at": AT}
    return reverse_operation(operation_id=operation_of(posted), **(asked | given))


def take_back(posted: Posted, **given: Any) -> list[Posted]:
    asked: dict[str, Any] = {"reason": "Rule revoked", "key": "take back", "actor": "dana", "at": AT}
    return take_back_remaining(operation_id=operation_of(posted), **(asked | given))


def adjust(amount: str, **given: Any) -> Posted:
    asked: dict[str, Any] = {"player_id": "alice", "currency": "LP", "reason": "Migration", "key": "adjust"}
    return adjust_balance(amount=amount, **({**asked, "actor": "dana", "at": AT} | given))


def operation_of(posted: Posted) -> int:
    assert posted.operation_id is not None
    return posted.operation_id


def last_entry() -> tuple[str, str, str, str]:
    entry = LedgerEntry.objects.latest("number")
    return entry.transaction_type, str(entry.amount), entry.description, entry.reference_id


def test_reversing_a_credit_takes_it_back_and_frees_the_caps() -> None:
    make_alice()
    credited = credit("alice", "100.00", promotional_value=Decimal("5.00"))
    assert granted_value(player_id="alice", since=ON, until=ON) == 5

    (reversed_,) = reverse(credited)

    assert reversed_.outcome == "POSTED"
    assert balances("alice") == {}
    assert last_entry() == ("REVERSAL", "-100.00", "Wrong player", str(credited.operation_id))
    assert remaining("alice") == [("0.00", "CANCELLED")]
    assert granted_value(player_id="alice", since=ON, until=ON) == 0
    assert LoyaltyBalance.objects.get().lp_earned == 0
    assert Operation.objects.get(pk=operation_of(reversed_)).reverses_id == credited.operation_id
    reconcile()


def test_an_operation_is_reversed_once() -> None:
    make_alice()
    credited = credit("alice", "100.00")
    first = reverse(credited)

    with pytest.raises(AlreadyReversedError, match=f"was reversed by operation {first[0].operation_id} at 2025-12-21"):
        reverse(credited, key="again")

    assert LedgerEntry.objects.count() == 2


def test_a_reversal_asked_for_again_gives_the_first_result() -> None:
    make_alice()
    credited = credit("alice", "100.00")
    (first,) = reverse(credited)

    (again,) = reverse(credited)

    assert (again.outcome, again.entry_id, again.balance_after) == ("REPLAYED", first.entry_id, first.balance_after)
    with pytest.raises(IdempotencyKeyReusedError):
        reverse(credited, reason="Another reason")


def test_a_credit_partly_spent_is_not_reversed_and_the_figures_are_named() -> None:
    make_alice()
    credited = credit("alice", "100.00")
    spend("alice", "30.00")

    with pytest.raises(CreditSpentError, match=r"credited 100\.00 LP, 70\.00 of it remains") as refusal:
        reverse(credited)

    assert (refusal.value.details["credited"], refusal.value.details["remaining"]) == ("100.00", "70.00")
    assert balances("alice") == {"LP": "70.00"}


def test_taking_back_takes_what_remains() -> None:
    make_alice()
    credited = credit("alice", "100.00", promotional_value=Decimal("10.00"))
    spend("alice", "30.00")

    take_back(credited)

    assert balances("alice") == {}
    assert last_entry() == ("REVERSAL", "-70.00", "Rule revoked", str(credited.operation_id))
    # 30 of 100 were used: so much of the caps stays used.
    assert granted_value(player_id="alice", since=ON, until=ON) == 3
    assert LoyaltyBalance.objects.get().lp_earned == 30
    with pytest.raises(NothingLeftError):
        take_back(credited, key="again")
    reconcile()


def test_reversing_a_spend_gives_every_lot_back_what_it_paid() -> None:
    make_alice()
    credit("alice", "10.00", key="a", expires_at=AT + timedelta(days=1))
    credit("alice", "10.00", key="b")
    spent = spend("alice", "15.00")
    assert remaining("alice") == [("0.00", "ACTIVE"), ("5.00", "ACTIVE")]

    reverse(spent)

    assert remaining("alice") == [("10.00", "ACTIVE"), ("10.00", "ACTIVE")]
    assert balances("alice") == {"LP": "20.00"}
    assert LoyaltyBalance.objects.get().lp_earned == 20
    reconcile()


def test_points_that_come_back_after_their_lot_expired_can_still_be_spent_for_a_while() -> None:
    make_alice()
    save_policy(name="REFUND_GRACE_DAYS", value="7", saved_by=None)
    credit("alice", "10.00", expires_at=AT + timedelta(days=1))
    spent = spend("alice", "10.00")

    reverse(spent, at=LATER)

    lot = Lot.objects.latest("pk")
    assert (lot.kind, lot.expires_at, str(lot.remaining)) == ("REFUND", LATER + timedelta(days=7), "10.00")
    assert expire_bonuses(at=LATER) == 0
    reconcile()


def test_a_shared_lot_gives_back_only_what_the_operation_put_in() -> None:
    make_alice()
    credit("alice", "10.00", key="a", share_key="play:never")
    second = credit("alice", "5.00", key="b", share_key="play:never")

    reverse(second)

    assert remaining("alice") == [("10.00", "ACTIVE")]
    reconcile()


def test_both_legs_of_an_operation_are_undone_together() -> None:
    make_alice()
    credit("alice", "100.00", key="points")
    legs = [
        debit_posting("alice", "80.00", key="order"),
        lp_posting("alice", "5.00", key="order", lot_kind="REDEMPTION"),
    ]
    ordered = post_operation(legs, at=AT, actor="tests")

    reverse(ordered[0])

    assert balances("alice") == {"LP": "100.00"}
    assert [lot.status for lot in Lot.objects.order_by("pk")] == ["ACTIVE", "CANCELLED"]
    reconcile()


def test_what_has_an_undoing_of_its_own_is_not_reversed() -> None:
    make_bob_with_bonus()
    play("b1", "10.00", "5.00")
    kinds = {}
    for operation in Operation.objects.exclude(kind="ADD_BONUS_BALANCE"):
        with pytest.raises(NotReversibleError) as refusal:
            reverse_operation(operation_id=operation.pk, reason="x", key=f"r{operation.pk}", actor="dana", at=AT)
        kinds[operation.kind] = refusal.value.message

    assert set(kinds) == {"PLACE_BET", "SETTLE_BET"}


def test_a_bonus_that_was_played_is_not_reversed_though_its_stake_came_back() -> None:
    make_bob_with_bonus()
    granted = Operation.objects.get()
    play("b1", "10.00", "90.00")
    assert remaining("bob") == [("50.00", "ACTIVE")]

    with pytest.raises(CreditSpentError, match=r"has been played: it paid 10\.00 of bet 'b1'"):
        reverse_operation(operation_id=granted.pk, reason="x", key="r", actor="dana", at=AT)

    take_back_remaining(operation_id=granted.pk, reason="x", key="t", actor="dana", at=AT)
    assert balances("bob") == {}


def test_a_bonus_of_which_every_bet_is_void_can_be_reversed() -> None:
    make_bob_with_bonus()
    granted = Operation.objects.get()
    bet("b1", "10.00")
    void("b1")

    reverse_operation(operation_id=granted.pk, reason="x", key="r", actor="dana", at=AT)

    assert remaining("bob") == [("0.00", "CANCELLED")]


def test_nothing_goes_back_to_a_bonus_that_has_ended() -> None:
    make_bob_with_bonus()
    spent = spend("bob", "10.00", currency="BONUS")
    cancel_bonus(player_id="bob", bonus_id=Lot.objects.get().pk, reason="x", key="c", actor="dana", at=AT)

    with pytest.raises(NotReversibleError, match="has ended \\(CANCELLED\\)"):
        reverse(spent)


def test_a_reversed_bonus_lets_the_next_one_start() -> None:
    make_bob_with_bonus()
    first = Operation.objects.get()
    give_bonus("bob", "20.00", key="next")

    reverse_operation(operation_id=first.pk, reason="x", key="r", actor="dana", at=AT)

    assert remaining("bob") == [("0.00", "CANCELLED"), ("20.00", "ACTIVE")]
    reconcile()


def test_an_operation_nobody_knows_is_named() -> None:
    with pytest.raises(NotFoundError, match="there is no operation 404"):
        reverse_operation(operation_id=404, reason="x", key="r", actor="dana", at=AT)


@pytest.mark.parametrize("reason", ["", "x" * 201])
def test_a_correction_needs_a_reason(reason: str) -> None:
    make_alice()
    credited = credit("alice", "10.00")

    with pytest.raises(InvalidInputError, match="reason"):
        reverse(credited, reason=reason)
    with pytest.raises(InvalidInputError, match="reason"):
        take_back(credited, reason=reason)
    with pytest.raises(InvalidInputError, match="reason"):
        adjust("1.00", reason=reason)


def test_an_adjustment_adds_or_takes() -> None:
    make_alice()

    adjust("12.50")
    adjust("-2.50", key="down")

    assert balances("alice") == {"LP": "10.00"}
    assert last_entry()[:3] == ("ADJUSTMENT", "-2.50", "Migration")
    assert adjust("12.50").outcome == "REPLAYED"
    reconcile()


@pytest.mark.parametrize(("amount", "complaint"), [("0", "amount is 0"), ("NaN", "finite"), ("0.001", "two decimals")])
def test_an_adjustment_that_makes_no_sense_is_refused(amount: str, complaint: str) -> None:
    make_alice()

    with pytest.raises(InvalidInputError, match=complaint):
        adjust(amount)


def test_an_adjustment_never_takes_more_than_there_is() -> None:
    make_alice()
    adjust("5.00")

    with pytest.raises(InsufficientBalanceError, match=r"can spend 5\.00 LP, 5\.01 was asked for"):
        adjust("-5.01", key="down")
