"""Corrections in the API: reverse an operation, take back what remains of it, adjust a balance."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import BigNumberField, SignedAmountField, TextField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from wallet.api.posted import OperationSerializer, PostedSerializer, operation_answer, posted_answer
from wallet.corrections import REASON_LENGTH_MAX, adjust_balance, reverse_operation, take_back_remaining
from wallet.models import CurrencyType


class CorrectionSerializer(RequestSerializer):
    """Which operation is wrong, and why."""

    operation_id = BigNumberField(min_value=1)
    reason = TextField(max_length=REASON_LENGTH_MAX, help_text="Shown in the player's statement.")


class AdjustmentSerializer(RequestSerializer):
    """What is added to a balance or taken from it, and why."""

    player_id = TextField(max_length=50)
    currency = serializers.ChoiceField(choices=CurrencyType.choices)
    amount = SignedAmountField(help_text="Above zero it adds, below zero it takes.")
    reason = TextField(max_length=REASON_LENGTH_MAX, help_text="Shown in the player's statement.")


class Reverse(Endpoint):
    """Operations that are undone."""

    permissions_by_method = {"POST": "wallet.reverse_operation"}

    @extend_schema(
        operation_id="wallet_reverse",
        parameters=[KEY_PARAMETER],
        request=CorrectionSerializer,
        responses={201: OperationSerializer, 200: OperationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Undo an operation, once; refused with the figures where a credit is partly spent."""
        key, asked = idempotency_key(request), read_body(request, CorrectionSerializer)
        posted = reverse_operation(key=key, actor=user_of(request).username, at=timezone.now(), **asked)
        return operation_answer(posted, key=key, corrects_id=asked["operation_id"])


class TakeBack(Endpoint):
    """Credits that are taken back as far as they are left."""

    permissions_by_method = {"POST": "wallet.reverse_operation"}

    @extend_schema(
        operation_id="wallet_take_back",
        parameters=[KEY_PARAMETER],
        request=CorrectionSerializer,
        responses={201: OperationSerializer, 200: OperationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Take back what is left of what an operation credited; what was spent stays spent."""
        key, asked = idempotency_key(request), read_body(request, CorrectionSerializer)
        posted = take_back_remaining(key=key, actor=user_of(request).username, at=timezone.now(), **asked)
        return operation_answer(posted, key=key, corrects_id=asked["operation_id"])


class Adjust(Endpoint):
    """Balances that nothing else can put right."""

    permissions_by_method = {"POST": "wallet.adjust_balance"}

    @extend_schema(
        operation_id="wallet_adjust",
        parameters=[KEY_PARAMETER],
        request=AdjustmentSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Add to a balance or take from it, what expires first before the rest."""
        key, asked = idempotency_key(request), read_body(request, AdjustmentSerializer)
        posted = adjust_balance(key=key, actor=user_of(request).username, at=timezone.now(), **asked)
        return posted_answer(posted, player_id=asked["player_id"], currency=asked["currency"], amount=asked["amount"])
