"""Credits by hand in the API: each needs an idempotency key, and restrictions and caps are asked first."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField, AmountOrZeroField, TextField, WholeNumberField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from players.api.fields import ActionCodeField
from safety.grants import credit_bonus, credit_points
from safety.models import ViolationPath
from wallet.api.posted import PostedSerializer, posted_answer
from wallet.bonuses import EXPIRY_HOURS_MAX
from wallet.models import CurrencyType, WageringBasis


class PointsSerializer(RequestSerializer):
    """Loyalty points, reward points or tickets for one player."""

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
    wagering_basis = serializers.ChoiceField(
        choices=WageringBasis.choices,
        required=False,
        help_text="Whether the requirement is a multiple of the bonus or of deposit and bonus; the policy "
        "WAGERING_BASIS where it is not given.",
    )
    deposit = AmountOrZeroField(required=False, help_text="The deposit that the bonus was given for.")
    expiry_hours = WholeNumberField(
        min_value=1, max_value=EXPIRY_HOURS_MAX, help_text="How long it may be played, from when it is active."
    )
    claim_hours = WholeNumberField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=EXPIRY_HOURS_MAX,
        help_text="The player must claim it within so many hours.",
    )
    awaits = ActionCodeField(
        required=False,
        allow_null=True,
        help_text="The code of the player's action that it waits for, for example KYC_COMPLETE.",
    )
    available_at = serializers.DateTimeField(required=False, allow_null=True, help_text="Not playable before.")
    max_bet = AmountField(required=False, allow_null=True)
    max_conversion = AmountField(
        required=False, allow_null=True, help_text="The most of it that can become real money."
    )
    eligible_games = serializers.ListField(
        child=TextField(max_length=40), required=False, allow_null=True, min_length=1, help_text="Game categories."
    )
    description = TextField(required=False, max_length=500)


class AddPoints(Endpoint):
    """Loyalty points."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_lp",
        parameters=[KEY_PARAMETER],
        request=PointsSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit loyalty points by hand."""
        return _credit(request, currency=CurrencyType.LP)


class AddRewardPoints(Endpoint):
    """Reward points."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_rp",
        parameters=[KEY_PARAMETER],
        request=PointsSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit reward points by hand."""
        return _credit(request, currency=CurrencyType.RP)


class AddTickets(Endpoint):
    """Tickets."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_tickets",
        parameters=[KEY_PARAMETER],
        request=PointsSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit tickets by hand; the amount is whole."""
        return _credit(request, currency=CurrencyType.TICKETS)


def _credit(request: Request, *, currency: CurrencyType) -> Response:
    key, asked = idempotency_key(request), read_body(request, PointsSerializer)
    actor = user_of(request).username
    posted = credit_points(key=key, actor=actor, currency=currency, path=ViolationPath.API, **asked)
    return posted_answer(posted, player_id=asked["player_id"], currency=currency, amount=asked["amount"])


class AddBonus(Endpoint):
    """Bonus money."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_add_bonus",
        parameters=[KEY_PARAMETER],
        request=BonusSerializer,
        responses={201: PostedSerializer, 200: PostedSerializer},
    )
    def post(self, request: Request) -> Response:
        """Credit bonus money by hand."""
        key, asked = idempotency_key(request), read_body(request, BonusSerializer)
        expiry, claim_hours = timedelta(hours=asked.pop("expiry_hours")), asked.pop("claim_hours", None)
        posted = credit_bonus(
            key=key,
            actor=user_of(request).username,
            expiry=expiry,
            claim_within=timedelta(hours=claim_hours) if claim_hours else None,
            path=ViolationPath.API,
            **asked,
        )
        return posted_answer(posted, player_id=asked["player_id"], currency=CurrencyType.BONUS, amount=asked["amount"])
