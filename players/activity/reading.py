"""A player's activity in pages, the newest first, each found by an index however long the history is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import Q

from core.errors import InvalidInputError, NotFoundError
from players.models import Activity, Player

PAGE_SIZE = 100
PAGE_SIZE_MAX = 500
_CURSOR = re.compile(r"([0-9]{1,17})-([0-9]{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityPage:
    """Some events; `next_cursor` leads to the older ones, None on the last page."""

    events: list[Activity]
    next_cursor: str | None


def activity_of(
    *,
    player_id: str,
    kinds: Sequence[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    cursor: str = "",
    size: int = PAGE_SIZE,
) -> ActivityPage:
    """Return a page of a player's events between two times. Raises NotFoundError and InvalidInputError."""
    if not Player.objects.filter(pk=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    events = Activity.objects.filter(player_id=player_id)
    if kinds:
        events = events.filter(kind__in=kinds)
    if since is not None:
        events = events.filter(occurred_at__gte=since)
    if until is not None:
        events = events.filter(occurred_at__lt=until)
    if cursor:
        at, number = _position(cursor)
        # The first condition alone finds the place in the index.
        events = events.filter(occurred_at__lte=at).filter(Q(occurred_at__lt=at) | Q(id__lt=number))
    found = list(events.order_by("-occurred_at", "-id")[: size + 1])
    last = found[size - 1] if len(found) > size else None
    return ActivityPage(events=found[:size], next_cursor=None if last is None else _cursor_of(last))


def _cursor_of(event: Activity) -> str:
    whole = int(event.occurred_at.timestamp())
    return f"{whole * 1_000_000 + event.occurred_at.microsecond}-{event.pk}"


def _position(cursor: str) -> tuple[datetime, int]:
    found = _CURSOR.fullmatch(cursor)
    try:
        microseconds = int(found[1]) if found else -1
        if found is None:
            raise ValueError  # noqa: TRY301  # as a time beyond the calendar does
        at = datetime.fromtimestamp(microseconds // 1_000_000, tz=UTC).replace(microsecond=microseconds % 1_000_000)
    except (ValueError, OverflowError):
        raise InvalidInputError(
            f"cursor is {cursor[:60]!r}: what next_cursor of a page said is needed", field="cursor"
        ) from None
    return at, int(found[2])
