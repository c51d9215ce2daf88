"""Workbooks of Excel 97–2003."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
import xlwt

from core.spreadsheets.errors import DamagedFileError
from core.spreadsheets.markers import BOOLEAN, ERROR, FORMULA, NUMBER
from core.tests.spreadsheets.raw_workbooks import HEADER
from core.tests.spreadsheets.reading import codes, read, read_with_report

_NO_FORMAT = "General"


def save(folder: Path, *rows: list[Any], header: list[str] | None = None, id_format: str = _NO_FORMAT) -> Path:
    """Write a workbook with the header and these rows; dates get a date's format."""
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("Players")
    for row_index, row in enumerate([header or list(HEADER), *rows]):
        for column_index, value in enumerate(row):
            _write(sheet, row_index, column_index, value, id_format)
    path = folder / "players.xls"
    workbook.save(str(path))
    return path


def _write(sheet: Any, row_index: int, column_index: int, value: Any, id_format: str) -> None:
    if value is None:
        return
    if isinstance(value, dt.date):
        number_format = "yyyy-mm-dd"
    else:
        number_format = id_format if column_index == 0 and row_index else _NO_FORMAT
    sheet.write(row_index, column_index, value, xlwt.easyxf(num_format_str=number_format))


def test_text_numbers_and_dates_are_told_apart(tmp_path: Path) -> None:
    header = [*HEADER, "last_deposit_date", "name"]
    path = save(tmp_path, ["010101", 1.5, "1.234,56", 3, dt.date(2025, 12, 20), "Ann"], header=header)

    assert read(path) == [["2", "", "010101", f"{NUMBER}1.5", "1.234,56", f"{NUMBER}3", "2025-12-20", "Ann"]]


def test_numeric_ids_are_written_without_decimals(tmp_path: Path) -> None:
    assert read(save(tmp_path, [10101, 1, 2, 3]))[0][2] == "10101"


def test_zeros_that_only_the_format_shows_belong_to_an_id(tmp_path: Path) -> None:
    assert read(save(tmp_path, [10101, 1, 2, 3], id_format="000000"))[0][2] == "010101"


def test_ids_that_a_spreadsheet_changed_are_marked(tmp_path: Path) -> None:
    rows = read(save(tmp_path, [1213141516171819, 1, 2, 3], [True, 1, 2, 3]))

    assert [row[2] for row in rows] == [f"{NUMBER}1213141516171819", f"{BOOLEAN}TRUE"]


def test_a_formula_that_was_never_computed_is_not_an_empty_cell(tmp_path: Path) -> None:
    assert read(save(tmp_path, ["P1", 1, xlwt.Formula("1+1"), 3]))[0][4].startswith(FORMULA)


def test_an_error_is_not_an_empty_cell(tmp_path: Path) -> None:
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("Players")
    for column_index, name in enumerate(HEADER):
        sheet.write(0, column_index, name)
    sheet.write(1, 0, "P1")
    sheet.row(1).set_cell_error(2, 0x2A)
    workbook.save(str(tmp_path / "players.xls"))

    assert read(tmp_path / "players.xls")[0][4] == f"{ERROR}#N/A"


def test_rows_of_formulas_without_results_are_blank(tmp_path: Path) -> None:
    formula = xlwt.Formula('""')

    rows, report = read_with_report(save(tmp_path, ["P1", 1, 2, 3], [formula, formula, formula, formula]))

    assert (len(rows), report.blank_rows) == (1, 1)


def test_hidden_sheets_are_named_and_not_read(tmp_path: Path) -> None:
    workbook = xlwt.Workbook()
    for name in ("Players", "Secret"):
        sheet = workbook.add_sheet(name)
        for column_index, heading in enumerate(HEADER):
            sheet.write(0, column_index, heading)
            sheet.write(1, column_index, name if column_index == 0 else 1)
    workbook.get_sheet(1).visibility = 1
    workbook.save(str(tmp_path / "players.xls"))

    rows, report = read_with_report(tmp_path / "players.xls")

    assert ([row[2] for row in rows], codes(report)) == (["Players"], ["other_sheets"])


@pytest.mark.parametrize("kept", [600, 2000, 4000])
def test_a_workbook_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = save(tmp_path, ["P1", 1, 2, 3])
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(DamagedFileError, match="damaged or cut off"):
        read(path)


def test_damage_in_the_middle_never_gives_other_rows(tmp_path: Path) -> None:
    path = save(tmp_path, *(["P1", 1, 2, 3] for _ in range(50)))
    content = bytearray(path.read_bytes())
    content[1500:1600] = b"\xff" * 100
    path.write_bytes(content)

    with pytest.raises(DamagedFileError):
        read(path)
