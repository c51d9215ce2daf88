"""Which events are too old to be counted when they come: those of archived months, and those beyond the retention."""

from __future__ import annotations

from datetime import UTC, date, datetime

from core.partitions import months_from
from players.models import ActivityArchive
from players.policies import ACTIVITY_RETENTION_MONTHS

_OPEN_SINCE_EVER = datetime(1, 1, 2, tzinfo=UTC)


def closed_before(*, at: datetime) -> datetime:
    """Return the time before which events are listed instead of counted. Months end in UTC, as partitions do."""
    archived = ActivityArchive.objects.order_by("-month").values_list("month", flat=True).first()
    ends = [_OPEN_SINCE_EVER]
    if archived is not None:
        ends.append(_midnight(month_after(archived)))
    if months := ACTIVITY_RETENTION_MONTHS.value():
        ends.append(_midnight(months_before(at.astimezone(UTC).date(), months=months)))
    return max(ends)


def month_after(month: date) -> date:
    """Return the first day of the month after."""
    return next(months_from(month, count=1))[1]


def months_before(day: date, *, months: int) -> date:
    """Return the first day of the month that many before the day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(max(number // 12, 1), number % 12 + 1, 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
