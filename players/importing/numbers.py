"""Amounts, counts and hours as people write them, understood by PostgreSQL for all rows at once.

Whether `1.234` is 1234 or 1.23 cannot be seen in one cell. The whole file decides: a cell that can only be read one way
(`1.234,56`, `12.5`) proves which sign is the decimal sign. Files that prove both, or neither but need to know, are
refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from core.spreadsheets.markers import DURATION, NUMBER
from players.importing.columns import Kind, PlayerColumn

AMOUNT_LIMIT = 10**15
"""Amounts must be below; beyond it spreadsheets have no digits left for cents."""
SHORTENED_FROM = 10**11
"""From here on spreadsheets show numbers like 1.23457E+11 and export them so, their digits lost."""

_SPACES = " \u00a0\u2009\u202f"
_GROUPS = _SPACES + "'’"
"""What may stand between thousands besides the sign that is not the decimal sign."""
_PLAIN = r"^[0-9]{1,15}(\.[0-9]{1,2})?$"
_WHOLE = "^[0-9]{1,15}$"
_TYPED = rf"^{NUMBER}-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$"
_ZERO = r"^[-−]0+([.,]0*)?$"
_CLOCK = r"^[0-9]{1,6}:[0-5][0-9](:[0-5][0-9](\.[0-9]+)?)?$"
_AMBIGUOUS = r"^[^0-9.,]*[1-9][0-9]{0,2}[.,][0-9]{3}([^0-9.,].*)?$"


class DecimalSign(StrEnum):
    """The sign before the decimals; UNKNOWN where no cell needed one."""

    POINT = "."
    COMMA = ","
    UNKNOWN = ""


@dataclass(frozen=True, kw_only=True)
class NumberStyle:
    """How a file writes numbers."""

    sign: DecimalSign = DecimalSign.UNKNOWN
    currency_words: tuple[str, ...] = ()
    """The operator's currency, as it may stand beside an amount."""


def is_typed_sql(text: str) -> str:
    """Return SQL that is true for cells that are numbers in a workbook, whatever they look like."""
    return f"{text} ~ {quoted(_TYPED)}"


def proves_sql(text: str, sign: DecimalSign) -> str:
    """Return SQL that is true where a cell can only be read with this decimal sign."""
    return f"{text} ~ {quoted(_proof(sign))}"


def is_ambiguous_sql(text: str) -> str:
    """Return SQL that is true where three digits follow the only separator, so that it may mark thousands."""
    return f"{text} ~ {quoted(_AMBIGUOUS)}"


def exact_sql(text: str, column: PlayerColumn, style: NumberStyle) -> str:
    """Return SQL for a cell's number, neither rounded nor bounded; NULL where the cell is no number."""
    sign = style.sign or DecimalSign.POINT
    bare = _without_currency(text, style) if column.kind is Kind.AMOUNT else text
    clock = _clock_sql(text) if column.kind is Kind.HOURS else ""
    unclear = "" if style.sign else f"WHEN {is_ambiguous_sql(bare)} THEN NULL"
    canonical = f"{_canonical(bare, sign)}::numeric"
    return f"""CASE
        WHEN {text} ~ {quoted(_WHOLE if sign is DecimalSign.COMMA else _PLAIN)} THEN {text}::numeric
        WHEN {text} ~ {quoted(_TYPED)} THEN substr({text}, {len(NUMBER) + 1})::numeric
        WHEN {text} ~ {quoted(_ZERO)} THEN 0
        {clock}
        {unclear}
        WHEN {bare} ~ {quoted(_shape(sign))} THEN {canonical}
        WHEN {bare} ~ {quoted(_scientific(sign))}
            THEN CASE WHEN {canonical} < {SHORTENED_FROM} THEN {canonical} END
    END"""


def bounded_sql(number: str, column: PlayerColumn) -> str:
    """Return SQL that fits a number into its column, amounts rounded half up; NULL where it does not fit."""
    if column.kind is Kind.INTEGER:
        return f"CASE WHEN {number} BETWEEN 0 AND {column.value_max} AND {number} % 1 = 0 THEN {number}::integer END"
    limit = column.value_max or AMOUNT_LIMIT
    return f"CASE WHEN {number} >= 0 AND {number} < {limit} THEN round({number}, 2) END::{column.kind.sql_type}"


def quoted(text: str) -> str:
    """Return a literal for SQL text."""
    return "'" + text.replace("'", "''") + "'"


def _proof(sign: DecimalSign) -> str:
    """Return the pattern of numbers that only make sense with this decimal sign."""
    decimal, group = ("\\.", ",") if sign is DecimalSign.POINT else (",", "\\.")
    alternatives = [
        rf"^[^.,]*[0-9]{decimal}([0-9]{{1,2}}|[0-9]{{4,}})([^0-9.,].*)?$",  # 12,5  1234,5678
        rf"^([^0-9.,]*0)?{decimal}[0-9]+([^0-9.,].*)?$",  # 0,123  ,5
        rf"^[^0-9.,]*[0-9]{{4,}}{decimal}[0-9]+([^0-9.,].*)?$",  # 1234,567
        rf"[0-9][{group}{_GROUPS}][0-9]{{3}}{decimal}[0-9]*([^0-9.,].*)?$",  # 1.234,5  1 234,567
        rf"(^|[^0-9.,])[0-9]{{1,3}}({group}[0-9]{{3}}){{2,}}([^0-9.,].*)?$",  # 1.234.567
    ]
    if sign is DecimalSign.POINT:
        alternatives.append(r"(^|[^0-9.,])[0-9]{1,2}(,[0-9]{2})+,[0-9]{3}([^0-9,].*)?$")  # Indian: 12,34,567
    return "|".join(alternatives)


def _shape(sign: DecimalSign) -> str:
    """Return the pattern of a number: 1234567.891, 1,234,567.89, 1 234 567, Indian 12,34,567."""
    decimal, group = ("\\.", ",") if sign is DecimalSign.POINT else (",", "\\.")
    wholes = [
        "[0-9]{1,15}",
        rf"[1-9][0-9]{{0,2}}([{group}{_GROUPS}])[0-9]{{3}}(?:\1[0-9]{{3}})*",
    ]
    if sign is DecimalSign.POINT:
        wholes.append("[1-9][0-9]?(?:,[0-9]{2})*,[0-9]{3}")
    return rf"^\+?(?:(?:{'|'.join(wholes)})(?:{decimal}[0-9]{{0,20}})?|{decimal}[0-9]{{1,20}})$"


def _scientific(sign: DecimalSign) -> str:
    decimal = "\\." if sign is DecimalSign.POINT else ","
    return rf"^[0-9]{{1,15}}({decimal}[0-9]{{1,20}})?[eE][+-]?[0-9]{{1,2}}$"


def _canonical(text: str, sign: DecimalSign) -> str:
    """Return SQL for a number as PostgreSQL writes it."""
    if sign is DecimalSign.POINT:
        return f"translate({text}, {quoted(_GROUPS + ',+')}, '')"
    return f"replace(translate({text}, {quoted(_GROUPS + '.+')}, ''), ',', '.')"


def _clock_sql(text: str) -> str:
    """Return branches for durations: time cells, and text such as 48:30."""
    hours, minutes, seconds = (f"nullif(split_part({text}, ':', {part}), '')::numeric" for part in (1, 2, 3))
    return f"""
        WHEN {text} ~ '^{DURATION}[0-9]+(\\.[0-9]+)?$' THEN substr({text}, {len(DURATION) + 1})::numeric / 3600
        WHEN {text} ~ '{_CLOCK}' THEN {hours} + {minutes} / 60 + coalesce({seconds}, 0) / 3600"""


def _without_currency(text: str, style: NumberStyle) -> str:
    """Return SQL for an amount without the operator's currency before or after it."""
    words = "|".join(re.escape(word) for word in style.currency_words)
    if not words:
        return text
    pattern = f"^({words})[{_SPACES}]*|[{_SPACES}]*({words})$"
    return f"regexp_replace({text}, {quoted(pattern)}, '', 'i')"
