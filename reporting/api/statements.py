"""A player's statement in the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.fields import AmountField
from core.api.serializers import RequestSerializer
from core.api.views import Endpoint
from wallet.models import CurrencyType, LedgerEntry
from wallet.statements import PAGE_SIZE, PAGE_SIZE_MAX, StatementBalance, statement_of


class StatementQuery(RequestSerializer):
    """The period, the currency, and which page."""

    since = serializers.DateTimeField(required=False, help_text="The first instant of the period, included.")
    until = serializers.DateTimeField(required=False, help_text="The end of the period, not included; now if left out.")
    currency = serializers.ChoiceField(required=False, choices=CurrencyType.choices)
    before = serializers.IntegerField(
        required=False,
        min_value=1,
        max_value=10**15,
        help_text="Entries with smaller numbers: `next_before` of a page.",
    )
    page_size = serializers.IntegerField(min_value=1, max_value=PAGE_SIZE_MAX, default=PAGE_SIZE)


class StatementBalanceSerializer(serializers.Serializer[StatementBalance]):
    """One currency: opening + total_in + total_out = closing."""

    currency = serializers.CharField()
    opening = AmountField()
    total_in = AmountField(allow_null=True, help_text="Null for a whole history too long to add up.")
    total_out = AmountField(allow_null=True, help_text="Signed: zero or less.")
    closing = AmountField()


class StatementEntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One entry; `balance_after` is the running balance of its currency."""

    class Meta:
        model = LedgerEntry
        fields = (
            "id",
            "number",
            "created_at",
            "transaction_type",
            "currency_type",
            "amount",
            "balance_before",
            "balance_after",
            "description",
            "reference_id",
            "actor",
        )


class StatementSerializer(serializers.Serializer[Any]):
    """A page of a statement; balances and totals are those of the whole period."""

    player_id = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    until = serializers.DateTimeField(allow_null=True)
    currency = serializers.CharField(allow_null=True)
    balances = StatementBalanceSerializer(many=True)
    entries = StatementEntrySerializer(many=True, help_text="The newest first.")
    next_before = serializers.IntegerField(allow_null=True, help_text="`before` of the next page; null on the last.")
    next = serializers.URLField(allow_null=True, default=None, help_text="Address of the next page.")


class PlayerStatement(Endpoint):
    """The statement of one player."""

    permissions_by_method = {"GET": "wallet.view_ledgerentry"}
    query_by_method = {"GET": StatementQuery}

    @extend_schema(operation_id="players_statement", parameters=[StatementQuery], responses=StatementSerializer)
    def get(self, request: Request, player_id: str) -> Response:
        """Show opening balances, entries and closing balances of a period; pages go back by the entries' numbers."""
        statement = statement_of(
            player_id=player_id,
            since=self.query.get("since"),
            until=self.query.get("until"),
            currency=self.query.get("currency"),
            before_number=self.query.get("before"),
            size=self.query["page_size"],
        )
        following = statement.next_before
        address = _address(request, before=following) if following else None
        return Response({**StatementSerializer(statement).data, "next": address})


def _address(request: Request, *, before: int) -> str:
    parameters = {**request.query_params.dict(), "before": str(before)}
    return request.build_absolute_uri(f"{request.path}?{urlencode(parameters)}")
