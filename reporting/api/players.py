"""Players in the API: list, details, update, soft delete."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import PageSerializer, page_of
from core.api.views import Endpoint, read_body, user_of
from core.errors import NotFoundError
from players.api.profiles import (
    MetricsSerializer,
    PlayerQuery,
    PlayerSerializer,
    ProfileSerializer,
    RestrictionSerializer,
    filtered_players,
)
from players.models import Player
from players.profile_editing import remove_player
from rewards.holdout import GLOBAL, RULE, control_groups_of
from wallet.identity import edit_profile
from wallet.models import LoyaltyBalance


class BalanceSerializer(serializers.ModelSerializer[LoyaltyBalance]):
    """What a player holds; the bonus columns follow from the active bonuses."""

    class Meta:
        model = LoyaltyBalance
        fields = (
            "lp_balance",
            "rp_balance",
            "bonus_balance",
            "tickets_balance",
            "lp_earned",
            "bonus_wagering_required",
            "bonus_wagering_completed",
            "bonus_expiry",
            "bonus_max_bet",
            "bonus_eligible_games",
            "updated_at",
        )


class ControlGroupSerializer(serializers.Serializer[Any]):
    """A group that is given nothing: GLOBAL by any rule, RULE by the one named."""

    group = serializers.ChoiceField(choices=[(GLOBAL, "Of all rules"), (RULE, "Of one rule")])
    rule_id = serializers.CharField(allow_null=True)


class PlayerDetailSerializer(PlayerSerializer):
    """A player with metrics, balances, the restrictions ever imposed, the newest first, and control groups."""

    metrics = MetricsSerializer(allow_null=True, read_only=True)
    balance = BalanceSerializer(allow_null=True, read_only=True)
    restrictions = RestrictionSerializer(many=True, read_only=True)
    control_groups = serializers.SerializerMethodField()

    class Meta(PlayerSerializer.Meta):
        fields = (*PlayerSerializer.Meta.fields, "metrics", "balance", "restrictions", "control_groups")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field(ControlGroupSerializer(many=True))
    def get_control_groups(self, player: Player) -> list[dict[str, Any]]:
        """Return the groups the player is in now."""
        return list(ControlGroupSerializer(control_groups_of(player.pk), many=True).data)


class PlayerPageSerializer(PageSerializer):
    results = PlayerSerializer(many=True)


class PlayerList(Endpoint):
    """All players, filtered, in pages."""

    permissions_by_method = {"GET": "players.view_player"}
    query_by_method = {"GET": PlayerQuery}

    @extend_schema(operation_id="players_list", parameters=[PlayerQuery], responses=PlayerPageSerializer)
    def get(self, request: Request) -> Response:
        """List players."""
        rows = filtered_players(self.query)
        return Response(page_of(rows, query=self.query, request=request, serializer=PlayerSerializer))


class PlayerDetail(Endpoint):
    """One player."""

    permissions_by_method = {
        "GET": "players.view_player",
        "PUT": "players.change_player",
        "PATCH": "players.change_player",
        "DELETE": "players.delete_player",
    }

    @extend_schema(operation_id="players_read", responses=PlayerDetailSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """Show a player with metrics, balances and restrictions."""
        return Response(player_details(player_id))

    @extend_schema(operation_id="players_update", request=ProfileSerializer, responses=PlayerDetailSerializer)
    def put(self, request: Request, player_id: str) -> Response:
        """Change the given profile columns; the others stay as they are."""
        changes = read_body(request, ProfileSerializer)
        edit_profile(player_id=player_id, changes=changes, today=timezone.localdate(), by=user_of(request))
        return Response(player_details(player_id))

    @extend_schema(operation_id="players_patch", request=ProfileSerializer, responses=PlayerDetailSerializer)
    def patch(self, request: Request, player_id: str) -> Response:
        """Do the same as PUT."""
        return self.put(request, player_id)

    @extend_schema(operation_id="players_remove", responses={204: None})
    def delete(self, request: Request, player_id: str) -> Response:
        """Take a player out of use: `is_active` turns false, nothing is erased."""
        remove_player(player_id=player_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def player_details(player_id: str) -> dict[str, Any]:
    """Return one player as PlayerDetailSerializer describes it. Raises NotFoundError."""
    rows = Player.objects.select_related("metrics", "balance").prefetch_related("restrictions")
    player = rows.filter(pk=player_id).first()
    if player is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return dict(PlayerDetailSerializer(player).data)
