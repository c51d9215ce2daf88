"""What other systems hear of an order, written in the transaction that made it true."""

from __future__ import annotations

from core.models import OutboxEvent
from rewards.models import RedemptionOrder, RedemptionStatus


def announce(order: RedemptionOrder, status: RedemptionStatus, *, option_code: str) -> None:
    """Write the event `redemption.<status>` of an order; there is one for each status it reaches."""
    topic = f"redemption.{status.lower()}"
    OutboxEvent.objects.create(
        topic=topic, key=f"{topic}:{order.pk}", payload={"status": status, **_payload(order, option_code)}
    )


def _payload(order: RedemptionOrder, option_code: str) -> dict[str, object]:
    return {
        "order_id": order.pk,
        "player_id": order.player_id,
        "option_code": option_code,
        "option_name": order.option_name,
        "cost_currency": order.cost_currency,
        "cost": str(order.cost),
        "gives": order.gives,
        "amount": None if order.amount is None else str(order.amount),
        "operation_id": order.operation_id,
        "lot_id": order.lot_id,
        "reversal_id": order.reversal_id,
        "note": order.fulfilment_note,
        "reason": order.cancel_reason,
    }
