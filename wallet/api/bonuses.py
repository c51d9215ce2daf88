"""A player's bonuses in the API: list, claim, cancel."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.pagination import PageQuery, PageSerializer, page_of
from core.api.serializers import NoBody, RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from wallet.bonus_life import REASON_LENGTH_MAX, cancel_bonus, claim_bonus
from wallet.bonuses import CLAIM, wagering_percent
from wallet.holdings import awaited_by, bonuses_of
from wallet.models import BonusStatus, Lot


class BonusSerializer(serializers.ModelSerializer[Lot]):
    """A bonus with its terms and how far it is."""

    bonus_id = serializers.IntegerField(source="pk")
    progress_percent = serializers.SerializerMethodField(help_text="How much of the requirement is wagered, 0–100.")
    waits_for = serializers.SerializerMethodField(
        help_text="CLAIM, an action's code, DATE (until available_at) or TURN (until the bonus before it has ended)."
    )
    claim_until = serializers.SerializerMethodField(help_text="The end of the claim window.")
    expires_at = serializers.SerializerMethodField(
        help_text="Null while a bonus waits: `active_hours` count from when it is active."
    )

    class Meta:
        model = Lot
        fields = (
            "bonus_id",
            "kind",
            "status",
            "amount",
            "remaining",
            "wagering_required",
            "wagering_completed",
            "progress_percent",
            "wagering_basis",
            "waits_for",
            "claim_until",
            "available_at",
            "active_hours",
            "expires_at",
            "max_bet",
            "max_conversion",
            "converted",
            "eligible_games",
            "open_bets",
            "granted_on",
            "closed_at",
            "end_reason",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "string", "format": "decimal", "example": "33.33"})
    def get_progress_percent(self, bonus: Lot) -> str:
        percent: Decimal = wagering_percent(bonus)
        return f"{percent:.2f}"

    def get_waits_for(self, bonus: Lot) -> str | None:
        return awaited_by(bonus, at=timezone.now())

    def get_claim_until(self, bonus: Lot) -> datetime | None:
        return bonus.expires_at if bonus.awaits == CLAIM else None

    def get_expires_at(self, bonus: Lot) -> datetime | None:
        return None if bonus.awaits == CLAIM else bonus.expires_at


class BonusQuery(PageQuery):
    """Filters of the list."""

    status = serializers.ChoiceField(choices=BonusStatus.choices, required=False)


class BonusPageSerializer(PageSerializer):
    results = BonusSerializer(many=True)


class ReasonSerializer(RequestSerializer):
    """Why a bonus is cancelled; the player's page shows it."""

    reason = TextField(max_length=REASON_LENGTH_MAX)


class PlayerBonuses(Endpoint):
    """A player's bonuses."""

    permissions_by_method = {"GET": "wallet.view_loyaltybalance"}
    query_by_method = {"GET": BonusQuery}

    @extend_schema(operation_id="players_bonuses", parameters=[BonusQuery], responses=BonusPageSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """List bonuses, open ones first, then the newest."""
        rows = bonuses_of(player_id, status=self.query.get("status"))
        return Response(page_of(rows, query=self.query, request=request, serializer=BonusSerializer))


class ClaimBonus(Endpoint):
    """A bonus that waits to be claimed."""

    permissions_by_method = {"POST": "wallet.act_for_player"}

    @extend_schema(operation_id="players_bonus_claim", request=None, responses=BonusSerializer)
    def post(self, request: Request, player_id: str, bonus_id: int) -> Response:
        """Claim a bonus; it is active at once, or as soon as its turn has come."""
        read_body(request, NoBody)
        bonus = claim_bonus(player_id=player_id, bonus_id=bonus_id, actor=user_of(request).username, at=timezone.now())
        return Response(BonusSerializer(bonus).data)


class CancelBonus(Endpoint):
    """A bonus that is to end."""

    permissions_by_method = {"POST": "wallet.cancel_bonus"}

    @extend_schema(
        operation_id="players_bonus_cancel",
        parameters=[KEY_PARAMETER],
        request=ReasonSerializer,
        responses=BonusSerializer,
    )
    def post(self, request: Request, player_id: str, bonus_id: int) -> Response:
        """End a pending or active bonus; what it holds leaves the balance, bets it helped to pay still settle."""
        key, reason = idempotency_key(request), read_body(request, ReasonSerializer)["reason"]
        bonus = cancel_bonus(
            player_id=player_id,
            bonus_id=bonus_id,
            reason=reason,
            key=key,
            actor=user_of(request).username,
            at=timezone.now(),
        )
        return Response(BonusSerializer(bonus).data)
