"""Tiers in the API: list, create, update."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import DocumentField, TextField, WholeNumberField
from core.api.serializers import ChangeSerializer, RequestSerializer
from core.api.views import Endpoint, read_body
from core.errors import NotFoundError
from players.models import Tier
from players.tiers import current_tiers, save_tier


class TierSerializer(serializers.ModelSerializer[Tier]):
    """A tier; `is_saved_by_staff` says whether its threshold is staff's or the environment's."""

    class Meta:
        model = Tier
        fields = ("id", "tier_level", "lp_min", "lp_max", "benefits", "is_saved_by_staff")
        read_only_fields = fields


class NewTierSerializer(RequestSerializer):
    """A tier to add; `lp_max` may be left out, it follows from the next tier."""

    tier_level = TextField(max_length=30)
    lp_min = WholeNumberField(help_text="Points earned from which the tier is reached.")
    lp_max = WholeNumberField(required=False, allow_null=True)
    benefits = DocumentField(required=False)


class TierChangeSerializer(ChangeSerializer):
    """What to change of a tier; keys not given stay as they are."""

    tier_level = TextField(max_length=30, required=False, help_text="Must be the tier's own: players carry it.")
    lp_min = WholeNumberField(required=False)
    lp_max = WholeNumberField(required=False, allow_null=True)
    benefits = DocumentField(required=False)


class TierList(Endpoint):
    """All tiers from the lowest to the highest."""

    permissions_by_method = {"GET": "players.view_tier", "POST": "players.add_tier"}

    @extend_schema(operation_id="tiers_list", responses=TierSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List tiers."""
        return Response(TierSerializer(current_tiers(), many=True).data)

    @extend_schema(operation_id="tiers_create", request=NewTierSerializer, responses={201: TierSerializer})
    def post(self, request: Request) -> Response:
        """Add a tier; the tier below ends where it begins."""
        given = read_body(request, NewTierSerializer)
        tier = save_tier(tier_id=None, **{"benefits": {}, **given})
        return Response(TierSerializer(tier).data, status=status.HTTP_201_CREATED)


class TierDetail(Endpoint):
    """One tier."""

    permissions_by_method = {"GET": "players.view_tier", "PUT": "players.change_tier"}

    @extend_schema(operation_id="tiers_read", responses=TierSerializer)
    def get(self, request: Request, tier_id: int) -> Response:
        """Show a tier."""
        return Response(TierSerializer(_tier(tier_id)).data)

    @extend_schema(operation_id="tiers_update", request=TierChangeSerializer, responses=TierSerializer)
    def put(self, request: Request, tier_id: int) -> Response:
        """Change the given keys of a tier; the tier below ends where it begins."""
        given = read_body(request, TierChangeSerializer)
        stored = _tier(tier_id)
        known = {"tier_level": stored.tier_level, "lp_min": stored.lp_min, "benefits": stored.benefits}
        return Response(TierSerializer(save_tier(tier_id=tier_id, **{**known, **given})).data)


def _tier(tier_id: int) -> Tier:
    for tier in current_tiers():
        if tier.pk == tier_id:
            return tier
    raise NotFoundError(f"there is no tier {tier_id}", tier_id=tier_id)
