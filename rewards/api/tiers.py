"""What a changed tier would do, in the API."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import DocumentField, WholeNumberField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body
from core.errors import NotFoundError
from players.tiers import current_tiers
from rewards.tier_preview import preview_tier


def _money() -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=18, decimal_places=2)


class TierPreviewRequestSerializer(RequestSerializer):
    """What the tier would say; keys not given stay as they are."""

    lp_min = WholeNumberField(required=False)
    benefits = DocumentField(required=False)


class TierPlayersSerializer(serializers.Serializer[Any]):
    """A tier as it would be; players without the change and with it."""

    level = serializers.CharField()
    lp_min = serializers.IntegerField()
    before = serializers.IntegerField()
    after = serializers.IntegerField()


class TierMoveSerializer(serializers.Serializer[Any]):
    """Players who would rank elsewhere, or stay at other terms; costs in money value per 30 days."""

    tier_before = serializers.CharField()
    tier_after = serializers.CharField()
    players = serializers.IntegerField()
    kept = serializers.IntegerField(help_text="Of those who stay: how many only for the days of grace.")
    points_cost = _money()
    cashback_cost = _money()


class WelcomeSerializer(serializers.Serializer[Any]):
    """What reaching a tier would give at most, once."""

    tier_level = serializers.CharField()
    players = serializers.IntegerField()
    rule_ids = serializers.ListField(child=serializers.CharField())
    value_max = _money()


class TierPreviewSerializer(serializers.Serializer[Any]):
    """What saving it would change; nothing was written."""

    players_moving = serializers.IntegerField()
    points_cost = _money()
    cashback_cost = _money()
    by_tier = TierPlayersSerializer(many=True)
    moves = TierMoveSerializer(many=True)
    stay_at_changed_terms = TierMoveSerializer(many=True)
    welcomes = WelcomeSerializer(many=True)


class TierPreviewView(Endpoint):
    """A preview of one tier's change."""

    permissions_by_method = {"POST": "players.change_tier"}

    @extend_schema(operation_id="tiers_preview", request=TierPreviewRequestSerializer, responses=TierPreviewSerializer)
    def post(self, request: Request, tier_id: int) -> Response:
        """Say who would move between which tiers and what it would cost if the tier were changed so."""
        given = read_body(request, TierPreviewRequestSerializer)
        tier = next((one for one in current_tiers() if one.pk == tier_id), None)
        if tier is None:
            raise NotFoundError(f"there is no tier {tier_id}", tier_id=tier_id)
        known = {"lp_min": tier.lp_min, "benefits": tier.benefits}
        preview = preview_tier(
            tier_id=tier_id, tier_level=tier.tier_level, on=timezone.localdate(), **{**known, **given}
        )
        return Response(TierPreviewSerializer(preview).data)
