"""What a correction would do, found out by the correction itself and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.db import transaction

from core.errors import LoyaltyError
from wallet.holdings import entries_of
from wallet.models import LedgerEntry, Operation

_ACTOR = "preview"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The entries a correction would post, or why it would be refused."""

    entries: list[LedgerEntry]
    refusal: str | None


def preview_correction(correct: Callable[..., Any], *, operation_id: int, at: datetime) -> Preview:
    """Run a correction of an operation and roll it back, so that the preview cannot disagree with the act."""
    key = f"{_ACTOR}:{uuid4()}"
    try:
        with transaction.atomic():
            correct(operation_id=operation_id, reason=_ACTOR, key=key, actor=_ACTOR, at=at)
            entries = list(entries_of(Operation.objects.get(key=key)))
            transaction.set_rollback(True)
    except LoyaltyError as error:
        return Preview(entries=[], refusal=error.message)
    return Preview(entries=entries, refusal=None)
