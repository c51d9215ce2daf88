"""Workbooks: cells by their type, sheets by their content, and what fast readers hide."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from openpyxl.worksheet.worksheet import Worksheet

from core.spreadsheets.errors import NoRowsError, SheetChoiceError
from core.spreadsheets.markers import BOOLEAN, DATE, DURATION, ERROR, FORMATTED, FORMULA, NUMBER
from core.tests.spreadsheets.raw_workbooks import HEADER, header_row, number_cell, player_row, sheet_xml, write_workbook
from core.tests.spreadsheets.reading import codes, read, read_with_report

Row = list[Any]


def save(
    folder: Path, *rows: Row, change: Callable[[Worksheet], None] | None = None, header: Row | None = None
) -> Path:
    """Write a workbook with the header and these rows."""
    workbook = openpyxl.Workbook()
    sheet = workbook.worksheets[0]
    for row in (header or list(HEADER), *rows):
        sheet.append(row)
    if change:
        change(sheet)
    path = folder / "players.xlsx"
    workbook.save(path)
    return path


def workbook_of(sheet: Worksheet) -> openpyxl.Workbook:
    """Return the workbook a sheet belongs to."""
    assert sheet.parent is not None
    return sheet.parent


def cell(folder: Path, value: Any, *, number_format: str = "General") -> str:
    """Return how an id cell of this value is sent."""

    def change(sheet: Worksheet) -> None:
        sheet.cell(2, 1).number_format = number_format

    return read(save(folder, [value, 1, 2, 3], change=change))[0][2]


@pytest.mark.parametrize("player_id", ["010101", "--dilib--", "1213141516171819", "-5", "1e5", "TRUE"])
def test_text_ids_stay_as_they_are(tmp_path: Path, player_id: str) -> None:
    assert cell(tmp_path, player_id) == player_id


def test_an_id_that_reads_like_a_formula_stays_text(tmp_path: Path) -> None:
    def as_text(sheet: Worksheet) -> None:
        sheet.cell(2, 1).data_type = "s"

    assert read(save(tmp_path, ["=1+1", 1, 2, 3], change=as_text))[0][2] == "=1+1"


@pytest.mark.parametrize(
    ("number", "sent"), [(10101, "10101"), (-5, "-5"), (123456789012345, "123456789012345"), (7.0, "7")]
)
def test_numeric_ids_are_written_without_decimals(tmp_path: Path, number: float, sent: str) -> None:
    assert cell(tmp_path, number) == sent


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        (1213141516171819, NUMBER),
        (1.5, NUMBER),
        (True, BOOLEAN),
        (dt.date(2025, 3, 1), DATE),
        (dt.time(1, 2), DURATION),
    ],
)
def test_ids_that_a_spreadsheet_changed_are_marked(tmp_path: Path, value: object, mark: str) -> None:
    assert read(save(tmp_path, [value, 1, 2, 3]))[0][2].startswith(mark)


def test_zeros_that_only_the_format_shows_belong_to_an_id(tmp_path: Path) -> None:
    assert cell(tmp_path, 10101, number_format="000000") == "010101"


@pytest.mark.parametrize("number_format", ['"P"000', "000-000", "000 000", r"\P0"])
def test_letters_that_only_the_format_shows_mark_an_id(tmp_path: Path, number_format: str) -> None:
    assert cell(tmp_path, 101, number_format=number_format).startswith(FORMATTED)


@pytest.mark.parametrize("number_format", ["0", "#,##0", "0.00", "@", "General"])
def test_plain_formats_leave_an_id_alone(tmp_path: Path, number_format: str) -> None:
    assert cell(tmp_path, 101, number_format=number_format) == "101"


def test_numbers_are_marked_and_keep_the_digits_spreadsheets_know(tmp_path: Path) -> None:
    rows = read(save(tmp_path, ["P1", 0.1 + 0.2, 1234567.89, 1e-7]))

    assert rows[0][3:] == [f"{NUMBER}0.3", f"{NUMBER}1234567.89", f"{NUMBER}1e-07"]


def test_text_in_a_number_column_is_sent_as_it_is(tmp_path: Path) -> None:
    assert read(save(tmp_path, ["P1", "1.234,56", 2, 3]))[0][3] == "1.234,56"


def test_dates_are_sent_in_the_international_form(tmp_path: Path) -> None:
    moments = [dt.date(2025, 12, 20), dt.datetime(2025, 12, 20, 13, 5, 1)]
    header = [*HEADER, "last_deposit_date"]

    rows = read(save(tmp_path, *(["P", 1, 2, 3, moment] for moment in moments), header=header))

    assert [row[-1] for row in rows] == ["2025-12-20", "2025-12-20 13:05:01"]


def test_day_numbers_of_a_1904_workbook_are_counted_from_there(tmp_path: Path) -> None:
    rows = header_row().replace("</row>", '<c r="E1" t="inlineStr"><is><t>last_deposit_date</t></is></c></row>')
    sheet = sheet_xml(rows + player_row(2, "P1", number_cell("E2", "44549")))

    path = write_workbook(tmp_path / "players.xlsx", sheet, properties='<workbookPr date1904="1"/>')

    assert read(path)[0][-1] == f"{NUMBER}46011"


def test_an_error_is_not_an_empty_cell(tmp_path: Path) -> None:
    rows = read(save(tmp_path, ["P1", "#N/A", "#DIV/0!", 3]))

    assert rows[0][3:5] == [f"{ERROR}#N/A", f"{ERROR}#DIV/0!"]


def test_a_formula_without_a_stored_result_is_not_an_empty_cell(tmp_path: Path) -> None:
    assert read(save(tmp_path, ["P1", 1, "=SUM(B2:B2)", 3]))[0][4] == f"{FORMULA}=SUM(B2:B2)"


@pytest.mark.parametrize(
    ("formula", "sent"),
    [
        ("<c r='C2'><f>1+1</f><v>2</v></c>", f"{NUMBER}2"),
        ('<c r="C2" t="str"><f>""</f><v></v></c>', ""),
        ('<c r="C2"><f t="shared" si="0"/><v/></c>', f"{FORMULA}="),
        ('<c r="C2" t = "e"><f>1/0</f><v>#DIV/0!</v></c>', f"{ERROR}#DIV/0!"),
    ],
)
def test_the_stored_result_of_a_formula_counts(tmp_path: Path, formula: str, sent: str) -> None:
    row = player_row(2, "P1").replace(number_cell("C2", "2"), formula)

    assert read(write_workbook(tmp_path / "players.xlsx", sheet_xml(header_row() + row)))[0][4] == sent


def test_elements_with_a_prefix_are_read_alike(tmp_path: Path) -> None:
    sheet = sheet_xml(header_row() + player_row(2, "P1").replace("<v>2</v>", "<f>A1</f>"))
    prefixed = sheet.replace("<?xml", "<?XML").replace("</", "</x:").replace("<", "<x:").replace("<x:/x:", "</x:")
    prefixed = prefixed.replace("<x:?XML", "<?xml").replace("xmlns=", "xmlns:x=")

    assert read(write_workbook(tmp_path / "players.xlsx", prefixed))[0][4] == f"{FORMULA}=A1"


def test_a_table_may_begin_anywhere_on_the_sheet(tmp_path: Path) -> None:
    rows, report = read_with_report(save(tmp_path, [], [None, *HEADER], [None, "P1", 1, 2, 3], header=["Report"]))

    assert (rows[0][:3], report.header_row) == (["4", "", "P1"], 3)


def test_blank_rows_and_far_formats_are_no_rows(tmp_path: Path) -> None:
    def format_far(sheet: Worksheet) -> None:
        sheet.cell(5000, 1).number_format = "0.00"

    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], [None] * 4, ["P2", 1, 2, 3], change=format_far))

    assert ([row[2] for row in rows], report.rows) == (["P1", "P2"], 2)


def test_the_sheet_with_the_columns_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    def add_notes(sheet: Worksheet) -> None:
        workbook_of(sheet).create_sheet("Notes", 0).append(["read me"])

    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], change=add_notes))

    assert (rows[0][2], report.sheet, report.notices[0].message) == (
        "P1",
        "Sheet",
        "sheets that were not read: 'Notes'",
    )


def add_second(sheet: Worksheet) -> None:
    """Add a second sheet that holds such a table too."""
    second = workbook_of(sheet).create_sheet("January")
    second.append(list(HEADER))
    second.append(["P9", 7, 8, 9])


def test_two_sheets_with_the_columns_are_one_too_many(tmp_path: Path) -> None:
    path = save(tmp_path, ["P1", 1, 2, 3], change=add_second)

    with pytest.raises(SheetChoiceError, match="'Sheet' and 'January' each hold such a table"):
        read(path)


def test_a_sheet_can_be_named_in_any_case(tmp_path: Path) -> None:
    path = save(tmp_path, ["P1", 1, 2, 3], change=add_second)

    assert read(path, sheet="january")[0][2] == "P9"


def test_a_sheet_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path) -> None:
    with pytest.raises(SheetChoiceError, match="there is no sheet 'March'; the workbook has 'Sheet'"):
        read(save(tmp_path, ["P1", 1, 2, 3]), sheet="March")


def hide_second(sheet: Worksheet) -> None:
    """Add a second sheet and hide it as deeply as can be."""
    add_second(sheet)
    workbook_of(sheet)["January"].sheet_state = "veryHidden"


def test_hidden_sheets_are_not_read(tmp_path: Path) -> None:
    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], change=hide_second))

    assert (rows[0][2], report.notices[0].message) == ("P1", "hidden sheets that were not read: 'January'")


def test_a_hidden_sheet_that_alone_has_the_columns_is_named(tmp_path: Path) -> None:
    with pytest.raises(SheetChoiceError, match="only the hidden sheet 'January' holds such a table"):
        read(save(tmp_path, header=["nothing"], change=hide_second))


def test_a_hidden_sheet_is_read_when_it_is_named(tmp_path: Path) -> None:
    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], change=hide_second), sheet="January")

    assert (rows[0][2], "hidden_sheet" in codes(report)) == ("P9", True)


def test_hidden_rows_are_read_and_told(tmp_path: Path) -> None:
    def hide_row(sheet: Worksheet) -> None:
        sheet.row_dimensions[2].hidden = True

    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], ["P2", 1, 2, 3], change=hide_row))

    assert (len(rows), codes(report)) == (2, ["hidden_rows"])


def test_a_header_without_rows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match="no rows below them"):
        read(save(tmp_path))
