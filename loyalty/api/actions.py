"""Actions of players: report what happened, learn what came of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from loyalty.actions import handle_action
from players.api.fields import ActionCodeField
from rewards.models import RewardDecision

_EXAMPLE = OpenApiExample(
    "Identity verified",
    request_only=True,
    value={
        "player_id": "P001",
        "action": "KYC_COMPLETE",
        "event_id": "kyc-4711",
        "occurred_at": "2025-12-21T12:00:00Z",
    },
)


class ActionRequestSerializer(RequestSerializer):
    """What happened; `event_id` makes it unique, so that sending it again does nothing more."""

    player_id = TextField(max_length=50)
    action = ActionCodeField()
    event_id = TextField(max_length=100)
    occurred_at = serializers.DateTimeField()


class ActionDecisionSerializer(serializers.ModelSerializer[RewardDecision]):
    """What a live rule decided about the action."""

    rule_id = serializers.CharField(source="rule.rule_id")

    class Meta:
        model = RewardDecision
        fields = ("rule_id", "verdict", "reason", "amount_computed", "amount_given", "reasons")
        read_only_fields = fields


class ActionOutcomeSerializer(serializers.Serializer[Any]):
    """What came of it; of an action sent again, the decisions of the first time."""

    player_id = serializers.CharField()
    action = serializers.CharField()
    event_id = serializers.CharField()
    is_new = serializers.BooleanField(help_text="False where the same action was reported before.")
    credits_released = serializers.IntegerField(help_text="Pending credits that waited for the action.")
    decisions = ActionDecisionSerializer(many=True)


class ActionList(Endpoint):
    """Actions of players."""

    permissions_by_method = {"POST": "players.add_activity"}

    @extend_schema(
        operation_id="actions_create",
        request=ActionRequestSerializer,
        responses={200: ActionOutcomeSerializer, 201: ActionOutcomeSerializer},
        examples=[_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Report an action: it is recorded, credits that wait for it are released, live rules are decided.

        201 for a new action, 200 for one sent again, 409 where the id was used for another.
        """
        asked = read_body(request, ActionRequestSerializer)
        outcome = handle_action(**asked, started_by=user_of(request))
        answer = {
            **asked,
            "is_new": outcome.is_new,
            "credits_released": outcome.credits_released,
            "decisions": outcome.decisions,
        }
        code = status.HTTP_201_CREATED if outcome.is_new else status.HTTP_200_OK
        return Response(ActionOutcomeSerializer(answer).data, status=code)
