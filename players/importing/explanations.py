"""Say what is wrong with a cell and what would be right; PostgreSQL has already decided that it is wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from core.spreadsheets.markers import BOOLEAN, CONTROL, DATE, DURATION, ERROR, FORMATTED, FORMULA, MARK, NUMBER
from players.importing.columns import BY_NAME, Kind, PlayerColumn
from players.importing.numbers import AMOUNT_LIMIT, DecimalSign, NumberStyle
from players.importing.texts import ERROR_VALUES, INVISIBLE, SHORTENED_ID

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
        return Explanation(code="error_value", message=f"{value} is an error of the spreadsheet; correct its formula")
    if column.kind is Kind.ID:
        return _explain_id(value, style)
    if column.kind.is_number:
        return _explain_number(value, column, style.numbers)
    if column.kind is Kind.EMAIL:
        return Explanation(code="not_an_email", message=f"this is no e-mail address, such as {_EXAMPLES[Kind.EMAIL]}")
    return Explanation(code="too_long", message=f"the text has {len(value)} characters; {column.length_max} fit")


def shown_value(value: str | None) -> str:
    """Return a cell as its sender would recognise it."""
    if value is None:
        return ""
    return value[2:] if value.startswith(MARK) else value


def _explain_type(value: str, column: PlayerColumn) -> Explanation:
    """Explain a cell whose type in the workbook does not suit its column."""
    mark, content = value[:2], value[2:]
    if mark == ERROR:
        return Explanation(code="error_value", message=f"{content} is an error of the spreadsheet; correct its formula")
    if mark == FORMULA:
        return Explanation(
            code="formula_without_value",
            message="the formula's result is not stored in the file; open it in a spreadsheet program, save it and retry",
        )
    if mark == NUMBER and column.kind.is_number:
        return _explain_typed_number(content, column)
    if column.kind is Kind.ID:
        return _explain_typed_id(mark, content)
    return Explanation(
        code="wrong_type",
        message=f"the cell holds {_TYPES.get(mark, 'another type')}; write a value such as {_EXAMPLES[column.kind]}",
    )


def _explain_typed_number(content: str, column: PlayerColumn) -> Explanation:
    for pattern, code, name in ((_NAN, "nan", "NaN"), (_INFINITE, "infinite", "an infinite value")):
        if pattern.fullmatch(content):
            return Explanation(
                code=code, message=f"{name} is not accepted; write a value such as {_EXAMPLES[column.kind]}"
            )
    if content.startswith("-"):
        return _negative(column)
    if column.kind is Kind.INTEGER and "." in content:
        return Explanation(code="not_whole", message="a whole number is needed, for example 25")
    return _too_large(column)


def _explain_typed_id(mark: str, content: str) -> Explanation:
    if mark == NUMBER:
        return Explanation(
            code="id_digits_lost",
            message=f"the id is stored as the number {content}, and spreadsheets keep only 15 digits of a number; format the "
            "column as text and enter the id again",
        )
    if mark == FORMATTED:
        return Explanation(
            code="id_formatted",
            message=f"the id is the number {content}; format the column as text and enter the id itself",
        )
    return Explanation(
        code="wrong_type",
        message=f"the cell holds {_TYPES.get(mark, 'another type')} ({content}), into which spreadsheets turn ids; format the "
        "column as text and enter the id again",
    )


def _explain_id(value: str, style: FileStyle) -> Explanation:
    if re.search(SHORTENED_ID, value):
        return Explanation(
            code="id_shortened",
            message="the id is a number that a spreadsheet shortened, its last digits lost; export it again with the column "
            "formatted as text",
        )
    unseen = re.search(f"[\x01-\x1f\x7f-\x9f{INVISIBLE}]", value)
    if unseen:
        return Explanation(
            code="id_unseen_character",
            message=f"the id holds a character nobody sees (U+{ord(unseen[0]):04X}); remove it",
        )
    if style.is_encoding_guessed and not value.isascii():
        return Explanation(
            code="id_encoding",
            message="the file is not UTF-8, so that this id may be read wrongly; save the file as UTF-8 or name its encoding",
        )
    return Explanation(code="id_too_long", message=f"the id has {len(value)} characters; at most 50 are possible")


def _explain_number(value: str, column: PlayerColumn, style: NumberStyle) -> Explanation:
    example = _EXAMPLES[column.kind]
    if _NAN.fullmatch(value):
        return Explanation(code="nan", message=f"NaN is not accepted; write a value such as {example}")
    if _INFINITE.fullmatch(value):
        return Explanation(
            code="infinite", message=f"an infinite value is not accepted; write a value such as {example}"
        )
    if value.lower() in _MISSING:
        advice = "write 0 if it is zero" if column.is_required else "leave the cell empty if it is not known"
        return Explanation(code="missing", message=f"{value!r} is no value; {advice}")
    if _DATE_LIKE.fullmatch(value):
        return Explanation(code="wrong_type", message=f"the cell holds a date; write a value such as {example}")
    if _NEGATIVE.fullmatch(value):
        return _negative(column)
    if value.endswith("%"):
        return Explanation(code="percent", message=f"a percentage is not accepted; write a value such as {example}")
    return _explain_digits(value, column, style)


def _explain_digits(value: str, column: PlayerColumn, style: NumberStyle) -> Explanation:
    if style.sign is DecimalSign.UNKNOWN and _AMBIGUOUS.fullmatch(value):
        return Explanation(
            code="ambiguous",
            message="the separator may mark thousands or decimals, and no other cell of the file tells which; write the number "
            "without a separator for thousands, or choose the decimal sign for the file",
        )
    if _SCIENTIFIC.fullmatch(value):
        return Explanation(
            code="shortened",
            message="the number is shortened, its last digits lost, or too large; write all of its digits",
        )
    digits = re.sub(r"\D", "", value)
    if not re.search(r"[^\d.,' ’+\u00a0\u2009\u202f]", value) and len(digits) >= 10:
        return _too_large(column)
    if column.kind is Kind.INTEGER and re.fullmatch(r"\d+[.,]\d+", value):
        return Explanation(code="not_whole", message="a whole number is needed, for example 25")
    if digits and column.kind is Kind.AMOUNT and _FOREIGN.search(value):
        operator = f" ({style.currency_words[0]})" if style.currency_words else ""
        return Explanation(
            code="currency", message=f"amounts in the operator's currency{operator} are needed, for example 1234.56"
        )
    return Explanation(
        code="not_a_number", message=f"this is no number; write a value such as {_EXAMPLES[column.kind]}"
    )


def _negative(column: PlayerColumn) -> Explanation:
    return Explanation(code="negative", message=f"a negative value is not accepted; {column.name} cannot be below 0")


def _too_large(column: PlayerColumn) -> Explanation:
    limit = column.value_max or AMOUNT_LIMIT
    return Explanation(code="too_large", message=f"the number is too large; {limit:,} is the limit")
