"""Handing over what was ordered and cannot be booked."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils import timezone

from core.errors import ConflictError, NotFoundError
from players.models import CreditPurpose
from rewards.models import RedemptionOrder, RedemptionStatus
from rewards.redemption.events import announce
from wallet.ledger import ACTOR_LENGTH_MAX, PlayerRestrictedError, lock_players
from wallet.postings import check_text_field
from wallet.restrictions import refusing_restriction

NOTE_LENGTH_MAX = 500


class OrderStatusError(ConflictError):
    """Raised when an order is in a status from which the step does not lead on; `details` carries the status."""

    code = "order_status"


def fulfil_order(*, order_id: int, note: str, actor: str, at: datetime | None = None) -> RedemptionOrder:
    """Mark a benefit as handed over; `note` says how, 1 to 500 characters.

    Raises InvalidInputError, NotFoundError, OrderStatusError unless it is waiting, and PlayerRestrictedError for a
    player who may not redeem any more: such an order is cancelled with its refund.
    """
    at = at or timezone.now()
    check_text_field("note", note, length_max=NOTE_LENGTH_MAX, is_needed=True)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        order = locked_order(order_id)
        if order.status != RedemptionStatus.ORDERED:
            raise OrderStatusError(
                f"order {order_id} is {order.status}: only one that is ORDERED can be fulfilled", status=order.status
            )
        _check_restrictions(order, at=at)
        steps = {"fulfilled_at": at, "fulfilled_by": actor, "fulfilment_note": note}
        claim_status(order, RedemptionStatus.FULFILLED, **steps)
        announce(order, RedemptionStatus.FULFILLED, option_code=order.option.code)
    return order


def locked_order(order_id: int) -> RedemptionOrder:
    """Return an order with its player locked. Raises NotFoundError."""
    found = RedemptionOrder.objects.filter(pk=order_id).values_list("player_id", flat=True).first()
    if found is None:
        raise NotFoundError(f"there is no order {order_id}", order_id=order_id)
    lock_players([found])
    return RedemptionOrder.objects.select_related("option").get(pk=order_id)


def claim_status(order: RedemptionOrder, status: RedemptionStatus, **fields: object) -> None:
    """Take an order on to a status by an update that must change exactly one row. Raises OrderStatusError."""
    rows = RedemptionOrder.objects.filter(pk=order.pk, status=order.status)
    if rows.update(status=status, **fields) != 1:
        raise OrderStatusError(f"order {order.pk} is not {order.status} any more", status=order.status)
    order.refresh_from_db(fields=["status", *fields])


def _check_restrictions(order: RedemptionOrder, *, at: datetime) -> None:
    restriction = refusing_restriction(player_id=order.player_id, purpose=CreditPurpose.REDEMPTION, at=at)
    if restriction:
        raise PlayerRestrictedError(
            f"player {order.player_id} is restricted ({restriction}): cancel the order, the points go back",
            player_id=order.player_id,
            restriction=restriction,
        )
