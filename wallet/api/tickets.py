"""Using tickets in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField, WholeNumberField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from wallet.tickets import EVENT_REFERENCE_LENGTH_MAX, use_tickets


class UseTicketsSerializer(RequestSerializer):
    """Which event a player enters with how many tickets."""

    player_id = TextField(max_length=50)
    tickets = WholeNumberField(min_value=1)
    event_reference = TextField(max_length=EVENT_REFERENCE_LENGTH_MAX, help_text="Your name of the event entered.")


class UsedTicketsSerializer(serializers.Serializer[Any]):
    """What was used; `is_replay` where an earlier request with the same key had done it."""

    operation_id = serializers.IntegerField()
    transaction_id = serializers.IntegerField()
    player_id = serializers.CharField()
    event_reference = serializers.CharField()
    tickets = serializers.IntegerField()
    tickets_before = serializers.IntegerField()
    tickets_after = serializers.IntegerField()
    is_replay = serializers.BooleanField()


class UseTickets(Endpoint):
    """Tickets for an event."""

    permissions_by_method = {"POST": "wallet.add_operation"}

    @extend_schema(
        operation_id="wallet_use_tickets",
        parameters=[KEY_PARAMETER],
        request=UseTicketsSerializer,
        responses={201: UsedTicketsSerializer, 200: UsedTicketsSerializer},
    )
    def post(self, request: Request) -> Response:
        """Enter an event with a player's tickets, earliest expiry first."""
        key, asked = idempotency_key(request), read_body(request, UseTicketsSerializer)
        posted = use_tickets(key=key, actor=user_of(request).username, **asked)
        is_replay = posted.outcome == "REPLAYED"
        done = {
            **asked,
            "operation_id": posted.operation_id,
            "transaction_id": posted.entry_id,
            "tickets_before": posted.balance_before,
            "tickets_after": posted.balance_after,
            "is_replay": is_replay,
        }
        answered = status.HTTP_200_OK if is_replay else status.HTTP_201_CREATED
        return Response(UsedTicketsSerializer(done).data, status=answered)
