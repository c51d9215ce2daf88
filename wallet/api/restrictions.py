"""Restrictions in the API: impose, list, move the end, lift, and decide as the second person."""

from __future__ import annotations

from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import DecisionField, DocumentField, TextField
from core.api.pagination import PageQuery, PageSerializer, page_of
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from players.models import LiftRequest, PlayerRestriction, RestrictionKind
from players.restrictions.ending import restriction_of
from players.restrictions.imposing import REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX, SOURCE_LENGTH_MAX, Word
from players.restrictions.terms import END_TERMS
from wallet.restricting import (
    ask_to_correct,
    ask_to_lift,
    decide_lift,
    lift_restriction,
    move_restriction_end,
    restrict_player,
)


class RestrictionSerializer(serializers.ModelSerializer[PlayerRestriction]):
    """Something that forbids credits to a player, with who said so and why."""

    restriction_id = serializers.IntegerField(source="pk")
    is_in_force = serializers.SerializerMethodField()
    has_taken_effect = serializers.SerializerMethodField(help_text="What it means for bonuses has been done.")
    created_by = serializers.CharField(source="created_by.username", default=None, allow_null=True)

    class Meta:
        model = PlayerRestriction
        fields = (
            "restriction_id",
            "player_id",
            "kind",
            "is_in_force",
            "has_taken_effect",
            "starts_at",
            "ends_at",
            "minimum_until",
            "source",
            "external_reference",
            "reason",
            "evidence",
            "created_by",
            "created_at",
        )
        read_only_fields = fields

    @extend_schema_field({"type": "boolean"})
    def get_is_in_force(self, restriction: PlayerRestriction) -> bool:
        return restriction.holds_at(timezone.now())

    @extend_schema_field({"type": "boolean"})
    def get_has_taken_effect(self, restriction: PlayerRestriction) -> bool:
        return restriction.applied_at is not None


class LiftSerializer(RestrictionSerializer):
    """A restriction after a wish to lift it."""

    is_lifted = serializers.SerializerMethodField(help_text="False: another person decides, not before `earliest_at`.")
    earliest_at = serializers.SerializerMethodField()

    class Meta(RestrictionSerializer.Meta):
        fields = (*RestrictionSerializer.Meta.fields, "is_lifted", "earliest_at")  # type: ignore[assignment]
        read_only_fields = fields  # type: ignore[assignment]

    @extend_schema_field({"type": "boolean"})
    def get_is_lifted(self, restriction: PlayerRestriction) -> bool:
        return not restriction.holds_at(timezone.now())

    @extend_schema_field({"type": "string", "format": "date-time", "nullable": True})
    def get_earliest_at(self, restriction: PlayerRestriction) -> Any:
        asked = LiftRequest.objects.filter(restriction=restriction, decided_at=None).first()
        return asked.earliest_at if asked else None


class RestrictionQuery(PageQuery):
    """Filters of the list."""

    player_id = serializers.CharField(max_length=50, required=False)
    kind = serializers.ChoiceField(choices=RestrictionKind.choices, required=False)
    source = serializers.CharField(  # type: ignore[assignment]  # DRF collects fields first
        max_length=SOURCE_LENGTH_MAX, required=False
    )
    external_reference = serializers.CharField(max_length=REFERENCE_LENGTH_MAX, required=False)
    is_in_force = serializers.BooleanField(required=False, allow_null=True, default=None)
    is_asked_to_lift = serializers.BooleanField(required=False, allow_null=True, default=None)


class RestrictionPageSerializer(PageSerializer):
    results = RestrictionSerializer(many=True)


class WordSerializer(RequestSerializer):
    """On whose word, why, on what evidence."""

    source = TextField(max_length=SOURCE_LENGTH_MAX)  # type: ignore[assignment]  # as above
    reason = TextField(max_length=REASON_LENGTH_MAX)
    evidence = DocumentField(required=False)


class ImposeSerializer(WordSerializer):
    """A restriction to impose."""

    player_id = TextField(max_length=50)
    kind = serializers.ChoiceField(choices=RestrictionKind.choices)
    starts_at = serializers.DateTimeField(required=False)
    until = serializers.DateTimeField(required=False, allow_null=True)
    external_reference = TextField(max_length=REFERENCE_LENGTH_MAX, required=False, allow_blank=True)


class MoveEndSerializer(WordSerializer):
    """Until when a restriction holds from now on; null: until lifted."""

    until = serializers.DateTimeField(allow_null=True)


class CorrectionSerializer(WordSerializer):
    """That a restriction was entered for the wrong player."""

    evidence = DocumentField()
    right_restriction_id = serializers.IntegerField(
        min_value=1,
        allow_null=True,
        help_text="The same restriction of the player it was meant for; null: that person is no player here.",
    )


class DecisionSerializer(RequestSerializer):
    """What the second person decides, and why."""

    is_granted = DecisionField()
    note = TextField(max_length=REASON_LENGTH_MAX)


class RestrictionList(Endpoint):
    """All restrictions ever imposed."""

    permissions_by_method = {"GET": "players.view_playerrestriction", "POST": "players.add_playerrestriction"}
    query_by_method = {"GET": RestrictionQuery}

    @extend_schema(operation_id="restrictions_list", parameters=[RestrictionQuery], responses=RestrictionPageSerializer)
    def get(self, request: Request) -> Response:
        """List restrictions, the newest first."""
        rows = filtered_restrictions(self.query)
        return Response(page_of(rows, query=self.query, request=request, serializer=RestrictionSerializer))

    @extend_schema(operation_id="restrictions_impose", request=ImposeSerializer, responses={201: RestrictionSerializer})
    def post(self, request: Request) -> Response:
        """Restrict a player; what is credited from now on is refused, bonuses end as the policies say."""
        body = read_body(request, ImposeSerializer)
        restriction = restrict_player(
            player_id=body["player_id"],
            kind=body["kind"],
            starts_at=body.get("starts_at"),
            until=body.get("until"),
            external_reference=body.get("external_reference", ""),
            word=_word(body, request),
        )
        return Response(RestrictionSerializer(restriction).data, status=status.HTTP_201_CREATED)


class RestrictionDetail(Endpoint):
    """One restriction."""

    permissions_by_method = {"GET": "players.view_playerrestriction"}

    @extend_schema(operation_id="restrictions_read", responses=LiftSerializer)
    def get(self, request: Request, restriction_id: int) -> Response:
        """Show a restriction and whether it waits to be lifted."""
        return Response(LiftSerializer(restriction_of(restriction_id)).data)


class MoveRestrictionEnd(Endpoint):
    """A restriction that is to hold until another time."""

    permissions_by_method = {"POST": "players.change_playerrestriction"}

    @extend_schema(operation_id="restrictions_move_end", request=MoveEndSerializer, responses=RestrictionSerializer)
    def post(self, request: Request, restriction_id: int) -> Response:
        """Move the end: later always, sooner where one person may."""
        body = read_body(request, MoveEndSerializer)
        moved = move_restriction_end(restriction_id=restriction_id, until=body["until"], word=_word(body, request))
        return Response(RestrictionSerializer(moved).data)


class LiftRestriction(Endpoint):
    """A restriction that is to end."""

    permissions_by_method = {"POST": "players.lift_playerrestriction"}

    @extend_schema(operation_id="restrictions_lift", request=WordSerializer, responses=LiftSerializer)
    def post(self, request: Request, restriction_id: int) -> Response:
        """Lift it, or, where that takes two people, ask for it: `is_lifted` tells which."""
        word = _word(read_body(request, WordSerializer), request)
        kind = restriction_of(restriction_id).kind
        if kind == RestrictionKind.BLOCKED and not user_of(request).has_perm("players.change_playerrestriction"):
            raise PermissionDenied("A player whom staff blocked is unblocked by staff.")
        if END_TERMS[RestrictionKind(kind)].needs_two:
            ask_to_lift(restriction_id=restriction_id, word=word)
        else:
            lift_restriction(restriction_id=restriction_id, word=word)
        return Response(LiftSerializer(restriction_of(restriction_id)).data)


class CorrectRestriction(Endpoint):
    """A restriction that was entered for the wrong player."""

    permissions_by_method = {"POST": "players.change_playerrestriction"}

    @extend_schema(operation_id="restrictions_correct", request=CorrectionSerializer, responses=LiftSerializer)
    def post(self, request: Request, restriction_id: int) -> Response:
        """Ask a second person to end a self-exclusion or a cool-off that another player was meant by."""
        body = read_body(request, CorrectionSerializer)
        ask_to_correct(
            restriction_id=restriction_id,
            right_restriction_id=body["right_restriction_id"],
            word=_word(body, request),
        )
        return Response(LiftSerializer(restriction_of(restriction_id)).data)


class DecideLift(Endpoint):
    """A restriction that somebody asked to lift or to correct."""

    permissions_by_method = {"POST": "players.change_liftrequest"}

    @extend_schema(operation_id="restrictions_decide_lift", request=DecisionSerializer, responses=LiftSerializer)
    def post(self, request: Request, restriction_id: int) -> Response:
        """Grant or refuse the wish, as the second person."""
        body = read_body(request, DecisionSerializer)
        decided = decide_lift(
            restriction_id=restriction_id, is_granted=body["is_granted"], note=body["note"], by=user_of(request)
        )
        return Response(LiftSerializer(decided).data)


def filtered_restrictions(query: dict[str, Any]) -> Any:
    """Return the restrictions that the list's filters let through, the newest first."""
    rows = PlayerRestriction.objects.select_related("created_by").order_by("-pk")
    for name in ("player_id", "kind", "source", "external_reference"):
        if query.get(name):
            rows = rows.filter(**{name: query[name]})
    now = timezone.now()
    holds = Q(starts_at__lte=now) & (Q(ends_at=None) | Q(ends_at__gt=now))
    if query["is_in_force"] is not None:
        rows = rows.filter(holds if query["is_in_force"] else ~holds)
    if query["is_asked_to_lift"] is not None:
        waits = Exists(LiftRequest.objects.filter(restriction=OuterRef("pk"), decided_at=None))
        rows = rows.filter(waits if query["is_asked_to_lift"] else ~waits)
    return rows


def _word(body: dict[str, Any], request: Request) -> Word:
    return Word(source=body["source"], reason=body["reason"], evidence=body.get("evidence", {}), by=user_of(request))
