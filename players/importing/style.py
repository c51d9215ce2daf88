"""Let the whole file decide what single cells cannot: the decimal sign, and the order of day and month."""

from __future__ import annotations

from datetime import tzinfo

from django.db import connection

from players.importing.columns import PlayerColumn
from players.importing.dates import DateReader, OrderEvidence, UnreadableDateError, moment_sql, weigh_order
from players.importing.errors import ImportRefusedError
from players.importing.numbers import (
    DecimalSign,
    NumberStyle,
    is_typed_sql,
    proves_sql,
)
from players.importing.options import ImportOptions
from players.importing.stage import Stage, execute, fetch


def decide_number_style(stage: Stage, *, options: ImportOptions, currency_words: tuple[str, ...]) -> NumberStyle:
    """Return how the file writes numbers. Raises ImportRefusedError where cells prove both decimal signs."""
    numbers = [column for column in stage.columns if column.kind.is_number]
    if options.decimal_sign:
        return NumberStyle(sign=options.decimal_sign, currency_words=currency_words)
    proofs = {sign: _find_proof(stage, numbers, sign) for sign in (DecimalSign.POINT, DecimalSign.COMMA)}
    proven = [sign for sign, proof in proofs.items() if proof]
    if len(proven) > 1:
        raise _contradiction(proofs)
    return NumberStyle(sign=proven[0] if proven else DecimalSign.UNKNOWN, currency_words=currency_words)


def _find_proof(stage: Stage, columns: list[PlayerColumn], sign: DecimalSign) -> tuple[int, str, str] | None:
    """Return the first cell that can only be read with this decimal sign: its row, column and text."""
    for column in columns:
        cell = stage.cell(column)
        found = fetch(
            f"SELECT row_number, {cell} FROM import_stage s "
            f"WHERE {proves_sql(cell, sign)} AND NOT ({is_typed_sql(cell)}) ORDER BY row_number LIMIT 1"
        )
        if found:
            return found[0][0], column.name, found[0][1]
    return None


def _contradiction(proofs: dict[DecimalSign, tuple[int, str, str] | None]) -> ImportRefusedError:
    problems = [
        {
            "row": proof[0],
            "column": proof[1],
            "value": proof[2],
            "code": "mixed_decimal_signs",
            "message": f"here the decimal sign is a {sign.name.lower()}; use one for the whole file, or choose it",
        }
        for sign, proof in proofs.items()
        if proof
    ]
    return ImportRefusedError(
        "the file uses both the point and the comma as decimal sign, so that 1.234 could be two numbers",
        problems=problems,
    )


def create_dates() -> None:
    """Create `import_dates`: what every date means that is not in the international form, or why it means nothing."""
    execute(
        "CREATE TEMP TABLE import_dates (column_name text, cell text, moment timestamptz, code text, message text) "
        "ON COMMIT DROP"
    )


def read_other_dates(stage: Stage, *, options: ImportOptions, zone: tzinfo, zone_name: str) -> None:
    """Read every date that is not in the international form once, into `import_dates`.

    Raises ImportRefusedError where one column proves both orders of day and month.
    """
    for column in stage.columns:
        if column.kind.is_date:
            _read_column(stage, column, options=options, zone=zone, zone_name=zone_name)
    execute("ANALYZE import_dates")


def _read_column(stage: Stage, column: PlayerColumn, *, options: ImportOptions, zone: tzinfo, zone_name: str) -> None:
    cell = stage.cell(column)
    other = f"{cell} IS NOT NULL AND ({moment_sql(cell, time_zone=zone_name)}) IS NULL"
    texts = [text for (text,) in fetch(f"SELECT DISTINCT {cell} FROM import_stage s WHERE {other}")]
    evidence = weigh_order(texts)
    if evidence.contradicts and not options.date_order:
        raise _mixed_orders(column, evidence)
    reader = DateReader(order=options.date_order or evidence.order, zone=zone)
    with connection.cursor() as cursor, cursor.copy("COPY import_dates FROM STDIN") as copy:
        for text in texts:
            copy.write_row((column.name, text, *_read(reader, text)))


def _read(reader: DateReader, text: str) -> tuple[object, str | None, str | None]:
    try:
        return reader.read(text), None, None
    except UnreadableDateError as error:
        return None, error.code, error.message


def _mixed_orders(column: PlayerColumn, evidence: OrderEvidence) -> ImportRefusedError:
    problems = [
        {
            "row": None,
            "column": column.name,
            "value": text,
            "code": "mixed_date_orders",
            "message": f"here the {first} is first",
        }
        for text, first in ((evidence.day_first, "day"), (evidence.month_first, "month"))
    ]
    return ImportRefusedError(
        f"the column {column.name} writes some dates with the day and some with the month first; write all of them as "
        "2025-12-20",
        problems=problems,
    )
