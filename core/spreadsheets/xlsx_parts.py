"""Read from an .xlsx archive what the fast reader hides: errors, formulas without results, formats of ids."""

from __future__ import annotations

import posixpath
import re
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ParseError
from xml.parsers import expat

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.spreadsheets.archives import PartTraits, column_number, open_archive, read_chunks, scan_part
from core.spreadsheets.cells import error_text, formatted_id_text, missing_result_text, shows_plainly
from core.spreadsheets.errors import DamagedFileError, HostileFileError
from core.spreadsheets.limits import MEGABYTE, Limits

_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,10})")
_BUILT_IN_FORMATS_MAX = 163
_LARGE_BYTES = 4 * MEGABYTE
_WORKBOOK_PART = "xl/workbook.xml"

CellTexts = dict[int, dict[int, str]]
"""Row number (from 1) → column index (from 0) → text to use instead of what the fast reader gives."""


@dataclass(frozen=True, kw_only=True)
class WorkbookParts:
    """Where a workbook's sheets are stored, and how it writes dates and numbers."""

    sheet_parts: dict[str, str]
    counts_from_1904: bool
    formats: dict[str, str] = field(default_factory=dict)
    """Cell style → number format, only for formats that show more than the number's digits."""


def read_parts(path: Path, limits: Limits) -> WorkbookParts:
    """Return the workbook's plan, having unpacked and checked every part that is not a sheet."""
    with open_archive(path, limits) as archive:
        for part in archive.infolist():
            if _is_markup(part.filename) and "/worksheets/" not in part.filename.lower():
                scan_part(archive, part)
        workbook = _parse(archive, _WORKBOOK_PART)
        targets = _targets(archive)
        sheets = {sheet.get("name", ""): targets.get(_relation_id(sheet), "") for sheet in _all(workbook, "sheet")}
        properties = next(_all(workbook, "workbookPr"), None)
        return WorkbookParts(
            sheet_parts=sheets,
            counts_from_1904=properties is not None and properties.get("date1904") in {"1", "true"},
            formats=_speaking_formats(archive),
        )


def scan_sheet(path: Path, part_name: str, limits: Limits) -> PartTraits:
    """Unpack a sheet once to see what it contains."""
    with open_archive(path, limits) as archive:
        return scan_part(archive, _part(archive, part_name))


def is_large_part(path: Path, part_name: str, limits: Limits) -> bool:
    """Whether a part is large enough that reading it twice is felt."""
    with open_archive(path, limits) as archive:
        return _part(archive, part_name).file_size > _LARGE_BYTES


def exceptional_cells(
    path: Path, part_name: str, limits: Limits, *, formats: Mapping[str, str], id_indices: Collection[int]
) -> CellTexts:
    """Return the cells that the fast reader would show as empty or as another text than people see."""
    with open_archive(path, limits) as archive:
        collector = _CellCollector(formats=formats, id_indices=id_indices)
        parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = collector.start
        parser.EndElementHandler = collector.end
        parser.CharacterDataHandler = collector.text
        try:
            for chunk in read_chunks(archive, _part(archive, part_name)):
                parser.Parse(chunk, False)  # noqa: FBT003 - expat takes nothing by name
            parser.Parse(b"", True)  # noqa: FBT003
        except expat.ExpatError as error:
            raise DamagedFileError(f"the sheet's XML is broken: {error}") from error
        return collector.found


class _CellCollector:
    """Follows a sheet's cells and keeps those that need another text."""

    def __init__(self, *, formats: Mapping[str, str], id_indices: Collection[int]) -> None:
        self.found: CellTexts = {}
        self._formats, self._id_indices = formats, id_indices
        self._row, self._column = 0, -1
        self._type = self._style = ""
        self._texts: dict[str, str] = {}
        self._inside = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(" ")[2]
        if local == "row":
            self._row = int(attributes["r"]) if attributes.get("r", "").isdigit() else self._row + 1
            self._column = -1
        elif local == "c":
            self._start_cell(attributes)
        elif local in {"f", "v"}:
            self._inside = local
            self._texts[local] = ""

    def text(self, data: str) -> None:
        if self._inside:
            self._texts[self._inside] += data

    def end(self, name: str) -> None:
        local = name.rpartition(" ")[2]
        if local == "c":
            self._end_cell()
        elif local in {"f", "v"}:
            self._inside = ""

    def _start_cell(self, attributes: dict[str, str]) -> None:
        reference = _REFERENCE.fullmatch(attributes.get("r", ""))
        self._column = column_number(reference[1]) - 1 if reference else self._column + 1
        if reference:
            self._row = int(reference[2])
        self._type, self._style = attributes.get("t", ""), attributes.get("s", "")
        self._texts = {}

    def _end_cell(self) -> None:
        text = self._exceptional_text()
        if text is not None:
            self.found.setdefault(self._row, {})[self._column] = text

    def _exceptional_text(self) -> str | None:
        value = self._texts.get("v", "")
        if self._type == "e":
            return error_text(value.strip() or "#ERROR")
        if "f" in self._texts and not value and not (self._type == "str" and "v" in self._texts):
            return missing_result_text(self._texts["f"][:100])
        if self._column in self._id_indices and self._type in {"", "n"} and value and self._style in self._formats:
            return _formatted(value, self._formats[self._style])
        return None


def _formatted(value: str, number_format: str) -> str | None:
    try:
        return formatted_id_text(float(value), number_format)
    except ValueError:
        return None


def _parse(archive: zipfile.ZipFile, name: str) -> Element:
    content = b"".join(read_chunks(archive, _part(archive, name)))
    try:
        return fromstring(content, forbid_dtd=True)
    except DefusedXmlException as error:
        raise HostileFileError(f"{name} declares a document type or entities, which no workbook needs") from error
    except (ParseError, ValueError, LookupError) as error:
        raise DamagedFileError(f"the workbook is damaged: {name} is broken ({error})") from error


def _part(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    wanted = name.lower()
    for part in archive.infolist():
        if part.filename.lower() == wanted:
            return part
    raise DamagedFileError(f"the workbook is damaged: it has no part {name!r}")


def _is_markup(name: str) -> bool:
    return name.lower().endswith((".xml", ".rels"))


def _all(root: Element, local: str) -> Any:
    return (element for element in root.iter() if element.tag.rpartition("}")[2] == local)


def _relation_id(sheet: Element) -> str:
    return next((value for key, value in sheet.attrib.items() if key.startswith("{") and key.endswith("}id")), "")


def _targets(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the parts by the ids the workbook refers to them with."""
    relations = _parse(archive, "xl/_rels/workbook.xml.rels")
    return {
        relation.get("Id", ""): posixpath.normpath(posixpath.join("/xl", relation.get("Target", ""))).lstrip("/")
        for relation in _all(relations, "Relationship")
    }


def _speaking_formats(archive: zipfile.ZipFile) -> dict[str, str]:
    """Return the cell styles whose number format pads with zeros or adds letters."""
    if "xl/styles.xml" not in {name.lower() for name in archive.namelist()}:
        return {}
    styles = _parse(archive, "xl/styles.xml")
    codes = {element.get("numFmtId"): element.get("formatCode", "") for element in _all(styles, "numFmt")}
    cell_styles = next(_all(styles, "cellXfs"), None)
    formats: dict[str, str] = {}
    for index, style in enumerate(cell_styles if cell_styles is not None else []):
        identity = style.get("numFmtId", "0")
        code = codes.get(identity, "")
        is_custom = identity.isdigit() and int(identity) > _BUILT_IN_FORMATS_MAX
        if is_custom and code and not shows_plainly(code) and not is_date_format(code):
            formats[str(index)] = code
    return formats


def is_date_format(code: str) -> bool:
    """Whether a number format shows a date or a time; the reader gives such cells as dates."""
    bare = re.sub(r'"[^"]*"|\\.|\[[^\]]*\]', "", code.split(";", maxsplit=1)[0]).lower()
    return any(letter in bare for letter in "ymdhs") and "general" not in bare
