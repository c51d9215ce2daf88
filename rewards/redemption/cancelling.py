"""Cancelling an order: the points go back to the lots that paid, the gift comes back, the piece is in stock again."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from rewards.models import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.redemption.events import announce
from rewards.redemption.fulfilment import OrderStatusError, claim_status, locked_order
from rewards.redemption.ordering import KEY_LENGTH_MAX
from wallet.corrections import REASON_LENGTH_MAX, AlreadyReversedError, reverse_operation
from wallet.ledger import ACTOR_LENGTH_MAX, IdempotencyKeyReusedError
from wallet.postings import check_text_field


def cancel_order(*, order_id: int, reason: str, key: str, actor: str, at: datetime | None = None) -> RedemptionOrder:
    """Cancel an order and refund it in full, restricted players included; `reason` has 1 to 200 characters.

    The same key and inputs return the order, marked `is_replay`. Raises InvalidInputError, NotFoundError,
    IdempotencyKeyReusedError, OrderStatusError for an order that is cancelled or a benefit that was handed over,
    and CreditSpentError with the figures where bonus or tickets are partly spent, or the bonus was played; then nothing
    is written.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    check_text_field("key", key, length_max=KEY_LENGTH_MAX, is_needed=True)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        order = locked_order(order_id)
        if _is_replay(order, reason=reason, key=key):
            order.is_replay = True
            return order
        _check_cancellable(order)
        reversal_id = _refund(order, reason=reason, key=key, actor=actor, at=at)
        steps = {"cancelled_at": at, "cancelled_by": actor, "cancel_reason": reason, "cancel_key": key}
        claim_status(order, RedemptionStatus.CANCELLED, reversal_id=reversal_id, **steps)
        RedemptionOption.objects.filter(pk=order.option_id).update(ordered=F("ordered") - 1)
        announce(order, RedemptionStatus.CANCELLED, option_code=order.option.code)
    return order


def _is_replay(order: RedemptionOrder, *, reason: str, key: str) -> bool:
    earlier = RedemptionOrder.objects.filter(cancel_key=key).first()
    if earlier is None:
        return False
    if (earlier.pk, earlier.cancel_reason) != (order.pk, reason):
        raise IdempotencyKeyReusedError(
            f"the key {key!r} was already used to cancel order {earlier.pk} ({earlier.cancel_reason}); use a new key",
            order_id=earlier.pk,
        )
    return True


def _check_cancellable(order: RedemptionOrder) -> None:
    if order.status == RedemptionStatus.CANCELLED:
        raise OrderStatusError(
            f"order {order.pk} was cancelled at {order.cancelled_at:%Y-%m-%d %H:%M} ({order.cancel_reason}): an order "
            "is refunded once",
            status=order.status,
        )
    if order.gives == RedemptionGives.BENEFIT and order.status == RedemptionStatus.FULFILLED:
        raise OrderStatusError(
            f"order {order.pk} was handed over at {order.fulfilled_at:%Y-%m-%d %H:%M} ({order.fulfilment_note}): what "
            "a player has had cannot come back; credit points by hand where that is meant",
            status=order.status,
        )


def _refund(order: RedemptionOrder, *, reason: str, key: str, actor: str, at: datetime) -> int:
    """Reverse the order's operation; one that the ledger's staff have reversed already is taken as the refund."""
    try:
        posted = reverse_operation(operation_id=order.operation_id, reason=reason, key=key, actor=actor, at=at)
    except AlreadyReversedError as error:
        return cast(int, error.details["reversed_by"])
    return cast(int, posted[0].operation_id)
