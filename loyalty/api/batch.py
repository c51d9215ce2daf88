"""Process named players now, through the night's phases."""

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
from loyalty.pipeline import process_players

PLAYERS_MAX = 1_000


class BatchRequestSerializer(RequestSerializer):
    """Whom to process, and the business date (today where it is not given)."""

    player_ids = serializers.ListField(child=TextField(max_length=50), min_length=1, max_length=PLAYERS_MAX)
    on = serializers.DateField(required=False)


class BatchSerializer(serializers.Serializer[Any]):
    """The run that was made, and what it changed."""

    run_id = serializers.IntegerField()
    business_date = serializers.DateField()
    counts = serializers.DictField()


class BatchProcess(Endpoint):
    """A run for named players."""

    permissions_by_method = {"POST": "core.add_run"}

    @extend_schema(operation_id="batch_process", request=BatchRequestSerializer, responses=BatchSerializer)
    def post(self, request: Request) -> Response:
        """Measure, segment, rank and reward the players. Repeating it pays nobody twice for the same business date."""
        asked = read_body(request, BatchRequestSerializer)
        on = asked.get("on", timezone.localdate())
        player_ids = list(dict.fromkeys(asked["player_ids"]))
        counts = process_players(player_ids=player_ids, on=on, started_by=user_of(request))
        return Response({"run_id": counts.pop("run_id"), "business_date": on, "counts": counts})
