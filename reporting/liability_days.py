"""The liability of each business date, written by the night from that date's entries and read by reports.

A day's opening is the closing of the day before, so no night reads the whole ledger; what players hold now, less what
was posted since the day ended, must be the day's closing. Entries that are committed only after their day was written,
although their time lies in it, are found by the next night: it writes the last day again, and all of them if that is
not enough.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.conf import settings
from django.db import transaction
from django.db.models import Max, Min

from core.expressions import fetch_rows
from core.money import ZERO
from core.runs import Counts
from reporting.liability import (
    AFTER_SQL,
    HELD_SQL,
    SAID_BY_BALANCES,
    LiabilityDifferenceError,
    RollForward,
    check_closing,
    empty_lines,
    flows_sql,
    last_entries_sql,
    line_of,
    unit_values,
)
from reporting.models import LINES, LiabilityDay
from reporting.periods import end_of_day, start_of_day
from wallet.models import CurrencyType


def write_liability_days(*, on: date, at: datetime, run_id: int | None = None) -> Counts:
    """Write the liability of a business date, and of those before it that no night has written.

    `at` is when; days whose figures have changed since they were written are written again and counted. Raises
    LiabilityDifferenceError and UnknownEntryTypeError; then nothing is written.
    """
    with transaction.atomic():
        stored = LiabilityDay.objects.aggregate(first=Min("on"), last=Max("on"))
        before = LiabilityDay.objects.filter(on__lt=on).aggregate(last=Max("on"))["last"]
        ends_on = max(on, stored["last"] or on)
        try:
            days = _proved_days(begins_on=before or on, ends_on=ends_on, openings=_openings(before))
        except LiabilityDifferenceError:
            if before is None:
                raise
            days = _proved_days(begins_on=min(stored["first"], on), ends_on=ends_on, openings=None)
        return _store(days, at=at, run_id=run_id)


def _openings(on: date | None) -> dict[str, Decimal] | None:
    if on is None:
        return None
    return dict(LiabilityDay.objects.filter(on=on).values_list("currency_type", "opening"))


@dataclass(slots=True, kw_only=True)
class _Read:
    """What one statement read: flows by day, currency and line; the rest by currency."""

    flows: dict[tuple[date, str], dict[str, Decimal]]
    opening: dict[str, Decimal]
    after: dict[str, Decimal]
    held: dict[str, Decimal]


def _proved_days(*, begins_on: date, ends_on: date, openings: dict[str, Decimal] | None) -> list[RollForward]:
    """Return the days of a period, each opening with the closing of the one before, and prove the last closing.

    Without `openings` the first one is read from the ledger's beginning on.
    """
    read = _read(begins_on=begins_on, ends_on=ends_on, with_opening=openings is None)
    days: list[RollForward] = []
    for currency in CurrencyType.values:
        opening = (openings or read.opening).get(currency, ZERO)
        for on in _dates(begins_on, ends_on):
            lines = read.flows.get((on, currency), empty_lines())
            closing = opening + sum(lines.values(), ZERO)
            days.append(
                RollForward(
                    since=on,
                    until=on,
                    currency=currency,
                    opening=opening,
                    lines=lines,
                    closing=closing,
                    unit_value=None,
                )
            )
            opening = closing
        held = read.held.get(currency, ZERO) - read.after.get(currency, ZERO)
        check_closing(days[-1], closing=held, said_by=SAID_BY_BALANCES)
    return days


def _read(*, begins_on: date, ends_on: date, with_opening: bool) -> _Read:
    begins_at, ends_at = start_of_day(begins_on), end_of_day(ends_on)
    by_day = "(e.created_at AT TIME ZONE %s)::date"
    sql = f"{flows_sql(by_day=by_day)} UNION ALL {HELD_SQL} UNION ALL {AFTER_SQL}"
    params = [settings.TIME_ZONE, begins_at, ends_at, ends_at]
    if with_opening:
        sql, params = f"{sql} UNION ALL {last_entries_sql('opening')}", [*params, begins_at]
    read = _Read(flows={}, opening={}, after={}, held={})
    for kind, on, currency, transaction_type, amount in fetch_rows(sql, params):
        if kind == "flow":
            read.flows.setdefault((on, currency), empty_lines())[line_of(transaction_type)] += amount
        else:
            getattr(read, kind)[currency] = amount
    return read


def _dates(first: date, last: date) -> Iterator[date]:
    return (first + timedelta(days=days) for days in range((last - first).days + 1))


def _store(days: list[RollForward], *, at: datetime, run_id: int | None) -> Counts:
    """Write the days that are new or have changed; a day keeps the unit value it was first written with."""
    known = {(row.on, row.currency_type): row for row in LiabilityDay.objects.filter(on__gte=days[0].since)}
    units = unit_values()
    new, changed = [], []
    for day in days:
        row = known.get((day.since, day.currency))
        if row is None:
            row = LiabilityDay(
                on=day.since,
                currency_type=day.currency,
                unit_value=units.get(day.currency),
                run_id=run_id,
                created_at=at,
            )
            new.append(row)
        elif any(getattr(row, column) != amount for column, amount in day.amounts().items()):
            row.revised_at = at
            changed.append(row)
        for column, amount in day.amounts().items():
            setattr(row, column, amount)
    LiabilityDay.objects.bulk_create(new)
    LiabilityDay.objects.bulk_update(changed, ["opening", *LINES, "closing", "revised_at"], batch_size=500)
    return {"liability rows": len(new), "liability rows revised": len(changed)}


def stored_days(*, since: date, until: date) -> list[RollForward]:
    """Return the stored days of a period by date and currency.

    Raises LiabilityDifferenceError where a day does not open with what the one before closed with, or is missing.
    """
    rows = LiabilityDay.objects.filter(on__gte=since, on__lte=until).order_by("on", "currency_type")
    days = [_of_row(row) for row in rows]
    last: dict[str, RollForward] = {}
    for day in days:
        _check_chain(last.get(day.currency), day)
        last[day.currency] = day
    return days


def _of_row(row: LiabilityDay) -> RollForward:
    return RollForward(
        since=row.on,
        until=row.on,
        currency=row.currency_type,
        opening=row.opening,
        lines={line: getattr(row, line) for line in LINES},
        closing=row.closing,
        unit_value=row.unit_value,
    )


def _check_chain(before: RollForward | None, day: RollForward) -> None:
    check_closing(day, closing=day.closing, said_by="the stored closing")
    if before is None:
        return
    if before.until + timedelta(days=1) != day.since:
        raise LiabilityDifferenceError(
            f"{day.currency}: the liability of {before.until + timedelta(days=1)} is missing; the next night writes it",
            currency=day.currency,
        )
    if before.closing != day.opening:
        raise LiabilityDifferenceError(
            f"{day.currency}: {before.until} closes with {before.closing}, but {day.since} opens with {day.opening}, a "
            f"difference of {day.opening - before.closing}",
            currency=day.currency,
            closing=str(before.closing),
            opening=str(day.opening),
            difference=str(day.opening - before.closing),
        )


def summed_days(days: list[RollForward]) -> list[RollForward]:
    """Return the roll-forward of stored days together, one per currency, valued as the last of them was."""
    summed = []
    for currency in CurrencyType.values:
        own = [day for day in days if day.currency == currency]
        if own:
            lines = {line: sum((day.lines[line] for day in own), ZERO) for line in LINES}
            first, last = own[0], own[-1]
            summed.append(
                RollForward(
                    since=first.since,
                    until=last.until,
                    currency=currency,
                    opening=first.opening,
                    lines=lines,
                    closing=last.closing,
                    unit_value=last.unit_value,
                )
            )
    return summed
