"""The redemption catalogue in the API: options, orders, cancellation and fulfilment."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import TextField
from core.api.idempotency import KEY_PARAMETER, idempotency_key
from core.api.pagination import PageQuery, PageSerializer, page_of
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint, read_body, user_of
from rewards.models import RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.redemption.cancelling import cancel_order
from rewards.redemption.catalogue import Offer, offers_for, options_on_sale
from rewards.redemption.fulfilment import fulfil_order
from rewards.redemption.ordering import order_redemption

_ORDER = OpenApiExample("Ten of bonus money", request_only=True, value={"player_id": "P001", "option_code": "BONUS_10"})


class OptionSerializer(serializers.ModelSerializer[RedemptionOption]):
    """An option of the catalogue."""

    minimum_tier = serializers.CharField(source="minimum_tier_id", allow_null=True)
    stock_left = serializers.SerializerMethodField(help_text="null: any number.")

    class Meta:
        model = RedemptionOption
        fields = (
            "code",
            "name",
            "description",
            "cost_currency",
            "cost",
            "gives",
            "amount",
            "wagering_requirement",
            "expiry_hours",
            "max_bet",
            "max_conversion",
            "eligible_games",
            "stock_left",
            "valid_from",
            "valid_until",
            "limit_per_player",
            "minimum_tier",
        )
        read_only_fields = fields

    def get_stock_left(self, option: RedemptionOption) -> int | None:
        """Return how many orders there can still be."""
        return None if option.stock is None else option.stock - option.ordered


class ReasonSerializer(serializers.Serializer[Any]):
    """Why a player cannot order an option; the code is that of the error an order would be refused with."""

    code = serializers.CharField()
    message = serializers.CharField()


class OfferSerializer(OptionSerializer):
    """An option; the last four keys are there where a player was named."""

    can_order = serializers.BooleanField(required=False)
    is_affordable = serializers.BooleanField(required=False, help_text="The points would do.")
    ordered_by_player = serializers.IntegerField(required=False, help_text="The player's orders, cancelled ones apart.")
    reasons = ReasonSerializer(many=True, required=False, help_text="Why not; empty where it can be ordered.")

    class Meta(OptionSerializer.Meta):
        fields = (  # type: ignore[assignment]
            *OptionSerializer.Meta.fields,
            "can_order",
            "is_affordable",
            "ordered_by_player",
            "reasons",
        )


class OrderSerializer(serializers.ModelSerializer[RedemptionOrder]):
    """An order with what was paid and given."""

    option_code = serializers.CharField(source="option.code")
    player_id = serializers.CharField()

    class Meta:
        model = RedemptionOrder
        fields = (
            "id",
            "status",
            "player_id",
            "option_code",
            "option_name",
            "cost_currency",
            "cost",
            "gives",
            "amount",
            "terms",
            "operation_id",
            "lot_id",
            "reversal_id",
            "ordered_by",
            "ordered_at",
            "fulfilled_by",
            "fulfilled_at",
            "fulfilment_note",
            "cancelled_by",
            "cancelled_at",
            "cancel_reason",
        )
        read_only_fields = fields


class DoneOrderSerializer(OrderSerializer):
    """An order; `is_replay` where an earlier request with the same key had done it."""

    is_replay = serializers.BooleanField()

    class Meta(OrderSerializer.Meta):
        fields = (*OrderSerializer.Meta.fields, "is_replay")  # type: ignore[assignment]


class NewOrderSerializer(RequestSerializer):
    """Who orders what."""

    player_id = TextField(max_length=50)
    option_code = TextField(max_length=60)


class CancelSerializer(RequestSerializer):
    """Why an order is cancelled."""

    reason = TextField(max_length=200, help_text="Shown in the player's statement.")


class FulfilSerializer(RequestSerializer):
    """How a benefit was handed over."""

    note = TextField(max_length=500, help_text="For example the number of a voucher.")


class OptionsQuery(RequestSerializer):
    """For whom."""

    player_id = serializers.CharField(required=False, max_length=50)


class OrdersQuery(PageQuery):
    """Filters of the list."""

    player_id = serializers.CharField(required=False, max_length=50)
    option_code = serializers.CharField(required=False, max_length=60)
    status = serializers.ChoiceField(choices=RedemptionStatus.choices, required=False)
    ordered_from = serializers.DateTimeField(required=False, help_text="This moment included.")
    ordered_until = serializers.DateTimeField(required=False, help_text="This moment not included.")


class OrderPageSerializer(PageSerializer):
    results = OrderSerializer(many=True)


class OptionList(Endpoint):
    """What points buy."""

    permissions_by_method = {"GET": "rewards.view_redemptionoption"}
    query_by_method = {"GET": OptionsQuery}

    @extend_schema(operation_id="redemption_options", parameters=[OptionsQuery], responses=OfferSerializer(many=True))
    def get(self, request: Request) -> Response:
        """List what is on sale now; for a player also whether it could be ordered, and why not."""
        at = timezone.now()
        options = list(options_on_sale(at=at))
        if "player_id" not in self.query:
            return Response(OptionSerializer(options, many=True).data)
        offers = offers_for(self.query["player_id"], options=options, at=at)
        return Response([_shown(offer) for offer in offers])


class OrderList(Endpoint):
    """Orders of the catalogue."""

    permissions_by_method = {"GET": "rewards.view_redemptionorder", "POST": "rewards.add_redemptionorder"}
    query_by_method = {"GET": OrdersQuery}

    @extend_schema(operation_id="redemption_orders_list", parameters=[OrdersQuery], responses=OrderPageSerializer)
    def get(self, request: Request) -> Response:
        """List orders, the newest first."""
        rows = _filtered(self.query)
        return Response(page_of(rows, query=self.query, request=request, serializer=OrderSerializer))

    @extend_schema(
        operation_id="redemption_orders_create",
        parameters=[KEY_PARAMETER],
        request=NewOrderSerializer,
        responses={201: DoneOrderSerializer, 200: DoneOrderSerializer},
        examples=[_ORDER],
    )
    def post(self, request: Request) -> Response:
        """Order one piece of an option for a player."""
        key, asked = idempotency_key(request), read_body(request, NewOrderSerializer)
        order = order_redemption(key=key, actor=user_of(request).username, **asked)
        answered = status.HTTP_200_OK if order.is_replay else status.HTTP_201_CREATED
        return Response(DoneOrderSerializer(order).data, status=answered)


class OrderCancel(Endpoint):
    """An order taken back."""

    permissions_by_method = {"POST": "rewards.change_redemptionorder"}

    @extend_schema(
        operation_id="redemption_orders_cancel",
        parameters=[KEY_PARAMETER],
        request=CancelSerializer,
        responses=DoneOrderSerializer,
    )
    def post(self, request: Request, order_id: int) -> Response:
        """Cancel an order: the points go back, what was given comes back."""
        key, asked = idempotency_key(request), read_body(request, CancelSerializer)
        order = cancel_order(order_id=order_id, key=key, actor=user_of(request).username, **asked)
        return Response(DoneOrderSerializer(order).data)


class OrderFulfil(Endpoint):
    """A benefit handed over."""

    permissions_by_method = {"POST": "rewards.change_redemptionorder"}

    @extend_schema(operation_id="redemption_orders_fulfil", request=FulfilSerializer, responses=OrderSerializer)
    def post(self, request: Request, order_id: int) -> Response:
        """Mark a benefit as handed over; an order is fulfilled once."""
        asked = read_body(request, FulfilSerializer)
        order = fulfil_order(order_id=order_id, actor=user_of(request).username, **asked)
        return Response(OrderSerializer(order).data)


def _shown(offer: Offer) -> dict[str, Any]:
    return {
        **OptionSerializer(offer.option).data,
        "can_order": offer.can_order,
        "is_affordable": offer.is_affordable,
        "ordered_by_player": offer.ordered_by_player,
        "reasons": ReasonSerializer(offer.reasons, many=True).data,
    }


def _filtered(query: dict[str, Any]) -> QuerySet[RedemptionOrder]:
    columns = {
        "player_id": "player_id",
        "option_code": "option__code",
        "status": "status",
        "ordered_from": "ordered_at__gte",
        "ordered_until": "ordered_at__lt",
    }
    wanted = {column: query[name] for name, column in columns.items() if name in query}
    return RedemptionOrder.objects.filter(**wanted).select_related("option").order_by("-id")
