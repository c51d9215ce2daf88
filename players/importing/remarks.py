"""Say what was corrected or looks odd without being wrong."""

from __future__ import annotations

from datetime import date

from core.spreadsheets.markers import CONTROL
from core.spreadsheets.report import Notice
from players.importing.columns import BY_NAME, ID, Kind, PlayerColumn
from players.importing.explanations import FileStyle, shown_value
from players.importing.numbers import exact_sql, quoted
from players.importing.stage import Stage, fetch, fetch_one
from players.importing.texts import unwrapped_id_sql
from players.importing.understanding import HEADER_ROW, Filled

_IDS_OF_NOBODY = ("null", "none", "nan", "nil", "n/a", "na", "undefined", "unknown", "-", "?", "\\n")


def notice_placeholders(filled: Filled) -> list[Notice]:
    """Tell of words such as NULL that were read as empty."""
    return [
        Notice(
            code="placeholders",
            message=f"{count:,} cells of {name} hold a word such as NULL or N/A and count as empty",
            column=name,
        )
        for name, count in filled.placeholders.items()
        if count
    ]


def notice_corrections(stage: Stage, style: FileStyle) -> list[Notice]:
    """Tell of cells that were read as something slightly else than they say."""
    return [
        *_rounded(stage, style),
        *_scientific(stage),
        *_unwrapped_ids(stage),
        *_placeholder_ids(),
        *_controls(stage),
        *_repeated_headers(),
        *_day_numbers(),
    ]


def notice_oddities(stage: Stage, *, as_of: date) -> list[Notice]:
    """Tell of values that are possible but unlikely, and of values that were not used."""
    return _odd_rows(as_of) + _lost_zeros() + _ignored_opening_points(stage)


def _lost_zeros() -> list[Notice]:
    """Tell of new ids that are known ids without their leading zeros, which spreadsheet programs drop."""
    rows = fetch(
        """SELECT t.row_number, t.player_id, p.player_id, count(*) OVER () FROM players p
        JOIN import_typed t ON t.player_id = ltrim(p.player_id, '0') AND t.player_id <> p.player_id
        WHERE p.player_id LIKE '0%' AND NOT EXISTS (SELECT FROM import_known k WHERE k.player_id = t.player_id)
        ORDER BY t.row_number LIMIT 1"""
    )
    return [
        Notice(
            code="lost_zeros",
            message=f"{count:,} new ids are known ones without leading zeros (row {row}: {found}, known: {known})",
            row=row,
            column="player_id",
        )
        for row, found, known, count in rows
    ]


def _odd_rows(as_of: date) -> list[Notice]:
    """Count rows whose values are possible but unlikely, in one pass."""
    tomorrow = f"{quoted(as_of.isoformat())}::date + 1"
    oddities = [
        ("won_without_wager", "total_won > 0 AND total_wagered = 0", "have winnings but nothing wagered"),
        ("deposits_out_of_order", "first_deposit_date > last_deposit_date", "have a first deposit after the last one"),
        *(
            ("dates_ahead", f"{name} >= {tomorrow}", f"have a {name} after {as_of}, the date of the file")
            for name in ("last_deposit_date", "last_wager_date", "last_active_date", "registration_date")
        ),
    ]
    counts = ", ".join(f"count(*) FILTER (WHERE {sql}), min(row_number) FILTER (WHERE {sql})" for _, sql, _ in oddities)
    found = iter(fetch_one(f"SELECT {counts} FROM import_typed"))
    return [
        Notice(code=code, message=f"{count:,} rows {wording} (first: row {row})", row=row)
        for (code, _, wording), count, row in zip(oddities, found, found, strict=True)
        if count
    ]


def _rounded(stage: Stage, style: FileStyle) -> list[Notice]:
    notices = []
    for column in stage.columns:
        if column.kind not in {Kind.AMOUNT, Kind.HOURS}:
            continue
        cell = stage.cell(column)
        may_be_rounded = f"{cell} ~ '[.,][0-9]{{3}}' OR {cell} ~ '[eE:]' OR {cell} LIKE E'\\x1ft%'"
        rows = fetch(
            f"""SELECT row_number, cell, value, count(*) OVER () FROM (
                SELECT s.row_number, {cell} AS cell, t."{column.name}" AS value,
                    ({exact_sql(cell, column, style.numbers)}) AS exact
                FROM import_stage s JOIN import_typed t USING (row_number) WHERE {may_be_rounded} OFFSET 0
            ) x WHERE exact <> value ORDER BY row_number LIMIT 1"""
        )
        notices += [_rounding_notice(column, *row) for row in rows]
    return notices


def _rounding_notice(column: PlayerColumn, row: int, cell: str, value: object, count: int) -> Notice:
    return Notice(
        code="rounded",
        message=f"{count:,} cells of {column.name} have more than two decimals and were rounded half up "
        f"(first: row {row}, {shown_value(cell)} became {value})",
        row=row,
        column=column.name,
        value=shown_value(cell),
    )


def _scientific(stage: Stage) -> list[Notice]:
    notices = []
    for column in stage.columns:
        if column.kind.is_number:
            cell = stage.cell(column)
            count, row, example = fetch_one(
                f"SELECT count(*), min(s.row_number), min({cell}) "
                "FROM import_stage s JOIN import_typed t USING (row_number) "
                f"""WHERE {cell} ~ '^[0-9.,]+[eE]' AND t."{column.name}" IS NOT NULL"""
            )
            if count:
                notices.append(
                    Notice(
                        code="scientific",
                        message=f"{count:,} cells of {column.name} are written like {example} and were written out",
                        row=row,
                        column=column.name,
                    )
                )
    return notices


def _unwrapped_ids(stage: Stage) -> list[Notice]:
    cell = stage.cell(ID)
    count, row = fetch_one(
        f"SELECT count(*), min(row_number) FROM import_stage s "
        f"WHERE finding IS NULL AND ({cell} LIKE '=%' OR {cell} LIKE '''%') AND {unwrapped_id_sql(cell)} <> {cell}"
    )
    if not count:
        return []
    message = f'{count:,} ids were written as ="…" or with an apostrophe, which was taken off (first: row {row})'
    return [Notice(code="unwrapped_ids", message=message, row=row, column="player_id")]


def _placeholder_ids() -> list[Notice]:
    words = ", ".join(quoted(word) for word in _IDS_OF_NOBODY)
    count, row = fetch_one(f"SELECT count(*), min(row_number) FROM import_typed WHERE lower(player_id) IN ({words})")
    if not count:
        return []
    message = f"{count:,} ids read like a missing value (first: row {row}); they were taken as ids"
    return [Notice(code="placeholder_ids", message=message, row=row, column="player_id")]


def _controls(stage: Stage) -> list[Notice]:
    texts = [stage.cell(column) for column in stage.columns if column.kind is Kind.TEXT]
    found = " OR ".join(f"{cell} LIKE {quoted(CONTROL + '%')}" for cell in texts)
    count, row = fetch_one(f"SELECT count(*), min(row_number) FROM import_stage s WHERE {found or 'false'}")
    if not count:
        return []
    message = f"{count:,} rows have control characters in their text, which were removed (first: row {row})"
    return [Notice(code="control_characters", message=message, row=row)]


def _repeated_headers() -> list[Notice]:
    count, row = fetch_one(f"SELECT count(*), min(row_number) FROM import_stage WHERE finding = '{HEADER_ROW}'")
    if not count:
        return []
    return [
        Notice(code="repeated_header", message=f"{count:,} rows repeat the column names (first: row {row})", row=row)
    ]


def _day_numbers() -> list[Notice]:
    count, cell, moment = fetch_one(
        "SELECT count(*), min(cell), min(moment)::date FROM import_dates "
        "WHERE moment IS NOT NULL AND cell ~ E'^(\\\\x1fn)?[0-9]{5}(\\\\.[0-9]+)?$'"
    )
    if not count:
        return []
    message = (
        f"dates given as day numbers were read as spreadsheets count them (for example {shown_value(cell)} is {moment})"
    )
    return [Notice(code="day_numbers", message=message)]


def _ignored_opening_points(stage: Stage) -> list[Notice]:
    if not stage.has(BY_NAME["opening_lp"].name):
        return []
    count, row = fetch_one(
        "SELECT count(*), min(t.row_number) FROM import_typed t JOIN import_known k USING (row_number) "
        "JOIN player_metrics m ON m.player_id = k.player_id WHERE t.opening_lp <> m.opening_lp"
    )
    if not count:
        return []
    message = f"{count:,} opening points of known players were not read; they count when a player is first imported"
    return [Notice(code="opening_points_ignored", message=message, row=row, column="opening_lp")]
