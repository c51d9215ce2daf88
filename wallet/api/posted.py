"""The answer to a money write: what was posted, and whether an earlier request had done it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from rest_framework import serializers, status
from rest_framework.response import Response

from core.api.fields import AmountField
from wallet.holdings import entries_of
from wallet.ledger import Posted
from wallet.models import CurrencyType, LedgerEntry, Operation


class PostedSerializer(serializers.Serializer[Any]):
    """What was posted; `is_replay` where an earlier request with the same key had done it."""

    operation_id = serializers.IntegerField()
    transaction_id = serializers.IntegerField()
    lot_id = serializers.IntegerField(allow_null=True, help_text="The lot that a credit made; null for what takes.")
    player_id = serializers.CharField()
    currency = serializers.ChoiceField(choices=CurrencyType.choices)
    amount = AmountField(help_text="Signed: below zero it was taken.")
    balance_before = AmountField()
    balance_after = AmountField()
    is_replay = serializers.BooleanField()


class EntrySerializer(serializers.ModelSerializer[LedgerEntry]):
    """One entry of an operation."""

    transaction_id = serializers.IntegerField(source="pk")

    class Meta:
        model = LedgerEntry
        fields = ("transaction_id", "transaction_type", "currency_type", "amount", "balance_before", "balance_after")
        read_only_fields = fields


class OperationSerializer(serializers.Serializer[Any]):
    """An operation with all it posted; `is_replay` where an earlier request with the same key had done it."""

    operation_id = serializers.IntegerField()
    corrects_id = serializers.IntegerField(help_text="The operation that was put right.")
    player_id = serializers.CharField()
    entries = EntrySerializer(many=True)
    is_replay = serializers.BooleanField()


def posted_answer(posted: Posted, *, player_id: str, currency: str, amount: Decimal) -> Response:
    """Return 201 for what was posted now, 200 for a replay."""
    done = {
        "operation_id": posted.operation_id,
        "transaction_id": posted.entry_id,
        "lot_id": posted.lot_id,
        "player_id": player_id,
        "currency": currency,
        "amount": amount,
        "balance_before": posted.balance_before,
        "balance_after": posted.balance_after,
        "is_replay": posted.outcome == "REPLAYED",
    }
    return Response(PostedSerializer(done).data, status=_status_of(posted))


def operation_answer(posted: list[Posted], *, key: str, corrects_id: int) -> Response:
    """Return an operation with its entries: 201 for what was posted now, 200 for a replay."""
    operation = Operation.objects.get(key=key)
    done = {
        "operation_id": operation.pk,
        "corrects_id": corrects_id,
        "player_id": operation.player_id,
        "entries": entries_of(operation),
        "is_replay": posted[0].outcome == "REPLAYED",
    }
    return Response(OperationSerializer(done).data, status=_status_of(posted[0]))


def _status_of(posted: Posted) -> int:
    return status.HTTP_200_OK if posted.outcome == "REPLAYED" else status.HTTP_201_CREATED
