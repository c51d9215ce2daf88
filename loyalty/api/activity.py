"""The activity feed in the API: batches in, a player's events out, and where a player's totals come from."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.parsers import LongJSONParser
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from loyalty.activity import ActivityOutcome, take_activity, take_good_activity
from players.activity.reading import PAGE_SIZE, PAGE_SIZE_MAX, activity_of
from players.activity.switching import REASON_LENGTH_MAX, switch_source
from players.models import Activity, ActivityKind, Player, PlayerSource

_ANSWER_EXAMPLE = OpenApiExample(
    "Stored",
    response_only=True,
    status_codes=["201"],
    value={
        "received": 2,
        "stored": 2,
        "repeated": 0,
        "corrections": 0,
        "listed": [],
        "refused": [],
        "bonuses_moved": 0,
        "live": {},
    },
)
_REFUSAL_EXAMPLE = OpenApiExample(
    "Refused",
    response_only=True,
    status_codes=["422"],
    value={
        "error": {
            "code": "activity_refused",
            "message": "1 of 2 events cannot be stored, so none was; the first: events[1].amount: is missing: "
            "a WIN needs one",
            "details": [
                {
                    "field": "events[1].amount",
                    "message": "is missing: a WIN needs one",
                    "external_id": "w-1002",
                }
            ],
        }
    },
)
_EXAMPLE = OpenApiExample(
    "A bet and its payout",
    request_only=True,
    value={
        "source": "platform",
        "events": [
            {
                "kind": "WAGER",
                "external_id": "w-1001",
                "player_id": "P001",
                "occurred_at": "2025-12-21T12:00:00Z",
                "amount": "10.00",
                "bet_id": "bet-1001",
                "game_category": "slots",
            },
            {
                "kind": "WIN",
                "external_id": "w-1002",
                "player_id": "P001",
                "occurred_at": "2025-12-21T12:00:05Z",
                "amount": "25.00",
                "bet_id": "bet-1001",
                "game_category": "slots",
            },
        ],
    },
)


class EventSerializer(serializers.Serializer[Any]):
    """One event; which fields a kind has is in the guide. It describes only: the feed reads events itself."""

    kind = serializers.ChoiceField(choices=ActivityKind.choices)
    external_id = serializers.CharField(max_length=100)
    player_id = serializers.CharField(max_length=50)
    occurred_at = serializers.DateTimeField()
    amount = serializers.CharField(
        required=False, help_text="Stake, payout, deposit or withdrawal, bonus part included."
    )
    bonus_amount = serializers.CharField(required=False, help_text="The part of it that is bonus money.")
    currency = serializers.CharField(
        required=False, max_length=10, help_text="Of the amounts; refused unless it is the operator's."
    )
    bet_id = serializers.CharField(required=False, max_length=100)
    game_category = serializers.CharField(required=False, max_length=40)
    ended_at = serializers.DateTimeField(required=False, help_text="End of a session.")
    ip_address = serializers.IPAddressField(required=False)
    device_id = serializers.CharField(required=False, max_length=100)
    action = serializers.CharField(required=False, max_length=60)
    corrects_external_id = serializers.CharField(required=False, max_length=100)
    void = serializers.BooleanField(required=False, help_text="With corrects_external_id: that event never was.")


@extend_schema_field(EventSerializer(many=True))
class EventsField(serializers.Field[list[Any], Any, Any, Any]):
    """The events as they came: the feed reads them, and names everything that is wrong with its place."""

    default_error_messages = {"not_a_list": "A list of events is needed, in square brackets."}

    def to_internal_value(self, data: Any) -> list[Any]:
        """Return the list."""
        if not isinstance(data, list):
            self.fail("not_a_list")
        return data


class BatchOfEventsSerializer(RequestSerializer):
    """Who reports, and 1 to 10,000 events; the ids of events are unique for their source."""

    source = TextField(max_length=40)  # type: ignore[assignment]
    events = EventsField()
    skip_refused = serializers.BooleanField(
        default=False,
        help_text="True: events that cannot be stored are left out and named under `refused`, the others are stored. "
        "False: where one cannot be stored none is.",
    )


class ListedEventSerializer(serializers.Serializer[Any]):
    """An event that was received and not counted."""

    external_id = serializers.CharField()
    reason = serializers.CharField()


class RefusedEventSerializer(serializers.Serializer[Any]):
    """One thing that is wrong with an event that was left out."""

    index = serializers.IntegerField(help_text="The event's place in the batch, from 0.")
    external_id = serializers.CharField()
    field = serializers.CharField()
    message = serializers.CharField()


class BatchAnswerSerializer(serializers.Serializer[Any]):
    """What became of the batch: received = stored + repeated + listed + the events under refused."""

    received = serializers.IntegerField()
    stored = serializers.IntegerField()
    repeated = serializers.IntegerField(help_text="Known before, or twice in the batch, with the same content.")
    corrections = serializers.IntegerField(help_text="Corrections counted, those included that waited for an event.")
    listed = ListedEventSerializer(many=True, help_text="Not counted, kept for people to look at.")
    refused = RefusedEventSerializer(many=True, help_text="With `skip_refused`: what is wrong with those left out.")
    bonuses_moved = serializers.IntegerField(help_text="Bonuses whose wagering progress bets or corrections changed.")
    live = serializers.DictField(help_text="What live rules and waiting credits made of it.")


class ActivityList(Endpoint):
    """Batches of events."""

    permissions_by_method = {"POST": "players.add_activity"}
    parser_classes = (LongJSONParser,)

    @extend_schema(
        operation_id="activity_create",
        request=BatchOfEventsSerializer,
        responses={
            200: BatchAnswerSerializer,
            201: BatchAnswerSerializer,
            422: OpenApiResponse(OpenApiTypes.OBJECT, description="Nothing was stored; `details` names what is wrong."),
        },
        examples=[_EXAMPLE, _ANSWER_EXAMPLE, _REFUSAL_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        """Report events: all that are new are stored and counted, or, where one of them is wrong, none.

        With `skip_refused` those that are wrong are left out and named. 201 where something new was stored, 200 where
        everything was known.
        """
        asked = read_body(request, BatchOfEventsSerializer)
        take = take_good_activity if asked["skip_refused"] else take_activity
        outcome = take(source=asked["source"], events=asked["events"], started_by=user_of(request))
        code = status.HTTP_201_CREATED if outcome.recorded.stored else status.HTTP_200_OK
        return Response(_answer(outcome), status=code)


def _answer(outcome: ActivityOutcome) -> dict[str, Any]:
    recorded = outcome.recorded
    return BatchAnswerSerializer(
        {
            "received": recorded.received,
            "stored": recorded.stored,
            "repeated": recorded.repeated,
            "corrections": recorded.corrections,
            "listed": recorded.listed,
            "refused": outcome.refused,
            "bonuses_moved": outcome.bonuses_moved,
            "live": outcome.live,
        }
    ).data


class ActivityQuery(RequestSerializer):
    """Which events, and where the page begins."""

    kind = serializers.ChoiceField(required=False, choices=ActivityKind.choices)
    since = serializers.DateTimeField(required=False, help_text="The first instant, included.")
    until = serializers.DateTimeField(required=False, help_text="The end, not included.")
    cursor = serializers.CharField(required=False, max_length=40, help_text="`next_cursor` of a page.")
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)


class StoredEventSerializer(serializers.ModelSerializer[Activity]):
    """An event as it is stored; of a correction, the amounts are the difference and the time is the original's."""

    class Meta:
        model = Activity
        fields = (
            "kind",
            "source",
            "external_id",
            "occurred_at",
            "received_at",
            "amount",
            "bonus_amount",
            "bet_id",
            "game_category",
            "ended_at",
            "ip_address",
            "device_id",
            "action",
            "corrects_external_id",
        )
        read_only_fields = fields


class ActivityPageSerializer(serializers.Serializer[Any]):
    """A page of events, the newest first."""

    player_id = serializers.CharField()
    events = StoredEventSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
    next = serializers.URLField(allow_null=True, help_text="Address of the next page.")


class PlayerActivity(Endpoint):
    """What a player did."""

    permissions_by_method = {"GET": "players.view_activity"}
    query_by_method = {"GET": ActivityQuery}

    @extend_schema(operation_id="players_activity", parameters=[ActivityQuery], responses=ActivityPageSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """Show a player's events, the newest first, page by page."""
        page = activity_of(
            player_id=player_id,
            kinds=[self.query["kind"]] if "kind" in self.query else [],
            since=self.query.get("since"),
            until=self.query.get("until"),
            cursor=self.query.get("cursor", ""),
            size=self.query["page_size"],
        )
        following = None if page.next_cursor is None else _address(request, cursor=page.next_cursor)
        answer = {"player_id": player_id, "events": page.events, "next_cursor": page.next_cursor, "next": following}
        return Response(ActivityPageSerializer(answer).data)


def _address(request: Request, *, cursor: str) -> str:
    parameters = {**request.query_params.dict(), "cursor": cursor}
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")


class SourceRequestSerializer(RequestSerializer):
    """Where the totals are to come from, why, and the date up to which those so far are the opening balance."""

    source = serializers.ChoiceField(choices=PlayerSource.choices)  # type: ignore[assignment]
    reason = TextField(max_length=REASON_LENGTH_MAX)
    as_of = serializers.DateField(required=False)


class SourceSerializer(serializers.Serializer[Any]):
    """Where the totals come from now, and up to which business date the totals before are the opening balance."""

    player_id = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    is_new = serializers.BooleanField()
    opening_as_of = serializers.DateField(allow_null=True)


class PlayerSourceSwitch(Endpoint):
    """The source of a player's totals."""

    permissions_by_method = {"POST": "players.add_sourcechange"}

    @extend_schema(operation_id="players_switch_source", request=SourceRequestSerializer, responses=SourceSerializer)
    def post(self, request: Request, player_id: str) -> Response:
        """Let a player's totals come from files or from the feed from now on; the same again changes nothing."""
        asked = read_body(request, SourceRequestSerializer)
        switched = switch_source(
            player_ids=[player_id],
            to=asked["source"],
            reason=asked["reason"],
            as_of=asked.get("as_of"),
            by=user_of(request),
        )
        player = Player.objects.select_related("metrics").get(pk=player_id)
        metrics = getattr(player, "metrics", None)
        answer = {
            "player_id": player_id,
            "source": player.source,
            "is_new": bool(switched),
            "opening_as_of": metrics.totals_as_of if metrics else None,
        }
        return Response(SourceSerializer(answer).data)
