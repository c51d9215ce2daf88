"""Credits by hand in the API: each needs an idempotency key, and restrictions and caps are asked first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, TextField, WholeNumberField
from core.api.idempotency import HEADER, idempotency_key
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from safety.grants import credit_bonus, credit_points
from wallet.ledger import Posted
from wallet.models import CurrencyType

_KEY = OpenApiParameter(
    HEADER,
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="A new one for each credit. The same key and body again are answered with the first result; another "
    "body under the same key is refused.",
)


class PointsSerializer(RequestSerializer):
    """Loyalty points for one player."""

    player_id = TextField(max_length=50)
    amount = AmountField()
    source = TextField(  # type: ignore[assignment]  # DRF collects fields before it looks at its own attribute
        max_length=500, help_text="Why; shown in the player's statement."
    )


class BonusSerializer(RequestSerializer):
    """Bonus money for one player, with its terms."""

    player_id = TextField(max_length=50)
    amount = AmountField()
    wagering_requirement = serializers.DecimalField(
        max_digits=6, decimal_places=2, min_value=Decimal(0), help_text="Multiple of the amount that must be wagered."
    )
    expiry_hours = WholeNumberField(min_value=1, max_value=24 * 3650)
    max_bet = AmountField(required=False, allow_null=True)
    eligible_games = serializers.ListField(
        child=TextField(max_length=40), required=False, allow_null=True, min_length=1, help_text="Game categories."
    )
    description = TextField(required=False, max_length=500)


class CreditSerializer(serializers.Serializer[Any]):
    """What was posted; `is_replay` where an earlier request with the same key had done it."""

    operation_id = serializers.IntegerField()
    transaction_id = serializers.IntegerField()
    lot_id = serializers.IntegerField()
    player_id = serializers.CharField()
    currency = serializers.ChoiceField(choices=CurrencyType.choices)
    amount = AmountField()
    balance_before = AmountField()
    balance_after = AmountField()
    is_replay = serializers.BooleanField()


class AddPoints(Endpoint):
    """Loyalty points."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_lp",
        parameters=[_KEY],
        request=PointsSerializer,
        responses={201: CreditSerializer, 200: CreditSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit loyalty points by hand."""
        key, asked = idempotency_key(request), read_body(request, PointsSerializer)
        posted = credit_points(key=key, actor=user_of(request).username, **asked)
        return _answer(posted, currency=CurrencyType.LP, asked=asked)


class AddBonus(Endpoint):
    """Bonus money."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_bonus",
        parameters=[_KEY],
        request=BonusSerializer,
        responses={201: CreditSerializer, 200: CreditSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit bonus money by hand."""
        key, asked = idempotency_key(request), read_body(request, BonusSerializer)
        expiry = timedelta(hours=asked.pop("expiry_hours"))
        posted = credit_bonus(key=key, actor=user_of(request).username, expiry=expiry, **asked)
        return _answer(posted, currency=CurrencyType.BONUS, asked=asked)


def _answer(posted: Posted, *, currency: CurrencyType, asked: dict[str, Any]) -> Response:
    is_replay = posted.outcome == "REPLAYED"
    done = {
        "operation_id": posted.operation_id,
        "transaction_id": posted.entry_id,
        "lot_id": posted.lot_id,
        "player_id": asked["player_id"],
        "currency": currency,
        "amount": asked["amount"],
        "balance_before": posted.balance_before,
        "balance_after": posted.balance_after,
        "is_replay": is_replay,
    }
    answered = status.HTTP_200_OK if is_replay else status.HTTP_201_CREATED
    return Response(CreditSerializer(done).data, status=answered)
