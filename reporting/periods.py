"""Periods of business days, as instants."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from django.utils import timezone

# Dates that forms take: outside of them there is nothing to report, and a day more or less is still a date.
FIRST_ON = date(2000, 1, 1)
LAST_ON = date(2999, 12, 31)


def start_of_day(on: date) -> datetime:
    """Return the first instant of a business day, by TIME_ZONE."""
    return timezone.make_aware(datetime.combine(on, time.min))


def end_of_day(on: date) -> datetime:
    """Return the first instant after a business day."""
    return start_of_day(on + timedelta(days=1))


def first_of_month(on: date) -> date:
    """Return the first day of a date's month."""
    return on.replace(day=1)


def named_periods(today: date) -> list[tuple[str, date | None, date | None]]:
    """Return the periods people ask for most: name, first and last day; None is open."""
    last_month_end = first_of_month(today) - timedelta(days=1)
    return [
        ("This month", first_of_month(today), today),
        ("Last month", first_of_month(last_month_end), last_month_end),
        ("This year", today.replace(month=1, day=1), today),
        ("Everything", None, None),
    ]
