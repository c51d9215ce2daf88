"""Which events are too old to be counted when they come: those of archived months, and those beyond the retention."""

from __future__ import annotations

from datetime import UTC, date, datetime

from core.partitions import months_from
from players.policies import ACTIVITY_RETENTION_MONTHS

_SINCE_EVER = datetime(1, 1, 2, tzinfo=UTC)


def retention_end(*, at: datetime) -> datetime:
    """Return the time before which events are not kept by policy. Months end in UTC, as partitions do."""
    months = ACTIVITY_RETENTION_MONTHS.value()
    if not months:
        return _SINCE_EVER
    first = months_before(at.astimezone(UTC).date(), months=months)
    return datetime(first.year, first.month, 1, tzinfo=UTC)


def month_after(month: date) -> date:
    """Return the first day of the month after."""
    return next(months_from(month, count=1))[1]


def months_before(day: date, *, months: int) -> date:
    """Return the first day of the month that many before the day's."""
    number = day.year * 12 + day.month - 1 - months
    return date(max(number // 12, 1), number % 12 + 1, 1)
