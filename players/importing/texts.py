"""Ids, e-mail addresses and other text, understood by PostgreSQL for all rows at once.

An id is text, always: `010101`, `--dilib--`, `1213141516171819`, `-5` and `=1+1` are kept as they stand. Only two
wrappings that spreadsheet programs need are taken off: `="010101"`, and the apostrophe before `'--dilib--`.
"""

from __future__ import annotations

from core.spreadsheets.markers import CONTROL, MARK
from core.spreadsheets.rows import TOTAL_LABEL
from players.importing.columns import Kind, PlayerColumn
from players.importing.numbers import quoted

INVISIBLE = "\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
"""Characters that nobody sees, so that two ids which look the same would differ."""
SHORTENED_ID = r"^[0-9]([.,][0-9]+)?E\+[0-9]{2,3}$"
"""A long number as spreadsheets export it, its last digits lost: 1.21314E+18."""
DECIMAL_ID = r"^[0-9]+\.0$"
"""A number that a program wrote as a decimal: 1001.0 where 1001 was meant."""
ERROR_VALUES = (
    "#N/A",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#REF!",
    "#VALUE!",
    "#DIV/0!",
    "#SPILL!",
    "#CALC!",
    "#GETTING_DATA",
)
PLACEHOLDERS = ("NULL", "null", "\\N", "None", "N/A", "n/a", "NaT")
"""What databases and programs export for a value that is not there; read as empty in optional columns."""

_UNUSUAL_ID = r"^['=#]|[^ -~]|E\+[0-9]|^[^0-9]+$|[Tt][Oo][Tt][Aa][Ll]|\.0$"
_UNSEEN = f"[\\u0001-\\u001f\\u007f-\\u009f{INVISIBLE}]"
QUOTED_FORMULA = '^="(.*)"$'
TEXT_APOSTROPHE = "^'(?=[=+@-])"
_EMAIL = r"^[^@[:space:],;<>()]+@[^@[:space:],;<>()]+\.[^@[:space:],;<>().]{2,}$"


def is_unusual_id_sql(text: str) -> str:
    """Return SQL that is true for every id that needs a closer look, and for some that do not."""
    return f"({text} ~ {quoted(_UNUSUAL_ID)} OR length({text}) > 50)"


def unwrapped_id_sql(text: str) -> str:
    """Return SQL for an id without what spreadsheet programs wrap around text."""
    bare = f"regexp_replace({text}, {quoted(QUOTED_FORMULA)}, {quoted(chr(92) + '1')})"
    return f"regexp_replace({bare}, {quoted(TEXT_APOSTROPHE)}, '')"


def id_sql(text: str, *, ascii_only: bool) -> str:
    """Return SQL for an id; NULL where it cannot be trusted. `ascii_only` where the file's encoding was guessed."""
    bare = unwrapped_id_sql(text)
    garbled = f"OR {bare} ~ '[^ -~]'" if ascii_only else ""
    return f"""CASE
        WHEN {text} ~ {quoted(f"{SHORTENED_ID}|{DECIMAL_ID}")} OR {_is_error_sql(text)} {garbled} THEN NULL
        WHEN {bare} !~ {quoted(_UNSEEN)} AND length({bare}) BETWEEN 1 AND 50 THEN {bare}
    END"""


def is_total_label_sql(text: str) -> str:
    """Return SQL that is true where an id reads like the label of a row of sums."""
    return f"{text} ~* {quoted('^(?:' + TOTAL_LABEL + ')$')}"


def text_sql(text: str, column: PlayerColumn) -> str:
    """Return SQL for a cell of text: line ends and tabs become spaces; NULL where it is too long or an error."""
    if column.kind is Kind.EMAIL:
        return f"CASE WHEN {text} ~ {quoted(_EMAIL)} AND length({text}) <= {column.length_max} THEN lower({text}) END"
    spaced = f"translate({text}, E'\\t\\n\\r', '   ')"
    return f"""CASE
        WHEN {text} LIKE {quoted(CONTROL + "%")} THEN left(substr({spaced}, {len(CONTROL) + 1}), {column.length_max})
        WHEN length({text}) <= {column.length_max} AND {text} NOT LIKE {quoted(MARK + "%")}
            AND NOT {_is_error_sql(text)} THEN {spaced}
    END"""


def _is_error_sql(text: str) -> str:
    return f"{text} IN ({', '.join(quoted(value) for value in ERROR_VALUES)})"
