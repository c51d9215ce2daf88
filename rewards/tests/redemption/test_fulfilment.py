"""Handing over a benefit: once, with a note, and not to a player who may not redeem any more."""

from __future__ import annotations

import pytest

from core.errors import InvalidInputError, NotFoundError
from core.models import OutboxEvent
from players.tests.factories import restrict
from rewards.models import RedemptionOrder, RedemptionStatus
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.fulfilment import OrderStatusError, claim_status, fulfil_order
from rewards.tests.redemption.factories import make_option, make_saver, order
from wallet.ledger import PlayerRestrictedError
from wallet.tests.factories import AT

pytestmark = pytest.mark.django_db


@pytest.fixture
def dinner() -> RedemptionOrder:
    make_saver()
    make_option("BENEFIT")
    return order("DINNER")


def fulfil(done: RedemptionOrder, note: str = "Voucher 17 sent") -> RedemptionOrder:
    return fulfil_order(order_id=done.pk, note=note, actor="staff", at=AT)


def test_a_benefit_is_handed_over_with_a_note(dinner: RedemptionOrder) -> None:
    done = fulfil(dinner)

    assert (done.status, done.fulfilment_note) == ("FULFILLED", "Voucher 17 sent")
    assert (done.fulfilled_by, done.fulfilled_at) == ("staff", AT)
    assert OutboxEvent.objects.get(topic="redemption.fulfilled").payload["note"] == "Voucher 17 sent"


def test_nothing_is_handed_over_twice(dinner: RedemptionOrder) -> None:
    fulfil(dinner)

    with pytest.raises(OrderStatusError, match=f"order {dinner.pk} is FULFILLED: only one that is ORDERED"):
        fulfil(dinner, "Voucher 18 sent")

    dinner.refresh_from_db()
    assert dinner.fulfilment_note == "Voucher 17 sent"


def test_a_cancelled_order_is_not_handed_over(dinner: RedemptionOrder) -> None:
    cancel_order(order_id=dinner.pk, reason="Closed", key="cancel", actor="staff", at=AT)

    with pytest.raises(OrderStatusError):
        fulfil(dinner)


def test_a_bonus_was_handed_over_with_the_order() -> None:
    make_saver()
    make_option()

    with pytest.raises(OrderStatusError):
        fulfil(order())


def test_who_claims_a_status_that_has_moved_on_is_refused(dinner: RedemptionOrder) -> None:
    stale = RedemptionOrder.objects.get(pk=dinner.pk)
    fulfil(dinner)

    with pytest.raises(OrderStatusError, match="is not ORDERED any more"):
        claim_status(stale, RedemptionStatus.FULFILLED, fulfilled_at=AT)


def test_a_player_who_is_excluded_by_now_gets_the_points_back_instead(dinner: RedemptionOrder) -> None:
    restrict(dinner.player)

    with pytest.raises(PlayerRestrictedError, match=r"SELF_EXCLUDED.*cancel the order"):
        fulfil(dinner)

    dinner.refresh_from_db()
    assert dinner.status == "ORDERED"


@pytest.mark.parametrize("note", ["", "x" * 501, "a\x00"])
def test_a_note_is_needed(dinner: RedemptionOrder, note: str) -> None:
    with pytest.raises(InvalidInputError, match="note"):
        fulfil(dinner, note)


def test_an_order_nobody_knows_is_refused() -> None:
    with pytest.raises(NotFoundError):
        fulfil_order(order_id=7, note="n", actor="staff")
