"""Which dates can be simulated and which periods replayed, and what is said of the others."""

from __future__ import annotations

from datetime import date, timedelta

from core.errors import InvalidInputError
from core.expressions import fetch_rows

PERIOD_DAYS_MAX = 366
SIMULATED_AHEAD_DAYS_MAX = 366


class SimulationDateError(InvalidInputError):
    """Raised when a business date is asked for that no night will come for any more, or not for a year."""

    code = "simulation_date"


class PeriodError(InvalidInputError):
    """The root of what is wrong with the period of a back-test."""

    code = "backtest_period"


class PeriodReversedError(PeriodError):
    """Raised when a period ends before it begins."""

    code = "backtest_period_reversed"


class PeriodInFutureError(PeriodError):
    """Raised when a period reaches beyond today: nobody has played there yet."""

    code = "backtest_period_in_future"


class PeriodTooLongError(PeriodError):
    """Raised when a period has more days than are replayed at once."""

    code = "backtest_period_too_long"


class NoDailyRowsError(PeriodError):
    """Raised when nothing is stored by day in the period, so that there is nothing to replay."""

    code = "backtest_no_daily_rows"


def check_simulated_date(on: date, *, today: date) -> None:
    """Raise SimulationDateError for a date whose night will not come any more, or not for a year."""
    first, last = today - timedelta(days=1), today + timedelta(days=SIMULATED_AHEAD_DAYS_MAX)
    if not first <= on <= last:
        raise SimulationDateError(
            f"{on} cannot be simulated: a night can still come from {first} to {last}; "
            "what a rule would have given before is a back-test",
            on=on.isoformat(),
            first=first.isoformat(),
            last=last.isoformat(),
        )


def check_period(*, since: date, until: date, today: date) -> None:
    """Raise PeriodReversedError, PeriodInFutureError, PeriodTooLongError or NoDailyRowsError, with the figures."""
    details = {"since": since.isoformat(), "until": until.isoformat()}
    if until < since:
        raise PeriodReversedError(f"the period ends on {until}, before it begins on {since}", **details)
    if until > today:
        raise PeriodInFutureError(
            f"the period ends on {until}, which is in the future; it may end on {today} at the latest", **details
        )
    days = (until - since).days + 1
    if days > PERIOD_DAYS_MAX:
        raise PeriodTooLongError(
            f"the period has {days} days; at most {PERIOD_DAYS_MAX} are replayed at once", days=days, **details
        )
    first, last = fetch_rows('SELECT min("on"), max("on") FROM player_days', [])[0]
    if not _has_days(since, until):
        known = f"they reach from {first} to {last}" if first else "there are none at all"
        raise NoDailyRowsError(f"no daily rows are stored from {since} to {until}: {known}", **details)


def _has_days(since: date, until: date) -> bool:
    sql = 'SELECT EXISTS (SELECT 1 FROM player_days WHERE "on" BETWEEN %s AND %s)'
    return bool(fetch_rows(sql, [since, until])[0][0])
