"""OpenDocument spreadsheets."""

import datetime as dt
import zipfile
from pathlib import Path
from typing import Any

import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.style import Style, TableProperties
from odf.table import Table, TableCell, TableRow
from odf.text import P

from core.spreadsheets.errors import (
    DamagedFileError,
    EncryptedFileError,
    HostileFileError,
    SheetChoiceError,
    SpreadsheetTooLargeError,
)
from core.spreadsheets.markers import BOOLEAN, DURATION, ERROR, FORMATTED, FORMULA, NUMBER
from core.tests.spreadsheets.raw_workbooks import HEADER
from core.tests.spreadsheets.reading import codes, read, read_with_report

Row = list[Any]


def number(value: float, shown: str = "") -> TableCell:
    cell = TableCell(valuetype="float", value=value)
    cell.addElement(P(text=shown or f"{value:g}"))
    return cell


def text(content: str) -> TableCell:
    cell = TableCell(valuetype="string")
    cell.addElement(P(text=content))
    return cell


def save(folder: Path, *tables: tuple[str, list[Row]], hidden: str = "") -> Path:
    """Write a document of these tables; one of them may be hidden."""
    document = OpenDocumentSpreadsheet()
    style = Style(name="hidden", family="table")
    style.addElement(TableProperties(display="false"))
    document.automaticstyles.addElement(style)
    for name, rows in tables:
        table = Table(name=name, stylename="hidden" if name == hidden else None)
        for row in rows:
            line = TableRow()
            for value in row:
                line.addElement(text(value) if isinstance(value, str) else value)
            table.addElement(line)
        document.spreadsheet.addElement(table)
    path = folder / "players.ods"
    document.save(str(path))
    return path


def save_one(folder: Path, *cells: Any, header: Row | None = None) -> Path:
    """Write a document with one row below the header."""
    return save(folder, ("Players", [header or list(HEADER), list(cells)]))


def test_text_numbers_and_dates_are_told_apart(tmp_path: Path) -> None:
    date = TableCell(valuetype="date", datevalue=dt.date(2025, 12, 20).isoformat())
    header = [*HEADER, "last_deposit_date"]

    rows = read(save_one(tmp_path, "010101", number(1.5), "1.234,56", number(3), date, header=header))

    assert rows == [["2", "", "010101", f"{NUMBER}1.5", "1.234,56", f"{NUMBER}3", "2025-12-20"]]


@pytest.mark.parametrize(
    ("cell", "sent"),
    [
        (number(10101), "10101"),
        (number(10101, "010101"), "010101"),
        (number(101, "P101"), f"{FORMATTED}101 shown as P101"),
        (number(1213141516171819), f"{NUMBER}1213141516171819"),
        (TableCell(valuetype="boolean", booleanvalue="true"), f"{BOOLEAN}TRUE"),
    ],
)
def test_ids_are_as_people_see_them_or_marked(tmp_path: Path, cell: TableCell, sent: str) -> None:
    assert read(save_one(tmp_path, cell, number(1), number(2), number(3)))[0][2] == sent


def test_a_formula_without_a_stored_result_is_not_an_empty_cell(tmp_path: Path) -> None:
    row = read(save_one(tmp_path, "P1", number(1), TableCell(formula="of:=[.B2]*2"), number(3)))[0]

    assert row[4] == f"{FORMULA}=[.B2]*2"


def test_an_error_is_not_a_value(tmp_path: Path) -> None:
    error = TableCell(formula="of:=1/0", valuetype="float", value="0")
    error.addElement(P(text="#DIV/0!"))

    assert read(save_one(tmp_path, "P1", number(1), error, number(3)))[0][4] == f"{ERROR}#DIV/0!"


def test_a_duration_is_sent_in_seconds(tmp_path: Path) -> None:
    length = TableCell(valuetype="time", timevalue="PT48H30M00S")

    row = read(save_one(tmp_path, "P1", number(1), number(2), number(3), length, header=[*HEADER, "sessions"]))[0]

    assert row[-1] == f"{DURATION}174600"


def test_a_currency_stands_beside_its_amount(tmp_path: Path) -> None:
    amount = TableCell(valuetype="currency", currency="USD", value="5.5")

    assert read(save_one(tmp_path, "P1", number(1), amount, number(3)))[0][4] == "USD 5.5"


def test_repeated_cells_and_rows_count_as_often_as_they_say(tmp_path: Path) -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Players")
    for cells, repeated in ((HEADER, 1), (("P1", "7"), 2)):
        row = TableRow(numberrowsrepeated=str(repeated))
        for cell in cells:
            times = "3" if cell == "7" else "1"
            line = TableCell(valuetype="string", numbercolumnsrepeated=times)
            line.addElement(P(text=cell))
            row.addElement(line)
        table.addElement(row)
    table.addElement(TableRow(numberrowsrepeated="1048573"))
    document.spreadsheet.addElement(table)
    document.save(str(tmp_path / "players.ods"))

    assert read(tmp_path / "players.ods") == [["2", "", "P1", "7", "7", "7"], ["3", "", "P1", "7", "7", "7"]]


def test_values_repeated_across_the_whole_sheet_are_refused(tmp_path: Path) -> None:
    wide = TableCell(valuetype="float", value=1, numbercolumnsrepeated="16384")

    with pytest.raises(SpreadsheetTooLargeError, match="as far as column 16,385"):
        read(save_one(tmp_path, "P1", wide))


def test_more_rows_than_a_sheet_can_show_are_refused(tmp_path: Path) -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Players")
    header = TableRow()
    for name in HEADER:
        header.addElement(text(name))
    table.addElement(header)
    row = TableRow(numberrowsrepeated="9000000")
    for value in ("P1", "1", "2", "3"):
        row.addElement(text(value))
    table.addElement(row)
    document.spreadsheet.addElement(table)
    document.save(str(tmp_path / "players.ods"))

    with pytest.raises(SpreadsheetTooLargeError, match="more than 1,048,576 rows"):
        read(tmp_path / "players.ods")


def player(player_id: str) -> Row:
    return [player_id, number(1), number(2), number(3)]


def test_hidden_tables_are_named_and_not_read(tmp_path: Path) -> None:
    tables = [("Open", [list(HEADER), player("P1")]), ("Secret", [list(HEADER), player("P2")])]

    rows, report = read_with_report(save(tmp_path, *tables, hidden="Secret"))

    assert ([row[2] for row in rows], codes(report)) == (["P1"], ["other_sheets"])


def test_two_tables_with_the_columns_are_one_too_many(tmp_path: Path) -> None:
    tables = [("A", [list(HEADER), player("P1")]), ("B", [list(HEADER), player("P2")])]

    with pytest.raises(SheetChoiceError, match="'A' and 'B' each hold such a table"):
        read(save(tmp_path, *tables))


def rewrite(path: Path, part: str, content: bytes) -> Path:
    """Replace one part of an archive."""
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, old in {**parts, part: content}.items():
            archive.writestr(name, old)
    return path


def test_a_table_within_a_table_is_refused(tmp_path: Path) -> None:
    cell = TableCell()
    cell.addElement(Table(name="inner"))

    with pytest.raises(DamagedFileError, match="a table within a table"):
        read(save_one(tmp_path, "P1", cell))


def test_entities_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path, ("A", [list(HEADER), player("P1")]))
    content = zipfile.ZipFile(path).read("content.xml").replace(b"?>", b'?><!DOCTYPE x [<!ENTITY a "a">]>', 1)

    with pytest.raises(HostileFileError, match="declares a document type"):
        read(rewrite(path, "content.xml", content))


def test_a_document_with_a_password_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path, ("A", [list(HEADER), player("P1")]))

    with pytest.raises(EncryptedFileError, match="protected by a password"):
        read(rewrite(path, "META-INF/manifest.xml", b"<manifest:encryption-data/>"))
