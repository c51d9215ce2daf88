"""Fields of requests that name what players do."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from core.api.fields import TextField
from players.action_codes import CODE_LENGTH_MAX, CODE_SHAPE, is_action_code


class ActionCodeField(TextField):
    """The code of an action, such as KYC_COMPLETE."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=CODE_LENGTH_MAX, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        """Return the code. Raises ValidationError saying what would be right."""
        code: str = super().to_internal_value(data)
        if not is_action_code(code):
            raise serializers.ValidationError(f"{code!r} is no code of an action: {CODE_SHAPE}, are needed.")
        return code
