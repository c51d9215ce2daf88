"""Jurisdictions in the API: the profiles in force with their clauses, and a player's."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from core.errors import NotFoundError
from players.jurisdictions import REASON_LENGTH_MAX, jurisdiction_of, set_jurisdiction
from players.models import CountryName, Player
from safety.jurisdictions.profiles import profile_of, profiles_in_force
from safety.vip_approvals import VipStanding, vip_standing


class LimitSerializer(serializers.Serializer[Any]):
    """One limit with the clause it comes from; `reading` is ours, and so is all of it where `is_our_reading`."""

    kind = serializers.CharField()
    value = serializers.DecimalField(max_digits=18, decimal_places=2, allow_null=True)
    names = serializers.ListField(child=serializers.CharField())
    severity = serializers.CharField()
    valid_from = serializers.DateField()
    clause = serializers.CharField()
    clause_says = serializers.CharField()
    source_url = serializers.CharField()
    is_our_reading = serializers.BooleanField()
    reading = serializers.CharField()


class JurisdictionSerializer(serializers.Serializer[Any]):
    """A profile in force."""

    code = serializers.CharField()
    name = serializers.CharField()
    version = serializers.IntegerField()
    countries = serializers.ListField(child=serializers.CharField())
    takes_unknown_countries = serializers.BooleanField()
    limits = LimitSerializer(many=True)


class JurisdictionsSerializer(serializers.Serializer[Any]):
    results = JurisdictionSerializer(many=True)


class VipStandingSerializer(serializers.Serializer[Any]):
    """Whether the player counts as a VIP for rewards: the segment, and where it is asked for an approval."""

    segment = serializers.CharField()
    vip_status = serializers.BooleanField()
    needs_approval = serializers.BooleanField()
    missing = serializers.CharField(allow_blank=True)


class PlayerJurisdictionSerializer(serializers.Serializer[Any]):
    """Where a player belongs, by what, and what holds there today."""

    player_id = serializers.CharField()
    country = serializers.CharField(allow_blank=True)
    country_code = serializers.CharField(allow_null=True)
    decided_by = serializers.ChoiceField(
        choices=[("STAFF", "Staff's choice"), ("COUNTRY", "The country"), ("UNKNOWN", "The country is not known")]
    )
    jurisdiction = JurisdictionSerializer()
    vip = VipStandingSerializer()


class PlayerJurisdictionRequestSerializer(RequestSerializer):
    """The code of a jurisdiction, or null to leave it to the country; and why."""

    jurisdiction = TextField(max_length=10, allow_null=True)
    reason = TextField(max_length=REASON_LENGTH_MAX)


class JurisdictionList(Endpoint):
    """All profiles in force."""

    permissions_by_method = {"GET": "players.view_jurisdiction"}

    @extend_schema(operation_id="jurisdictions_list", responses=JurisdictionsSerializer)
    def get(self, request: Request) -> Response:
        """List the profiles in force, each limit with its clause."""
        return Response(JurisdictionsSerializer({"results": profiles_in_force()}).data)


class JurisdictionDetail(Endpoint):
    """One profile in force."""

    permissions_by_method = {"GET": "players.view_jurisdiction"}

    @extend_schema(operation_id="jurisdictions_read", responses=JurisdictionSerializer)
    def get(self, request: Request, code: str) -> Response:
        """Show a profile in force."""
        return Response(JurisdictionSerializer(profile_of(code)).data)


class PlayerJurisdiction(Endpoint):
    """The jurisdiction of one player."""

    permissions_by_method = {"GET": "players.view_player", "PUT": "players.add_playerjurisdictionchange"}

    @extend_schema(operation_id="player_jurisdiction_read", responses=PlayerJurisdictionSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """Show a player's jurisdiction, what it is decided by, and whether the player counts as a VIP."""
        return Response(_shown(player_id))

    @extend_schema(
        operation_id="player_jurisdiction_update",
        request=PlayerJurisdictionRequestSerializer,
        responses=PlayerJurisdictionSerializer,
    )
    def put(self, request: Request, player_id: str) -> Response:
        """Put a player under a jurisdiction whatever the country says, or leave it to the country."""
        asked = read_body(request, PlayerJurisdictionRequestSerializer)
        set_jurisdiction(player_id=player_id, code=asked["jurisdiction"], reason=asked["reason"], by=user_of(request))
        return Response(_shown(player_id))


def _shown(player_id: str) -> dict[str, Any]:
    player = Player.objects.filter(pk=player_id).only("country", "jurisdiction").first()
    if player is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    code = CountryName.objects.filter(pk=player.country.strip().lower()).values_list("code", flat=True).first()
    by_country = "COUNTRY" if code else "UNKNOWN"
    shown = {
        "player_id": player_id,
        "country": player.country,
        "country_code": code,
        "decided_by": "STAFF" if player.jurisdiction_id else by_country,
        "jurisdiction": profile_of(jurisdiction_of(player_id)),
        "vip": vip_shown(vip_standing(player_id, on=timezone.localdate())),
    }
    return dict(PlayerJurisdictionSerializer(shown).data)


def vip_shown(standing: VipStanding) -> dict[str, Any]:
    """Return a standing as VipStandingSerializer describes it."""
    return {
        "segment": standing.segment,
        "vip_status": standing.vip_status,
        "needs_approval": standing.limit is not None,
        "missing": standing.lacks,
    }
