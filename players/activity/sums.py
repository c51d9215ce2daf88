"""Sums that no column can hold: which events would make them so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from core.errors import InvalidInputError
from players.activity.events import EventReader
from players.activity.problems import EventProblem
from players.models import ActivityKind, PlayerMetrics

SUM_MAX = Decimal("9999999999999999.99")
_TOTALS = {
    ActivityKind.DEPOSIT.value: "total_deposited",
    ActivityKind.WITHDRAWAL.value: "total_withdrawn",
    ActivityKind.WAGER.value: "total_wagered",
    ActivityKind.WIN.value: "total_won",
}


class SumTooLargeError(InvalidInputError):
    """Raised for a batch of which a sum is too large to be stored; nothing of it was."""


def sums_too_large(events: Sequence[Any], *, at: datetime) -> list[EventProblem]:
    """Return a problem for each event that does not fit into its player's total, in the order of their places.

    Those that fit are added up, so that what is left of the batch fits as well.
    """
    batch = EventReader(at=at).read(events)
    stored = PlayerMetrics.objects.filter(player__in=batch.player_ids).values("player_id", *_TOTALS.values())
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    totals.update({(row["player_id"], name): row[name] for row in stored for name in _TOTALS.values()})
    problems = []
    for event in batch.events():
        name = _TOTALS.get(event.kind)
        if name is None or not event.amount:
            continue
        total = totals[event.player_id, name]
        amount = Decimal(event.amount) - Decimal(event.bonus_amount or 0)
        if total + amount <= SUM_MAX:
            totals[event.player_id, name] = total + amount
        else:
            message = f"is {event.amount}: with the {total} there is already, {name} would be more than {SUM_MAX}"
            problems.append(
                EventProblem(index=event.place, field="amount", message=message, external_id=event.external_id)
            )
    return problems
