"""Say what is wrong with a cell and what would be right; PostgreSQL has already decided that it is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from core.spreadsheets.markers import BOOLEAN, CONTROL, DATE, DURATION, ERROR, FORMATTED, FORMULA, MARK, NUMBER
from players.importing.columns import BY_NAME, Kind, PlayerColumn
from players.importing.numbers import AMOUNT_LIMIT, DecimalSign, NumberStyle
from players.importing.texts import DECIMAL_ID, ERROR_VALUES, INVISIBLE, SHORTENED_ID

_EXAMPLES = {
    Kind.ID: "P001",
    Kind.AMOUNT: "1234.56",
    Kind.INTEGER: "25",
    Kind.HOURS: "48.5",
    Kind.DATE: "2025-12-20",
    Kind.MOMENT: "2025-12-20",
    Kind.TEXT: "text",
    Kind.EMAIL: "name@example.com",
}
_TYPES = {
    DATE: "a date",
    BOOLEAN: "TRUE or FALSE",
    DURATION: "a time",
    NUMBER: "a number",
    CONTROL: "text with control characters",
}
_NAN = re.compile(r"[+-]?nan\b.*", re.IGNORECASE)
_INFINITE = re.compile(r"[+-]?(inf(inity)?|∞)", re.IGNORECASE)
_NEGATIVE = re.compile(r"\D{0,4}[-−–]\s*\D{0,4}\d.*|\(.*\d.*\)|.*\d\s*[-−]")
_AMBIGUOUS = re.compile(r"[^\d.,]*[1-9]\d{0,2}[.,]\d{3}([^\d.,].*)?")
_SCIENTIFIC = re.compile(r"[+-]?\d+([.,]\d+)?e[+-]?\d+", re.IGNORECASE)
_FOREIGN = re.compile(r"[^\W\d_]{1,4}|[$€£¥₹₽₺₩₴₦₫฿₪]")
_DATE_LIKE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}.*")
_BEYOND_DIGITS = re.compile(r"[^\d.,' ’+\u00a0\u2009\u202f]")
_MISSING = {"null", "none", "n/a", "na", "-", "–", "—", "?", "\\n", "unknown", "nil"}


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """A stable code and a sentence for people."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class FileStyle:
    """What a whole file decided about its cells."""

    numbers: NumberStyle = field(default_factory=NumberStyle)
    is_encoding_guessed: bool = False


def explain_cell(column_name: str, value: str | None, style: FileStyle) -> Explanation:
    """Return what is wrong with a cell that its column could not take."""
    column = BY_NAME[column_name]
    if value is None:
        advice = "write 0 if it is zero" if column.kind.is_number else "every row needs one"
        return Explanation(code="empty", message=f"the cell is empty; {advice}")
    if value.startswith(MARK):
        return _explain_type(value, column)
    if value in ERROR_VALUES:
        return _error_value(value)
    if column.kind is Kind.ID:
        return _explain_id(value, style)
    return _explain_number(value, column, style.numbers) if column.kind.is_number else _explain_text(value, column)


def shown_value(value: str | None) -> str:
    """Return a cell as its sender would recognise it."""
    if value is None:
        return ""
    return value[2:] if value.startswith(MARK) else value


def _explain_text(value: str, column: PlayerColumn) -> Explanation:
    if column.kind is Kind.EMAIL:
        return Explanation(code="not_an_email", message=f"this is no e-mail address, such as {_EXAMPLES[Kind.EMAIL]}")
    if column.kind is Kind.CURRENCY:
        return Explanation(code="currency", message="only amounts in the operator's currency are accepted")
    return Explanation(code="too_long", message=f"the text has {len(value)} characters; {column.length_max} fit")


def _error_value(name: str) -> Explanation:
    return Explanation(code="error_value", message=f"{name} is an error of the spreadsheet; correct its formula")


def _explain_type(value: str, column: PlayerColumn) -> Explanation:
    """Explain a cell whose type in the workbook does not suit its column."""
    mark, content = value[:2], value[2:]
    if mark == ERROR:
        return _error_value(content)
    if mark == FORMULA:
        return Explanation(
            code="formula_without_value",
            message="the formula's result is not stored in the file; open it in a spreadsheet program and save it",
        )
    if column.kind is Kind.ID:
        return _explain_typed_id(mark, content)
    if mark == NUMBER and column.kind.is_number:
        return _explain_typed_number(content, column)
    held, example = _TYPES.get(mark, "another type"), _EXAMPLES.get(column.kind, "text")
    return Explanation(code="wrong_type", message=f"the cell holds {held}; write a value such as {example}")


def _explain_typed_number(content: str, column: PlayerColumn) -> Explanation:
    for pattern, explain in ((_NAN, _nan), (_INFINITE, _infinite)):
        if pattern.fullmatch(content):
            return explain(column)
    if content.startswith("-"):
        return _negative(column)
    return _not_whole(column) if column.kind is Kind.INTEGER and "." in content else _too_large(column)


def _explain_typed_id(mark: str, content: str) -> Explanation:
    again = "format the column as text and enter the id again"
    if mark == NUMBER:
        lost = f"the id is stored as the number {content}, of which spreadsheets keep only 15 digits"
        return Explanation(code="id_digits_lost", message=f"{lost}; {again}")
    if mark == FORMATTED:
        return Explanation(code="id_formatted", message=f"the id is the number {content} in its cell; {again}")
    held = _TYPES.get(mark, "another type")
    if mark == CONTROL:
        return Explanation(code="id_unseen_character", message="the id holds a control character; remove it")
    return Explanation(
        code="wrong_type", message=f"the cell holds {held} ({content}), into which spreadsheets turn ids; {again}"
    )


def _explain_id(value: str, style: FileStyle) -> Explanation:
    if re.search(SHORTENED_ID, value):
        lost = "the id is a number that a spreadsheet shortened, its last digits lost"
        return Explanation(code="id_shortened", message=f"{lost}; export it again with the column formatted as text")
    if re.search(DECIMAL_ID, value):
        meant = value.removesuffix(".0")
        return Explanation(
            code="id_decimal", message=f"the id is written as a decimal number; {meant} is probably meant"
        )
    unseen = re.search(f"[\x01-\x1f\x7f-\x9f{INVISIBLE}]", value)
    if unseen:
        name = f"U+{ord(unseen[0]):04X}"
        return Explanation(
            code="id_unseen_character", message=f"the id holds a character nobody sees ({name}); remove it"
        )
    if style.is_encoding_guessed and not value.isascii():
        garbled = "the file is not UTF-8, so that this id may be read wrongly"
        return Explanation(code="id_encoding", message=f"{garbled}; save the file as UTF-8, or name its encoding")
    return Explanation(code="id_too_long", message=f"the id has {len(value)} characters; at most 50 are possible")


def _explain_number(value: str, column: PlayerColumn, style: NumberStyle) -> Explanation:
    known: list[tuple[bool, Callable[[PlayerColumn], Explanation]]] = [
        (_NAN.fullmatch(value) is not None, _nan),
        (_INFINITE.fullmatch(value) is not None, _infinite),
        (value.lower() in _MISSING, lambda column: _missing(value, column)),
        (_DATE_LIKE.fullmatch(value) is not None, _date),
        (_NEGATIVE.fullmatch(value) is not None, _negative),
        (value.endswith("%"), _percentage),
        (_SCIENTIFIC.fullmatch(value) is not None, _shortened),
        (style.sign is DecimalSign.UNKNOWN and _AMBIGUOUS.fullmatch(value) is not None, _ambiguous),
    ]
    return next((explain(column) for holds, explain in known if holds), None) or _explain_digits(value, column, style)


def _explain_digits(value: str, column: PlayerColumn, style: NumberStyle) -> Explanation:
    digits = re.sub(r"\D", "", value)
    if len(digits) >= 10 and not _BEYOND_DIGITS.search(value):
        return _too_large(column)
    if column.kind is Kind.INTEGER and re.fullmatch(r"\d+[.,]\d+", value):
        return _not_whole(column)
    if digits and column.kind is Kind.AMOUNT and _FOREIGN.search(value):
        operator = f" ({style.currency_words[0]})" if style.currency_words else ""
        needed = f"amounts in the operator's currency{operator} are needed, for example 1234.56"
        return Explanation(code="currency", message=needed)
    return Explanation(code="not_a_number", message=f"this is no number; {_write_such_as(column)}")


def _write_such_as(column: PlayerColumn) -> str:
    return f"write a value such as {_EXAMPLES[column.kind]}"


def _nan(column: PlayerColumn) -> Explanation:
    return Explanation(code="nan", message=f"NaN is not accepted; {_write_such_as(column)}")


def _infinite(column: PlayerColumn) -> Explanation:
    return Explanation(code="infinite", message=f"an infinite value is not accepted; {_write_such_as(column)}")


def _missing(value: str, column: PlayerColumn) -> Explanation:
    advice = "write 0 if it is zero" if column.is_required else "leave the cell empty if it is not known"
    return Explanation(code="missing", message=f"{value!r} is no value; {advice}")


def _date(column: PlayerColumn) -> Explanation:
    return Explanation(code="wrong_type", message=f"the cell holds a date; {_write_such_as(column)}")


def _percentage(column: PlayerColumn) -> Explanation:
    return Explanation(code="percent", message=f"a percentage is not accepted; {_write_such_as(column)}")


def _shortened(column: PlayerColumn) -> Explanation:
    lost = "the number is too large, or was shortened and has lost its last digits"
    return Explanation(code="shortened", message=f"{lost}; write all digits, for example {_EXAMPLES[column.kind]}")


def _ambiguous(_: PlayerColumn) -> Explanation:
    return Explanation(
        code="ambiguous",
        message="the separator may mark thousands or decimals, and no other cell of the file tells which; write the "
        "number without a separator for thousands, or choose the decimal sign for the file",
    )


def _negative(column: PlayerColumn) -> Explanation:
    return Explanation(code="negative", message=f"a negative value is not accepted; {column.name} cannot be below 0")


def _not_whole(column: PlayerColumn) -> Explanation:
    return Explanation(code="not_whole", message=f"a whole number is needed; {_write_such_as(column)}")


def _too_large(column: PlayerColumn) -> Explanation:
    limit = column.value_max or AMOUNT_LIMIT
    return Explanation(code="too_large", message=f"the number is too large; {limit:,} is the limit")
