"""What a player holds, in the API."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField
from core.api.views import Endpoint
from wallet.holdings import holdings_of
from wallet.models import CurrencyType


class HoldingSerializer(serializers.Serializer[Any]):
    """One currency. What is neither spendable nor pending is past its time and goes with the next night."""

    currency = serializers.ChoiceField(choices=CurrencyType.choices)
    balance = AmountField()
    spendable = AmountField(help_text="BONUS: playable, within each bonus's games and largest bet.")
    pending = AmountField(help_text="Waits for a claim, an action, a date or its turn.")
    next_expiry_at = serializers.DateTimeField(allow_null=True, help_text="When the first of it expires.")


class BalancesSerializer(serializers.Serializer[Any]):
    """All currencies of a player."""

    player_id = serializers.CharField()
    at = serializers.DateTimeField()
    balances = HoldingSerializer(many=True)


class PlayerBalances(Endpoint):
    """A player's balances."""

    permissions_by_method = {"GET": "wallet.view_loyaltybalance"}

    @extend_schema(operation_id="players_balance", responses=BalancesSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """Show what a player holds, what of it can be spent now, and what waits."""
        now: datetime = timezone.now()
        held = holdings_of(player_id, at=now)
        return Response(BalancesSerializer({"player_id": player_id, "at": now, "balances": held}).data)
