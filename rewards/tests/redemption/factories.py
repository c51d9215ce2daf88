"""Options of the catalogue, players with points, and orders, with fixed values."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from players.models import Player
from players.tests.factories import make_player
from rewards.models import RedemptionOption, RedemptionOrder
from rewards.redemption.options import save_option
from rewards.redemption.ordering import order_redemption
from wallet.models import Lot
from wallet.tests.factories import AT, LATER, credit

TERMS: dict[str, dict[str, Any]] = {
    "BONUS": {
        "code": "BONUS_10",
        "name": "10.00 of bonus money",
        "amount": Decimal("10.00"),
        "wagering_requirement": Decimal(5),
        "expiry_hours": 72,
        "max_bet": Decimal("2.00"),
        "max_conversion": Decimal("100.00"),
        "eligible_games": ["slots"],
    },
    "TICKETS": {"code": "TICKETS_3", "name": "Three tickets", "amount": Decimal(3), "expiry_hours": 240},
    "BENEFIT": {"code": "DINNER", "name": "Dinner for two", "description": "At the restaurant, any evening."},
}


def make_option(gives: str = "BONUS", **changes: Any) -> RedemptionOption:
    """Return an option for 500.00 RP: 10.00 of bonus money, three tickets or a dinner."""
    content = {"gives": gives, "cost_currency": "RP", "cost": Decimal("500.00"), **TERMS[gives], **changes}
    return save_option(RedemptionOption(**content))


def make_saver(player_id: str = "alice", *, points: str = "800.00", currency: str = "RP", **profile: Any) -> Player:
    """Return a player with points in two lots: 300.00 until 31 January, the rest without an end."""
    player = make_player(player_id, **{"tier": "SILVER", **profile})
    rest = str(Decimal(points) - 300)
    credit(player_id, "300.00", currency=currency, key=f"{player_id}:1", expires_at=LATER)
    credit(player_id, rest, currency=currency, key=f"{player_id}:2")
    return player


def order(
    option_code: str = "BONUS_10", *, player_id: str = "alice", key: str = "order", at: datetime = AT
) -> RedemptionOrder:
    return order_redemption(player_id=player_id, option_code=option_code, key=key, actor="tests", at=at)


def lot_of(done: RedemptionOrder) -> Lot:
    """Return the lot that an order credited."""
    assert done.lot_id is not None
    return Lot.objects.get(pk=done.lot_id)
