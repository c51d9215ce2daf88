"""Looking for signs of abuse of one player at once."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.serializers import NoBody
from core.api.views import Endpoint, read_body
from safety.detection.running import look_at_player
from safety.models import AbuseSignal


class SignalSerializer(serializers.ModelSerializer[AbuseSignal]):
    """One open sign of abuse, with evidence that a person can check."""

    evidence = serializers.JSONField(source="metadata")

    class Meta:
        model = AbuseSignal
        fields = (
            "id",
            "detector",
            "severity",
            "is_shadow",
            "description",
            "evidence",
            "ring_id",
            "first_seen_at",
            "detected_at",
            "last_seen_at",
            "times_seen",
        )
        read_only_fields = fields


class DetectionSerializer(serializers.Serializer[Any]):
    """What all detectors that are not off see of the player now."""

    player_id = serializers.CharField()
    abuse_score = serializers.IntegerField(help_text="0–100, with what was just found; signals in shadow do not count.")
    signals = SignalSerializer(many=True)


class DetectPlayer(Endpoint):
    """Signs of abuse of one player."""

    permissions_by_method = {"POST": "safety.add_abusesignal"}

    @extend_schema(
        operation_id="players_detect",
        summary="Look for signs of abuse",
        request=NoBody,
        responses=DetectionSerializer,
    )
    def post(self, request: Request, player_id: str) -> Response:
        """Run the detectors of the night over one player now, store the signals and the scores that follow."""
        read_body(request, NoBody)
        score, signals = look_at_player(player_id)
        return Response(DetectionSerializer({"player_id": player_id, "abuse_score": score, "signals": signals}).data)
