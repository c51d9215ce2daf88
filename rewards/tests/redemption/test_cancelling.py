"""Cancelling: the points go back where they came from, the gift comes back, once and in full or not at all."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from players.tests.factories import restrict
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.fulfilment import OrderStatusError, fulfil_order
from rewards.tests.redemption.factories import lot_of, make_option, make_saver, order
from wallet.bets import place_bet, settle_bet, void_bet
from wallet.corrections import CreditSpentError, reverse_operation
from wallet.ledger import IdempotencyKeyReusedError
from wallet.models import Lot, LoyaltyBalance, Operation
from wallet.points import add_loyalty_points
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, LATER, balances, remaining
from wallet.tickets import use_tickets

pytestmark = pytest.mark.django_db

SOON = AT + timedelta(hours=1)


def cancel(
    done: RedemptionOrder, *, reason: str = "Changed her mind", key: str = "cancel", at: datetime = SOON
) -> RedemptionOrder:
    return cancel_order(order_id=done.pk, reason=reason, key=key, actor="staff", at=at)


def test_the_points_go_back_to_the_lots_that_paid_and_the_bonus_comes_back() -> None:
    make_saver()
    make_option()

    done = cancel(order())

    assert balances("alice") == {"RP": "800.00"}
    assert remaining("alice") == [("300.00", "ACTIVE"), ("500.00", "ACTIVE"), ("0.00", "CANCELLED")]
    assert (done.status, done.cancelled_by, done.cancelled_at) == ("CANCELLED", "staff", SOON)
    reversal = Operation.objects.get(key="cancel")
    assert (done.cancel_reason, done.reversal_id) == ("Changed her mind", reversal.pk)
    assert reversal.reverses_id == done.operation_id
    reconcile()


@pytest.mark.parametrize("gives", ["TICKETS", "BENEFIT"])
def test_tickets_and_a_waiting_benefit_are_refunded_too(gives: str) -> None:
    make_saver()
    option = make_option(gives)

    cancel(order(option.code))

    assert balances("alice") == {"RP": "800.00"}
    reconcile()


def test_a_bonus_that_waits_for_its_turn_can_be_cancelled() -> None:
    make_saver(points="1100.00")
    make_option()
    order(key="first")

    done = cancel(order(key="second"))

    assert balances("alice") == {"RP": "600.00", "BONUS": "10.00"}
    assert lot_of(done).status == "CANCELLED"
    reconcile()


def test_refunded_loyalty_points_count_towards_no_tier_again() -> None:
    make_saver()
    add_loyalty_points(player_id="alice", amount="600", source="Play", key="lp", actor="tests", at=AT)
    make_option(cost_currency="LP")

    cancel(order())

    balance = LoyaltyBalance.objects.get(player_id="alice")
    assert (balance.lp_balance, balance.lp_earned) == (Decimal(600), Decimal(600))


def test_points_of_a_lot_that_has_expired_since_come_back_as_a_lot_of_their_own() -> None:
    make_saver()
    make_option("TICKETS", expiry_hours=None)

    cancel(order("TICKETS_3"), at=LATER + timedelta(days=1))

    assert balances("alice") == {"RP": "800.00"}
    refund = Lot.objects.latest("id")
    assert (refund.kind, refund.remaining) == ("REFUND", Decimal(300))


def test_the_piece_is_in_stock_again_and_the_player_may_order_again() -> None:
    make_saver()
    make_option(stock=1, limit_per_player=1)

    cancel(order())

    assert RedemptionOption.objects.get().ordered == 0
    assert order(key="again").status == "FULFILLED"


def test_tickets_used_in_part_are_not_refunded_and_the_figures_are_said() -> None:
    make_saver()
    make_option("TICKETS", stock=5)
    done = order("TICKETS_3")
    use_tickets(player_id="alice", tickets=1, event_reference="FRIDAY", key="use", actor="tests", at=AT)

    with pytest.raises(CreditSpentError) as caught:
        cancel(done)

    assert (caught.value.details["credited"], caught.value.details["remaining"]) == ("3.00", "2.00")
    done.refresh_from_db()
    assert (done.status, done.reversal_id) == ("FULFILLED", None)
    assert balances("alice") == {"RP": "300.00", "TICKETS": "2"}
    assert RedemptionOption.objects.get().ordered == 1


def bet_two_on_slots() -> None:
    place_bet(
        bet_id="bet", player_id="alice", stake="2.00", real_available=0, category="slots", actor="platform", at=AT
    )


@pytest.mark.parametrize("payout", ["6.00", "0.00"])
def test_a_bonus_that_was_played_is_not_refunded_whether_it_won_or_lost(payout: str) -> None:
    make_saver()
    make_option()
    done = order()
    bet_two_on_slots()
    settle_bet(bet_id="bet", payout=payout, actor="platform", at=AT)
    held = balances("alice")

    with pytest.raises(CreditSpentError):
        cancel(done)

    assert balances("alice") == held
    assert RedemptionOption.objects.get().ordered == 1


def test_a_bonus_whose_only_bet_is_void_is_refunded() -> None:
    make_saver()
    make_option()
    done = order()
    bet_two_on_slots()
    void_bet(bet_id="bet", actor="platform", at=AT)

    cancel(done)

    assert balances("alice") == {"RP": "800.00"}
    reconcile()


def test_a_second_cancellation_is_refused() -> None:
    make_saver()
    make_option()
    done = order()
    cancel(done)

    with pytest.raises(OrderStatusError, match="an order is refunded once"):
        cancel(done, key="another")

    assert balances("alice") == {"RP": "800.00"}
    assert RedemptionOption.objects.get().ordered == 0


def test_the_same_key_and_reason_again_return_the_cancelled_order() -> None:
    make_saver()
    make_option()
    done = order()
    cancel(done)

    again = cancel(done)

    assert (again.pk, again.status, again.is_replay) == (done.pk, "CANCELLED", True)
    assert balances("alice") == {"RP": "800.00"}


@pytest.mark.parametrize(("number", "reason"), [(0, "Other words"), (1, "Changed her mind")])
def test_the_same_key_for_another_order_or_reason_is_refused(number: int, reason: str) -> None:
    make_saver(points="1100.00")
    make_option()
    orders = [order(key="first"), order(key="second")]
    cancel(orders[0])

    with pytest.raises(IdempotencyKeyReusedError):
        cancel(orders[number], reason=reason)

    assert RedemptionOption.objects.get().ordered == 1


def test_the_key_of_the_order_does_not_cancel_it() -> None:
    make_saver()
    make_option()
    done = order()

    with pytest.raises(IdempotencyKeyReusedError):
        cancel(done, key="order")

    assert balances("alice") == {"RP": "300.00", "BONUS": "10.00"}


def test_a_benefit_that_was_handed_over_is_not_refunded() -> None:
    make_saver()
    make_option("BENEFIT")
    done = order("DINNER")
    fulfil_order(order_id=done.pk, note="Voucher 17", actor="staff", at=AT)

    with pytest.raises(OrderStatusError, match="was handed over at 2025-12-21 12:00 \\(Voucher 17\\)"):
        cancel(done)

    assert balances("alice") == {"RP": "300.00"}


def test_a_player_who_is_excluded_by_now_is_refunded() -> None:
    alice = make_saver()
    make_option("BENEFIT")
    done = order("DINNER")
    restrict(alice)

    cancel(done)

    assert balances("alice") == {"RP": "800.00"}


def test_an_order_whose_operation_was_reversed_in_the_ledger_follows_without_a_second_refund() -> None:
    make_saver()
    make_option()
    done = order()
    reversal = reverse_operation(operation_id=done.operation_id, reason="Mistake", key="r", actor="finance", at=AT)

    done = cancel(done)

    assert (done.status, done.reversal_id) == ("CANCELLED", reversal[0].operation_id)
    assert balances("alice") == {"RP": "800.00"}
    assert RedemptionOption.objects.get().ordered == 0


@pytest.mark.parametrize("reason", ["", "x" * 201, "a\x00"])
def test_a_cancellation_needs_a_reason_that_can_be_stored(reason: str) -> None:
    make_saver()
    make_option()
    done = order()

    with pytest.raises(InvalidInputError, match="reason"):
        cancel(done, reason=reason)

    assert balances("alice") == {"RP": "300.00", "BONUS": "10.00"}


def test_an_order_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError, match="there is no order 7"):
        cancel_order(order_id=7, reason="r", key="k", actor="staff")


def test_integrators_hear_of_the_cancellation() -> None:
    make_saver()
    make_option()
    done = cancel(order())

    event = OutboxEvent.objects.get(topic="redemption.cancelled")

    assert (event.payload["order_id"], event.payload["reason"]) == (done.pk, "Changed her mind")
    assert event.payload["reversal_id"] == done.reversal_id
