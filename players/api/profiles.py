"""What a player looks like in the API, which columns may be edited, and how lists are filtered."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from core.api.fields import DecisionField, TextField, WholeNumberField
from core.api.pagination import PageQuery
from core.api.serializers import ChangeSerializer
from players.models import Player, PlayerMetrics, PlayerRestriction, PlayerSegment
from players.profile_editing import AGE_MAX, TAGS_MAX
from players.searching import search_players

ORDERINGS = ("player_id", "risk_score", "last_activity_at", "created_at", "total_wagered", "net_pnl")
_METRICS = ("total_wagered", "net_pnl")


class PlayerSerializer(serializers.ModelSerializer[Player]):
    """A player in a list."""

    class Meta:
        model = Player
        fields = (
            "player_id",
            "email",
            "name",
            "segment",
            "tier",
            "tier_kept_until",
            "risk_score",
            "is_active",
            "is_blocked",
            "country",
            "language",
            "gender",
            "age",
            "tags",
            "kyc_completed_at",
            "profile_depth",
            "registered_on",
            "source",
            "created_at",
            "updated_at",
            "last_activity_at",
        )
        read_only_fields = fields


class MetricsSerializer(serializers.ModelSerializer[PlayerMetrics]):
    """A player's totals and what follows from them."""

    class Meta:
        model = PlayerMetrics
        exclude = ("id", "player")


class RestrictionSerializer(serializers.ModelSerializer[PlayerRestriction]):
    """Something that forbids credits to the player."""

    class Meta:
        model = PlayerRestriction
        fields = ("kind", "starts_at", "ends_at", "source")


class ProfileSerializer(ChangeSerializer):
    """The columns that may be edited; those not given stay as they are."""

    email = TextField(required=False, allow_null=True, allow_blank=True, max_length=255)
    name = TextField(required=False, allow_blank=True, max_length=255)
    country = TextField(required=False, allow_blank=True, max_length=60)
    language = TextField(required=False, allow_blank=True, max_length=60)
    gender = TextField(required=False, allow_blank=True, max_length=30)
    age = WholeNumberField(required=False, allow_null=True, min_value=0, max_value=AGE_MAX)
    tags = serializers.ListField(child=TextField(max_length=60), required=False, max_length=TAGS_MAX)
    kyc_completed_at = serializers.DateTimeField(required=False, allow_null=True)
    registered_on = serializers.DateField(required=False, allow_null=True)
    is_active = DecisionField(required=False)


class PlayerQuery(PageQuery):
    """Filters of the list; amounts compare lifetime totals."""

    segment = serializers.CharField(required=False, help_text="One segment, or several separated by commas.")
    tier = serializers.CharField(required=False, help_text="Level of a tier, or several separated by commas.")
    country = serializers.CharField(required=False)
    tag = serializers.CharField(required=False, help_text="A tag the player carries.")
    is_active = serializers.BooleanField(required=False)
    is_blocked = serializers.BooleanField(required=False)
    risk_score_min = serializers.IntegerField(required=False, min_value=0, max_value=100)
    risk_score_max = serializers.IntegerField(required=False, min_value=0, max_value=100)
    total_wagered_min = serializers.DecimalField(required=False, max_digits=18, decimal_places=2)
    total_wagered_max = serializers.DecimalField(required=False, max_digits=18, decimal_places=2)
    net_pnl_min = serializers.DecimalField(required=False, max_digits=18, decimal_places=2)
    net_pnl_max = serializers.DecimalField(required=False, max_digits=18, decimal_places=2)
    last_activity_from = serializers.DateTimeField(required=False)
    last_activity_until = serializers.DateTimeField(required=False)
    search = serializers.CharField(
        required=False, help_text="Start of the player id, the e-mail address, or part of the name."
    )
    ordering = serializers.ChoiceField(
        choices=[*ORDERINGS, *(f"-{name}" for name in ORDERINGS)],
        default="player_id",
        help_text="A minus sign puts the largest first.",
    )

    def validate_segment(self, value: str) -> list[str]:
        """Return the segments named."""
        names = [name.strip() for name in value.split(",")]
        for name in names:
            if name not in PlayerSegment.values:
                raise serializers.ValidationError(f"{name!r} is no segment: {', '.join(PlayerSegment.values)} are.")
        return names

    def validate_tier(self, value: str) -> list[str]:
        """Return the levels named."""
        return [name.strip() for name in value.split(",")]


_LOOKUPS = {
    "segment": "segment__in",
    "tier": "tier__in",
    "country": "country",
    "is_active": "is_active",
    "is_blocked": "is_blocked",
    "risk_score_min": "risk_score__gte",
    "risk_score_max": "risk_score__lte",
    "total_wagered_min": "metrics__total_wagered__gte",
    "total_wagered_max": "metrics__total_wagered__lte",
    "net_pnl_min": "metrics__net_pnl__gte",
    "net_pnl_max": "metrics__net_pnl__lte",
    "last_activity_from": "last_activity_at__gte",
    "last_activity_until": "last_activity_at__lte",
}


def filtered_players(query: dict[str, Any]) -> QuerySet[Player]:
    """Return the players a validated PlayerQuery asks for, in a total order."""
    players = Player.objects.filter(**{_LOOKUPS[name]: value for name, value in query.items() if name in _LOOKUPS})
    if "tag" in query:
        players = players.filter(tags__contains=[query["tag"]])
    if "search" in query:
        players = search_players(players, query["search"])
    name = query["ordering"].removeprefix("-")
    column = f"metrics__{name}" if name in _METRICS else name
    return players.order_by(query["ordering"].replace(name, column), "player_id")
