"""What players do with what they hold, told by the platform: spend, withdraw."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, TextField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from wallet.api.bonuses import BonusSerializer
from wallet.api.posted import PostedSerializer, posted_answer
from wallet.bonus_life import forfeit_on_withdrawal
from wallet.models import CurrencyType
from wallet.points import deduct_balance

SPENDABLE = tuple(choice for choice in CurrencyType.choices if choice[0] != CurrencyType.BONUS)


class SpendSerializer(RequestSerializer):
    """Points or tickets that a player spends."""

    player_id = TextField(max_length=50)
    currency = serializers.ChoiceField(
        choices=SPENDABLE,
        error_messages={
            "invalid_choice": "{input} cannot be spent here: one of LP, RP, TICKETS is needed; bonus money is spent "
            "by bets."
        },
    )
    amount = AmountField()
    description = TextField(required=False, max_length=500, help_text="Shown in the player's statement.")


class WithdrawalSerializer(RequestSerializer):
    """A withdrawal of real money; its id is the idempotency key."""

    player_id = TextField(max_length=50)
    withdrawal_id = TextField(max_length=100)


class ForfeitedSerializer(serializers.Serializer[Any]):
    """What a withdrawal has ended: nothing, unless the policy FORFEIT_BONUS_ON_WITHDRAWAL says so."""

    player_id = serializers.CharField()
    withdrawal_id = serializers.CharField()
    forfeited = BonusSerializer(many=True)


class Deduct(Endpoint):
    """Points and tickets that are spent."""

    permissions_by_method = {"POST": "wallet.act_for_player"}

    @extend_schema(
        operation_id="wallet_deduct",
        parameters=[KEY_PARAMETER],
        request=SpendSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Spend points or tickets, what expires first before the rest."""
        key, asked = idempotency_key(request), read_body(request, SpendSerializer)
        posted = deduct_balance(key=key, actor=user_of(request).username, at=timezone.now(), **asked)
        return posted_answer(posted, player_id=asked["player_id"], currency=asked["currency"], amount=-asked["amount"])


class Withdrawals(Endpoint):
    """Withdrawals of real money."""

    permissions_by_method = {"POST": "wallet.act_for_player"}

    @extend_schema(operation_id="wallet_withdrawals", request=WithdrawalSerializer, responses=ForfeitedSerializer)
    def post(self, request: Request) -> Response:
        """Tell of a withdrawal; the answer names the bonuses that it has ended."""
        asked = read_body(request, WithdrawalSerializer)
        forfeited = forfeit_on_withdrawal(actor=user_of(request).username, at=timezone.now(), **asked)
        return Response(ForfeitedSerializer({**asked, "forfeited": forfeited}).data)
