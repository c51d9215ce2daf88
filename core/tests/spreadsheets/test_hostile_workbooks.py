"""Workbooks made to hurt end in a clear refusal, soon, with the reader's parent unharmed."""

import zipfile
from pathlib import Path

import pytest

from core.spreadsheets.errors import (
    DamagedFileError,
    EncryptedFileError,
    HostileFileError,
    SpreadsheetError,
    SpreadsheetTooLargeError,
)
from core.spreadsheets.limits import MEGABYTE, Limits
from core.tests.spreadsheets.raw_workbooks import (
    SHEET,
    WORKBOOK_RELATIONS,
    header_row,
    number_cell,
    player_row,
    sheet_xml,
    text_cell,
    write_workbook,
)
from core.tests.spreadsheets.reading import HEADER, read, read_confined, write_text

TABLE = header_row() + player_row(2, "P1")


def test_a_declared_range_of_a_whole_sheet_costs_nothing(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE, dimension="A1:XFD1048576"))

    assert len(read(path)) == 1


def test_a_cell_at_the_far_corner_is_refused_with_its_place(tmp_path: Path) -> None:
    corner = f'<row r="1048576">{number_cell("XFD1048576", "1")}</row>'

    with pytest.raises(SpreadsheetTooLargeError, match=r"as far as row 1,048,576 and column 16,384"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE + corner)))


def test_rows_beyond_what_a_sheet_can_have_are_refused(tmp_path: Path) -> None:
    beyond = f'<row r="4294967290">{number_cell("A4294967290", "1")}</row>'

    with pytest.raises(SpreadsheetTooLargeError, match="as far as row"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE + beyond)))


def test_a_file_that_needs_more_memory_than_allowed_is_refused(tmp_path: Path) -> None:
    texts = "".join(f"<si><t>text {number}</t></si>" for number in range(1_000_000))
    strings = (
        f'<?xml version="1.0"?><sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{texts}</sst>'
    )
    relations = WORKBOOK_RELATIONS.replace(
        "</Relationships>",
        '<Relationship Id="rId2" Target="sharedStrings.xml" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/></Relationships>',
    )
    parts: dict[str, str | bytes] = {"xl/sharedStrings.xml": strings, "xl/_rels/workbook.xml.rels": relations}

    with pytest.raises(SpreadsheetTooLargeError, match="needs more than 60 MB of memory"):
        read_confined(
            write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE), parts=parts), Limits(memory_bytes_max=60 * MEGABYTE)
        )


def test_a_zip_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    bomb = SHEET.format(rows=" " * (64 * MEGABYTE), dimension="A1", prolog="")

    with pytest.raises(HostileFileError, match="times its size, as only a zip bomb does"):
        read(write_workbook(tmp_path / "a.xlsx", bomb))


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE + " " * (3 * MEGABYTE)))

    with pytest.raises(SpreadsheetTooLargeError, match="unpacks to 3 MB; at most 2 MB"):
        read(path, limits=Limits(unpacked_bytes_max=2 * MEGABYTE))


def test_a_part_larger_than_it_says_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE + " " * MEGABYTE))
    content = bytearray(path.read_bytes())
    size = len(sheet_xml(TABLE + " " * MEGABYTE)).to_bytes(4, "little")
    while (at := content.find(size)) >= 0:
        content[at : at + 4] = (500).to_bytes(4, "little")
    path.write_bytes(content)

    with pytest.raises(DamagedFileError, match="cannot be unpacked"):
        read(path)


def test_parts_that_overlap_are_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE))
    content = path.read_bytes()
    directory = content.find(b"PK\x01\x02")
    packed = (10_000_000).to_bytes(4, "little")
    path.write_bytes(content[: directory + 20] + packed + content[directory + 24 :])

    with pytest.raises(SpreadsheetError, match=r"overlap each other|damaged"):
        read(path)


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>',
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd">',
    ],
)
def test_entities_in_a_sheet_are_refused(tmp_path: Path, prolog: str) -> None:
    with pytest.raises(HostileFileError, match="declares a document type or entities"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE, prolog=prolog)))


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", "xl/styles.xml", "xl/sharedStrings.xml"]
)
def test_entities_in_any_part_are_refused(tmp_path: Path, part: str) -> None:
    content = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "a">]><x>&a;</x>'

    with pytest.raises(HostileFileError, match="declares a document type or entities"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE), parts={part: content}))


def test_a_part_in_utf_16_cannot_smuggle_entities_in(tmp_path: Path) -> None:
    sheet = sheet_xml(TABLE, prolog='<!DOCTYPE x [<!ENTITY a "a">]>').replace("UTF-8", "UTF-16").encode("utf-16")

    with pytest.raises(HostileFileError, match="not written in UTF-8"):
        read(write_workbook(tmp_path / "a.xlsx", sheet))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name_are_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("xl/worksheets/sheet1.xml", sheet_xml(header_row() + player_row(2, "other")))

    with pytest.raises(HostileFileError, match="2 parts named xl/worksheets/sheet1"):
        read(path)


def test_an_archive_with_too_many_parts_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE), parts={f"x{number}": "" for number in range(60)})

    with pytest.raises(HostileFileError, match="a workbook has a few dozen"):
        read(path, limits=Limits(archive_parts_max=50))


def test_a_part_with_a_password_is_refused(tmp_path: Path) -> None:
    path = write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE))
    content = bytearray(path.read_bytes())
    directory = content.find(b"PK\x01\x02")
    content[directory + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(EncryptedFileError, match="protected by a password"):
        read(path)


@pytest.mark.parametrize("sheet", ["", "no xml at all", "<worksheet>", sheet_xml(TABLE)[:-40]])
def test_a_broken_sheet_is_refused(tmp_path: Path, sheet: str) -> None:
    with pytest.raises(SpreadsheetError):
        read(write_workbook(tmp_path / "a.xlsx", sheet))


def test_a_text_that_is_not_there_is_refused(tmp_path: Path) -> None:
    broken = TABLE.replace(text_cell("A2", "P1"), '<c r="A2" t="s"><v>99</v></c>')

    with pytest.raises(DamagedFileError, match="cannot be read"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(broken)))


def test_a_relation_that_leaves_the_archive_is_refused(tmp_path: Path) -> None:
    relations = (
        '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
        'Target="../../../../etc/passwd"/></Relationships>'
    )

    with pytest.raises(DamagedFileError, match="it has no part"):
        read(write_workbook(tmp_path / "a.xlsx", sheet_xml(TABLE), parts={"xl/_rels/workbook.xml.rels": relations}))


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    rows = "".join(f"P{number},1,2,3\n" for number in range(1_500_000))

    with pytest.raises(SpreadsheetTooLargeError, match="was not read within 1 seconds of work"):
        read_confined(write_text(tmp_path, f"{HEADER}\n{rows}"), Limits(cpu_seconds_max=1))


def test_a_file_that_is_too_large_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(SpreadsheetTooLargeError, match="the file has 2 MB; at most 1 MB are read"):
        read_confined(write_text(tmp_path, HEADER + "\n" * (2 * MEGABYTE)), Limits(file_bytes_max=MEGABYTE))


def test_a_cell_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError, match="a quote is opened and never closed, or the file is cut off"):
        read(write_text(tmp_path, f"{HEADER},name\nP1,1,2,3,{'x' * 200_000}\n"))
