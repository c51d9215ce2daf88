"""When points expire: one definition, as SQL, for points from play, rewards and single credits; see docs/points.md."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from core.expressions import Sql, fetch_rows
from core.policies import Policy
from wallet import policies
from wallet.models import CurrencyType
from wallet.policies import PointsExpiry


@dataclass(frozen=True, slots=True, kw_only=True)
class _ExpiryPolicies:
    """The policies of one currency's points."""

    kind: Policy[str]
    months: Policy[int]
    date: Policy[str]
    inactivity_months: Policy[int]


_POLICIES = {
    CurrencyType.LP: _ExpiryPolicies(
        kind=policies.LP_EXPIRY,
        months=policies.LP_EXPIRY_MONTHS,
        date=policies.LP_EXPIRY_DATE,
        inactivity_months=policies.LP_INACTIVITY_MONTHS,
    ),
    CurrencyType.RP: _ExpiryPolicies(
        kind=policies.RP_EXPIRY,
        months=policies.RP_EXPIRY_MONTHS,
        date=policies.RP_EXPIRY_DATE,
        inactivity_months=policies.RP_INACTIVITY_MONTHS,
    ),
}
EXPIRING_CURRENCIES = tuple(_POLICIES)
_NEVER: Sql = ("NULL::timestamptz", [])
_MONTHS_SQL = "((date_trunc('month', {on}::timestamp) + make_interval(months => %s)) AT TIME ZONE %s)"
# The day falls into the year of the earliest one that is allowed, or into the year after it.
_FIXED_DATE_SQL = """((
    SELECT make_date(extract(year FROM f.on)::integer + CASE WHEN to_char(f.on, 'MM-DD') > %s THEN 1 ELSE 0 END, %s, %s)
    FROM (SELECT ({on} + make_interval(months => %s))::date AS on) f
) + 1)::timestamp AT TIME ZONE %s"""
# The first day whose activity still counts is the earliest one that, so many months later, has not gone by yet. Where
# the month before is shorter, its last day has.
_ACTIVE_SINCE_SQL = """
    SELECT (d.on + CASE WHEN (d.on + d.span)::date < d.today THEN 1 ELSE 0 END)::timestamp AT TIME ZONE d.zone
    FROM (
        SELECT (t.today - t.span)::date AS on, t.* FROM (
            SELECT (%s::timestamptz AT TIME ZONE %s)::date AS today, make_interval(months => %s) AS span, %s AS zone
        ) t
    ) d
"""


def points_expiry(*, currency: str, earned_on: str, business_zone: str) -> Sql:
    """Return SQL and parameters of the instant at which points expire; NULL where no such time is set.

    `earned_on` is SQL of the business date they are earned on; the day that ends is one of `business_zone`.
    """
    of_currency = _POLICIES.get(CurrencyType(currency))
    kind = of_currency.kind.value() if of_currency else PointsExpiry.NEVER
    if of_currency is None or kind in {PointsExpiry.NEVER, PointsExpiry.INACTIVITY}:
        return _NEVER
    months = of_currency.months.value()
    if kind == PointsExpiry.FIXED_DATE:
        month_and_day = of_currency.date.value()
        month, day = map(int, month_and_day.split("-"))
        return _FIXED_DATE_SQL.format(on=earned_on), [month_and_day, month, day, months, business_zone]
    return (_MONTHS_SQL.format(on=earned_on), [months + 1, business_zone]) if months else _NEVER


def points_expire_at(*, currency: str, earned_on: date) -> datetime | None:
    """Return when points earned on a business date expire, by the same SQL; None where no such time is set."""
    sql, params = points_expiry(
        currency=currency, earned_on="p.earned_on", business_zone=timezone.get_default_timezone_name()
    )
    if not params:
        return None
    rows = fetch_rows(f"SELECT {sql} FROM (SELECT %s::date AS earned_on) p", [*params, earned_on])
    expires_at: datetime | None = rows[0][0]
    return expires_at


def active_since(*, currency: str, at: datetime) -> datetime | None:
    """Return from when on activity or a credit keeps a balance at a time; None where inactivity takes nothing.

    With n months, a player last active on a business date keeps the balance to the end of that date n months later.
    """
    of_currency = _POLICIES[CurrencyType(currency)]
    if of_currency.kind.value() != PointsExpiry.INACTIVITY:
        return None
    zone, months = timezone.get_default_timezone_name(), of_currency.inactivity_months.value()
    since: datetime = fetch_rows(_ACTIVE_SINCE_SQL, [at, zone, months, zone])[0][0]
    return since
