"""Workbooks written by hand, part by part, as no program would write them."""

from __future__ import annotations

import zipfile
from pathlib import Path

CONTENT_TYPES = """<?xml version="1.0" encoding="UTF-8"?>
<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Default Extension="xml" ContentType="application/xml"/>
<Override PartName="/xl/workbook.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml"
 ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/>
</Types>"""
ROOT_RELATIONS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="xl/workbook.xml"/>
</Relationships>"""
WORKBOOK = """<?xml version="1.0"?>
<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"
 xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">{properties}
<sheets><sheet name="Players" sheetId="1" r:id="rId1"/></sheets></workbook>"""
WORKBOOK_RELATIONS = """<?xml version="1.0"?>
<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1"
 Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
 Target="worksheets/sheet1.xml"/></Relationships>"""
SHEET = """<?xml version="1.0" encoding="UTF-8"?>{prolog}
<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><dimension ref="{dimension}"/>
<sheetData>{rows}</sheetData></worksheet>"""

HEADER = ("player_id", "total_deposited", "total_wagered", "total_won")


def text_cell(reference: str, text: str) -> str:
    """Return a cell that holds its text itself."""
    return f'<c r="{reference}" t="inlineStr"><is><t>{text}</t></is></c>'


def number_cell(reference: str, number: str) -> str:
    """Return a cell of a number, written as given."""
    return f'<c r="{reference}"><v>{number}</v></c>'


def header_row(number: int = 1) -> str:
    """Return the row of the required column names."""
    cells = "".join(text_cell(f"{letter}{number}", name) for letter, name in zip("ABCD", HEADER, strict=True))
    return f'<row r="{number}">{cells}</row>'


def player_row(number: int, player_id: str, *extra: str) -> str:
    """Return a row of a player with the totals 1, 2 and 3."""
    totals = "".join(
        number_cell(f"{letter}{number}", str(total)) for letter, total in zip("BCD", (1, 2, 3), strict=True)
    )
    return f'<row r="{number}">{text_cell(f"A{number}", player_id)}{totals}{"".join(extra)}</row>'


def sheet_xml(rows: str, *, dimension: str = "A1:D2", prolog: str = "") -> str:
    """Return a sheet of these rows."""
    return SHEET.format(rows=rows, dimension=dimension, prolog=prolog)


def write_workbook(
    path: Path, sheet: str | bytes, *, properties: str = "", parts: dict[str, str | bytes] | None = None
) -> Path:
    """Write an .xlsx with one sheet and whatever other parts are given; a given part replaces the usual one."""
    usual: dict[str, str | bytes] = {
        "[Content_Types].xml": CONTENT_TYPES,
        "_rels/.rels": ROOT_RELATIONS,
        "xl/workbook.xml": WORKBOOK.format(properties=properties),
        "xl/_rels/workbook.xml.rels": WORKBOOK_RELATIONS,
        "xl/worksheets/sheet1.xml": sheet,
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**usual, **(parts or {})}.items():
            archive.writestr(name, content)
    return path
