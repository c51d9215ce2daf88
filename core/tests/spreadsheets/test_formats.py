"""A file is what its content is; what cannot be read is named."""

import gzip
import zipfile
from pathlib import Path

import openpyxl
import pytest

from core.spreadsheets.errors import DamagedFileError, EncryptedFileError, UnknownFormatError
from core.tests.spreadsheets.raw_workbooks import header_row, player_row, sheet_xml, write_workbook
from core.tests.spreadsheets.reading import HEADER, codes, read, read_with_report, write_text

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"%PDF-1.7 ...", "a PDF document"),
        (gzip.compress(b"player_id", mtime=0), "compressed by gzip"),
        (b"\x89PNG\r\n", "a picture"),
        (b"{\\rtf1 x}", "RTF"),
        (b"SQLite format 3\0", "an SQLite database"),
        (b"PAR1....", "a Parquet file"),
        (b"<html><table><tr><td>player_id</td></tr></table></html>", "a web page"),
        (b"\xef\xbb\xbf<!DOCTYPE html><p>", "a web page"),
        (b'<?xml version="1.0"?><Workbook/>', "plain XML"),
        (b"\x09\x04\x06\x00\x00\x00", "Excel 4"),
        (b"\x7fELF\x00\x00\x00\x01\x02\x03", "it is not a text file"),
    ],
)
def test_other_kinds_of_file_are_refused_by_name(tmp_path: Path, content: bytes, what: str) -> None:
    with pytest.raises(UnknownFormatError, match=what):
        read(write_text(tmp_path, content, name="players.xls"))


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ("word/document.xml", "a Word document"),
        ("ppt/presentation.xml", "a presentation"),
        ("xl/workbook.bin", r"\.xlsb"),
        ("Index/Tables.iwa", "Apple Numbers"),
        ("players.csv", "a zip archive"),
    ],
)
def test_other_archives_are_refused_by_name(tmp_path: Path, part: str, what: str) -> None:
    path = tmp_path / "players.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(part, "x")

    with pytest.raises(UnknownFormatError, match=what):
        read(path)


def test_a_workbook_named_csv_is_read_and_the_name_is_told(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "players.csv", sheet_xml(header_row() + player_row(2, "P1")))

    rows, report = read_with_report(path)

    assert (rows[0][2], codes(report)) == ("P1", ["wrong_ending"])


def test_text_named_xlsx_is_read_and_the_name_is_told(tmp_path: Path) -> None:
    rows, report = read_with_report(write_text(tmp_path, f"{HEADER}\nP1,1,2,3\n", name="players.xlsx"))

    assert (rows[0][2], codes(report)) == ("P1", ["wrong_ending"])


def test_a_workbook_with_a_password_is_refused(tmp_path: Path) -> None:
    content = OLE + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(2000)

    with pytest.raises(EncryptedFileError, match="protected by a password"):
        read(write_text(tmp_path, content, name="players.xlsx"))


def test_an_old_file_without_content_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="damaged or cut off"):
        read(write_text(tmp_path, OLE + bytes(600), name="players.xls"))


@pytest.mark.parametrize("kept", [100, 1000, 3000])
def test_a_workbook_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    path = tmp_path / "players.xlsx"
    openpyxl.Workbook().save(path)
    path.write_bytes(path.read_bytes()[:kept])

    with pytest.raises(DamagedFileError, match="damaged or cut off"):
        read(path)
