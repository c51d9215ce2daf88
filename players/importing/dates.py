"""Dates as people write them.

Dates and times in the international form are understood by PostgreSQL directly. Every other spelling is read once per
distinct text by `DateReader`, which first decides from the whole column whether the day or the month comes first.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from enum import StrEnum

from core.spreadsheets.markers import MARK, NUMBER

YEAR_MIN, YEAR_MAX = 1980, 2100
_YEARS = "(19[89][0-9]|20[0-9]{2}|2100)"
_LEAP_YEARS = "(19(8[048]|9[26])|20([02468][048]|[13579][26]))"
_EXISTING_DATE = (
    rf"({_YEARS}-((0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])|(0[13-9]|1[0-2])-(29|30)|(0[13578]|1[02])-31)"
    rf"|{_LEAP_YEARS}-02-29)"
)
"""Only dates that exist, so that none of them can break a statement."""
_ISO_DATE = f"^{_EXISTING_DATE}$"
_ISO_MOMENT = _ISO_DATE[:-1] + r"[ T]([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?$"

_EPOCH = date(1899, 12, 30)
_SERIAL = re.compile(r"(\d{5})(\.\d+)?")
_CLOCK = r"(?:[T ,]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*([AaPp]\.?[Mm]\.?)?\s*(Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})" + _CLOCK)
_COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})" + _CLOCK)
_YEAR_LAST = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})" + _CLOCK)
_DAY_NAME = re.compile(r"(\d{1,2})[- .]+([A-Za-z]{3,9})\.?,?[- ]+(\d{4})" + _CLOCK)
_NAME_DAY = re.compile(r"([A-Za-z]{3,9})\.?[- ]+(\d{1,2})(?:st|nd|rd|th)?,?[- ]+(\d{4})" + _CLOCK)
_TWO_DIGIT_YEAR = re.compile(r"\d{1,2}([-/. ])(?:\d{1,2}|[A-Za-z]{3,9})\1\d{2}(?!\d).*")
_MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_MONTHS = {name[:length]: number for number, name in enumerate(_MONTH_NAMES, 1) for length in {3, len(name)}} | {
    "sept": 9
}


class DateOrder(StrEnum):
    """Which of day and month comes first in 03/04/2025; UNKNOWN where no cell tells."""

    DAY_FIRST = "day_first"
    MONTH_FIRST = "month_first"
    UNKNOWN = ""


@dataclass(frozen=True, kw_only=True)
class OrderEvidence:
    """A text that can only be read with the day, or only with the month, first."""

    day_first: str = ""
    month_first: str = ""

    @property
    def contradicts(self) -> bool:
        return bool(self.day_first and self.month_first)

    @property
    def order(self) -> DateOrder:
        if self.day_first and not self.month_first:
            return DateOrder.DAY_FIRST
        if self.month_first and not self.day_first:
            return DateOrder.MONTH_FIRST
        return DateOrder.UNKNOWN


class UnreadableDateError(ValueError):
    """Raised when a text is no date, or more than one; says which and what would be right."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def moment_sql(text: str, *, time_zone: str) -> str:
    """Return SQL for a moment in the international form; NULL for every other text. A date is its first moment."""
    return f"""CASE
        WHEN {text} ~ '{_ISO_DATE}' OR {text} ~ '{_ISO_MOMENT}' THEN {text}::timestamp AT TIME ZONE '{time_zone}'
    END"""


def is_iso_date_sql(text: str) -> str:
    """Return SQL that is true for a date such as 2025-12-20."""
    return f"{text} ~ '{_ISO_DATE}'"


def day_sql(text: str) -> str:
    """Return SQL for a date in the international form, the time of day left out; NULL for every other text."""
    return f"CASE WHEN {text} ~ '{_ISO_DATE}' OR {text} ~ '{_ISO_MOMENT}' THEN substr({text}, 1, 10)::date END"


def weigh_order(texts: Iterable[str]) -> OrderEvidence:
    """Return what a column's texts prove about the order of day and month."""
    day_first = month_first = ""
    for text in texts:
        found = _YEAR_LAST.fullmatch(text)
        if not found:
            continue
        first, second = int(found[1]), int(found[3])
        if first > 12 >= second:
            day_first = day_first or text
        elif second > 12 >= first:
            month_first = month_first or text
    return OrderEvidence(day_first=day_first, month_first=month_first)


class DateReader:
    """Reads the dates of one column, once it is known how the column orders them."""

    def __init__(self, *, order: DateOrder, zone: tzinfo) -> None:
        self._order, self._zone = order, zone

    def read(self, text: str) -> datetime:
        """Return the moment a text names; a date is its first moment. Raises UnreadableDateError."""
        if text.startswith(NUMBER):
            return self._from_serial(text[len(NUMBER) :])
        if text.startswith(MARK):
            raise UnreadableDateError("wrong_type", "the cell is no date; write it as 2025-12-20")
        for pattern, read in (
            (_YEAR_FIRST, self._year_first),
            (_COMPACT, self._compact),
            (_YEAR_LAST, self._year_last),
            (_DAY_NAME, self._day_name),
            (_NAME_DAY, self._name_day),
        ):
            found = pattern.fullmatch(text)
            if found:
                return read(found)
        if _SERIAL.fullmatch(text):
            return self._from_serial(text)
        raise _unreadable(text)

    def _year_first(self, found: re.Match[str]) -> datetime:
        return self._moment(found[1], found[3], found[4], clock=found.groups()[4:])

    def _compact(self, found: re.Match[str]) -> datetime:
        return self._moment(found[1], found[2], found[3], clock=found.groups()[3:])

    def _year_last(self, found: re.Match[str]) -> datetime:
        first, separator, second, year = found.groups()[:4]
        clock = found.groups()[4:]
        if self._is_day_first(int(first), int(second), separator=separator):
            return self._moment(year, second, first, clock=clock)
        return self._moment(year, first, second, clock=clock)

    def _is_day_first(self, first: int, second: int, *, separator: str) -> bool:
        """Decide by the column, else by the sign: only countries that put the day first write dates with points."""
        if self._order is not DateOrder.UNKNOWN:
            return self._order is DateOrder.DAY_FIRST
        if separator == "." or first == second:
            return True
        raise UnreadableDateError(
            "ambiguous_date",
            "the date can be read with the day or the month first, and no other cell of the column tells which; write "
            "it as 2025-12-20, or choose the order for the file",
        )

    def _day_name(self, found: re.Match[str]) -> datetime:
        return self._moment(found[3], _month(found[2]), found[1], clock=found.groups()[3:])

    def _name_day(self, found: re.Match[str]) -> datetime:
        return self._moment(found[3], _month(found[1]), found[2], clock=found.groups()[3:])

    def _from_serial(self, text: str) -> datetime:
        """Return the moment of a spreadsheet's day number, counted from 1900."""
        found = _SERIAL.fullmatch(text)
        if not found:
            raise UnreadableDateError("not_a_date", "the number is no date; write it as 2025-12-20")
        seconds = round(float(found[2] or 0) * 86400)
        moment = datetime.combine(_EPOCH, time()) + timedelta(days=int(found[1]), seconds=seconds)
        return _checked(moment).replace(tzinfo=self._zone)

    def _moment(self, year: str, month: str | int, day: str, *, clock: tuple[str | None, ...]) -> datetime:
        try:
            moment = datetime.combine(date(int(year), int(month), int(day)), _time_of_day(clock))
        except ValueError:
            raise UnreadableDateError("no_such_date", "there is no such date; write it as 2025-12-20") from None
        return _checked(moment).replace(tzinfo=_zone(clock[4]) or self._zone)


def _time_of_day(clock: tuple[str | None, ...]) -> time:
    hour, minute, second, half, _ = clock
    if hour is None:
        return time()
    hours = int(hour)
    if half:
        if not 1 <= hours <= 12:
            raise ValueError(hour)
        hours = hours % 12 + (12 if half.lower().startswith("p") else 0)
    return time(hours, int(minute or 0), int(second or 0))


def _zone(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in {"Z", "UTC", "GMT"}:
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    if offset >= timedelta(hours=24):
        raise UnreadableDateError("no_such_date", "there is no such time zone; write the date as 2025-12-20")
    return timezone(offset if text[0] == "+" else -offset)


def _month(name: str) -> int:
    number = _MONTHS.get(name.lower())
    if number is None:
        raise UnreadableDateError("not_a_date", f"{name!r} is no month; write the date as 2025-12-20")
    return number


def _checked(moment: datetime) -> datetime:
    if not YEAR_MIN <= moment.year <= YEAR_MAX:
        raise UnreadableDateError(
            "date_out_of_range",
            f"the year {moment.year} is outside {YEAR_MIN}–{YEAR_MAX}; leave the cell empty if it is unknown",
        )
    return moment


def _unreadable(text: str) -> UnreadableDateError:
    if _TWO_DIGIT_YEAR.fullmatch(text):
        return UnreadableDateError("short_year", "the year has two digits; write the date as 2025-12-20")
    return UnreadableDateError("not_a_date", "this is no date; write it as 2025-12-20")
