"""Turn a workbook's typed cells into text that loses nothing and pretends nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import Any

from core.spreadsheets.columns import CellKind
from core.spreadsheets.markers import BOOLEAN, DATE, DURATION, ERROR, FORMATTED, FORMULA, MARK, NUMBER
from core.spreadsheets.rows import clean_text

EXACT_INTEGER_MAX = 10**15
"""Spreadsheet programs keep 15 digits; a longer number has already lost its last ones."""
DAYS_BETWEEN_EPOCHS = 1462
"""Day numbers of workbooks that count from 1904 are this much smaller."""

Convert = Callable[[Any], str]


class Override(str):
    """Text that stands for a cell and is sent as it is."""

    __slots__ = ()


class EmptyResult(Override):
    """A formula's empty result where it cannot be known whether it was computed: nothing as text, unknown elsewhere."""

    __slots__ = ()

    def __new__(cls) -> EmptyResult:
        return super().__new__(cls, missing_result_text(""))


class ShownNumber(float):
    """A number together with what its cell shows, where that is more than its digits."""

    shown: str

    def __new__(cls, number: float, shown: str) -> ShownNumber:
        made = super().__new__(cls, number)
        made.shown = shown
        return made


_NUMBER_LINE = NUMBER + "%.15g\n"
_ZERO_PADDED = re.compile(r"0{2,}")
_PLAIN_FORMAT = re.compile(r"(?:General|@|[#0,. ]+|_[-)( ]|\[[A-Za-z]+\]|\*.)*", re.IGNORECASE)


def number_text(number: float) -> str:
    """Return a number as spreadsheets know it: 15 significant digits, no `.0`."""
    return f"{number:.15g}"


class ColumnWriter:
    """Writes the cells of one column as text, by what the column holds."""

    def __init__(self, index: int, kind: CellKind, *, counts_from_1904: bool = False) -> None:
        self.index = index
        self._kind = kind
        self._by_type = converters(kind, counts_from_1904=counts_from_1904)

    def text(self, value: Any) -> str:
        """Return one cell's text."""
        return self._by_type[type(value)](value)

    def texts(self, values: Sequence[Any]) -> Sequence[str]:
        """Return many cells' texts; a column of one type, as most are, is written in one stroke."""
        types = set(map(type, values))
        if types == {str} and "".join(values).isprintable():
            return list(map(str.strip, values))
        if types == {float} and self._kind is CellKind.NUMBER:
            return ((_NUMBER_LINE * len(values)) % tuple(values)).split("\n")[:-1]
        by_type = self._by_type
        return [by_type[type(value)](value) for value in values]


def converters(kind: CellKind, *, counts_from_1904: bool = False) -> dict[type, Convert]:
    """Return how to write each type of cell in a column of this kind."""
    if kind is CellKind.TEXT:
        return _text_converters()
    if kind is CellKind.ID:
        return {**_marking_converters(), float: id_text, ShownNumber: shown_id_text}
    if kind is CellKind.NUMBER:
        return {**_marking_converters(), float: _marked_number, ShownNumber: _marked_number}
    offset = DAYS_BETWEEN_EPOCHS if counts_from_1904 else 0
    days: dict[type, Convert] = dict.fromkeys((float, ShownNumber), lambda value: _marked_number(value + offset))
    return {
        **_marking_converters(),
        **days,
        dt.date: dt.date.isoformat,
        dt.datetime: _moment,
    }


def _marking_converters() -> dict[type, Convert]:
    """Return how to write cells whose type must be told from text; numbers depend on the column."""
    return {
        str: _text,
        Override: str,
        EmptyResult: str,
        bool: lambda value: f"{BOOLEAN}{str(value).upper()}",
        dt.date: lambda value: f"{DATE}{value.isoformat()}",
        dt.datetime: lambda value: f"{DATE}{_moment(value)}",
        dt.time: lambda value: f"{DURATION}{_seconds_of_day(value)}",
        dt.timedelta: lambda value: f"{DURATION}{value.total_seconds():.15g}",
    }


def _text_converters() -> dict[type, Convert]:
    """Return how to write cells where any text will do."""
    return {
        str: _text,
        Override: str,
        EmptyResult: lambda _: "",
        float: number_text,
        ShownNumber: number_text,
        bool: lambda value: str(value).upper(),
        dt.date: dt.date.isoformat,
        dt.datetime: _moment,
        dt.time: dt.time.isoformat,
        dt.timedelta: str,
    }


def id_text(number: float) -> str:
    """Return a number that stands where a name is expected; marked where its digits cannot be trusted."""
    if not float(number).is_integer():
        return f"{NUMBER}{number:.15g}"
    return f"{number:.0f}" if abs(number) < EXACT_INTEGER_MAX else f"{NUMBER}{number:.0f}"


def shown_id_text(number: ShownNumber) -> str:
    """Return an id as its cell shows it where that is the number after zeros; marked where it is anything else."""
    plain = id_text(number)
    if plain.startswith(MARK):
        return plain
    if number.shown.isdigit() and number.shown.lstrip("0") == plain.lstrip("0"):
        return number.shown
    return f"{FORMATTED}{plain} shown as {number.shown}"


def error_text(name: str) -> str:
    return f"{ERROR}{name}"


def missing_result_text(formula: str) -> str:
    return f"{FORMULA}={formula}"


def formatted_id_text(number: float, number_format: str) -> str:
    """Return an id as its cell shows it.

    A format of zeros only (`000000`) pads the number; a format with letters shows what the file does not hold, so the
    cell is marked.
    """
    code = number_format.split(";", maxsplit=1)[0].strip()
    plain = id_text(number)
    if _ZERO_PADDED.fullmatch(code) and plain.isdigit():
        return f"{int(number):0{len(code)}d}"
    if plain.startswith(MARK) or shows_plainly(number_format):
        return plain
    return f"{FORMATTED}{plain} shown as {number_format}"


def shows_plainly(number_format: str) -> bool:
    """Whether a number format adds nothing to a number's digits."""
    code = number_format.split(";", maxsplit=1)[0].strip()
    pads = code.partition(".")[0].count("0") > 1
    return not pads and _PLAIN_FORMAT.fullmatch(code) is not None


def _marked_number(value: float) -> str:
    return f"{NUMBER}{value:.15g}"


def _text(value: str) -> str:
    return value.strip() if value.isprintable() else clean_text(value)


def _moment(value: dt.datetime) -> str:
    """Return the date, with the time of day where there is one."""
    if value.time() == dt.time():
        return value.date().isoformat()
    return value.replace(microsecond=0).isoformat(sep=" ")


def _seconds_of_day(value: dt.time) -> str:
    return str(value.hour * 3600 + value.minute * 60 + value.second)
