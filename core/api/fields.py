"""Fields of requests and answers: exact amounts, texts that can be stored, JSON documents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core.errors import InvalidInputError
from core.money import parse_amount
from core.strict_json import JSONRefusedError, as_stored, is_storable


@extend_schema_field({"type": "string", "format": "decimal", "example": "12.50"})
class AmountField(serializers.Field[Decimal, Any, str, Any]):
    """An amount above zero with at most two decimals: text such as "12.50", or a JSON number that is exactly so much.

    Answers always hold text, because many readers of JSON turn numbers into floats.
    """

    is_positive = True

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the exact amount. Raises ValidationError saying what would be right."""
        if not isinstance(data, str | int | Decimal) or isinstance(data, bool):
            raise serializers.ValidationError('An amount such as "12.50" is needed.', code="invalid")
        given = str(data) if isinstance(data, Decimal) else data
        try:
            return parse_amount(given, name=self.field_name or "amount", positive=self.is_positive)
        except InvalidInputError as error:
            raise serializers.ValidationError(error.message, code="invalid") from None

    def to_representation(self, value: Decimal) -> str:
        """Return the amount with two decimals."""
        return f"{value:.2f}"


class SignedAmountField(AmountField):
    """An amount other than zero: above it adds, below it takes."""

    is_positive = False

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the exact amount. Raises ValidationError for zero and for what is no amount."""
        amount = super().to_internal_value(data)
        if amount == 0:
            raise serializers.ValidationError(
                f'{self.field_name} is 0: an amount such as "12.50" or "-12.50" is needed.', code="invalid"
            )
        return amount


class AmountOrZeroField(AmountField):
    """An amount of zero or more, such as the payout of a bet."""

    is_positive = False

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the exact amount. Raises ValidationError below zero and for what is no amount."""
        amount = super().to_internal_value(data)
        if amount < 0:
            raise serializers.ValidationError(f"{self.field_name} is {amount}: at least 0 is needed.", code="invalid")
        return amount


class TextField(serializers.CharField):
    """Text only: numbers and booleans are not turned into text behind the caller's back."""

    default_error_messages = {
        "not_text": "A text is needed, in quotes.",
        "unstorable": "NUL characters cannot be stored.",
    }

    def to_internal_value(self, data: Any) -> str:
        """Return the text, blanks trimmed."""
        if not isinstance(data, str):
            self.fail("not_text")
        if not is_storable(data):
            self.fail("unstorable")
        return super().to_internal_value(data)


class WholeNumberField(serializers.IntegerField):
    """A JSON whole number; `"5"`, `5.0` and `true` are not taken for 5."""

    limit = 2**31
    default_error_messages = {"not_number": "A whole number is needed, without quotes."}

    def to_internal_value(self, data: Any) -> int:
        """Return the number within the bounds of a database integer."""
        if not isinstance(data, int) or isinstance(data, bool):
            self.fail("not_number")
        if not -self.limit <= data < self.limit:
            raise serializers.ValidationError("The number is too large.", code="max_value")
        return super().to_internal_value(data)


class BigNumberField(WholeNumberField):
    """The number of a row in a table that may grow beyond two thousand million."""

    limit = 2**63


class DecisionField(serializers.BooleanField):
    """`true` or `false`, nothing that merely looks like it."""

    default_error_messages = {"not_boolean": "true or false is needed, without quotes."}

    def to_internal_value(self, data: Any) -> bool:
        """Return the boolean."""
        if not isinstance(data, bool):
            self.fail("not_boolean")
        return data


@extend_schema_field({"type": "object", "additionalProperties": True})
class DocumentField(serializers.Field[dict[str, Any], Any, dict[str, Any], Any]):
    """A JSON object whose content the service checks, such as a rule's conditions."""

    default_error_messages = {"not_object": "A JSON object is needed, in curly brackets."}

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        """Return the object with decimals as the database gives them back."""
        if not isinstance(data, dict):
            self.fail("not_object")
        try:
            document: dict[str, Any] = as_stored(data, path=self.field_name or "")
        except JSONRefusedError as error:
            raise serializers.ValidationError(str(error), code="invalid") from None
        return document

    def to_representation(self, value: dict[str, Any]) -> dict[str, Any]:
        """Return the object as it is."""
        return value
