"""Request bodies: objects with exactly the keys that are known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework import serializers


class RequestSerializer(serializers.Serializer[Any]):
    """Refuse keys that nobody reads, by name: a misspelt one would otherwise be lost in silence."""

    def to_internal_value(self, data: Any) -> Any:
        """Return the validated values; all unknown keys are reported together with everything else that is wrong."""
        if not isinstance(data, Mapping):
            raise serializers.ValidationError(
                {"non_field_errors": [serializers.ErrorDetail("The body must be a JSON object.", code="invalid")]}
            )
        writable = [name for name, field in self.fields.items() if not field.read_only]
        unknown = {str(key): [_unknown(str(key), writable)] for key in data if key not in writable}
        try:
            values = super().to_internal_value(data)
        except serializers.ValidationError as error:
            raise serializers.ValidationError({**unknown, **_as_dict(error)}) from None
        if unknown:
            raise serializers.ValidationError(unknown)
        return values


class NoBody(RequestSerializer):
    """A request that says everything by its address."""


class ChangeSerializer(RequestSerializer):
    """The keys of something that exists; those not given stay as they are, and none given is a mistake."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a body without keys."""
        if not attrs:
            raise serializers.ValidationError(f"Give at least one key to change: {', '.join(self.fields)}.")
        return attrs


def _unknown(key: str, known: Iterable[str]) -> serializers.ErrorDetail:
    close = difflib.get_close_matches(key[:100], list(known), n=1, cutoff=0.6)
    hint = f"Did you mean {close[0]!r}?" if close else f"Known are {', '.join(known) or 'none'}."
    return serializers.ErrorDetail(f"This key is not known. {hint}", code="unknown_key")


def _as_dict(error: serializers.ValidationError) -> dict[str, Any]:
    return error.detail if isinstance(error.detail, dict) else {"non_field_errors": error.detail}
