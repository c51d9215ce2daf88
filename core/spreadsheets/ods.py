"""Read .ods as a stream: rows come out while the document is parsed, so that repeated cells cost nothing."""

from __future__ import annotations

import datetime as dt
import re
from collections import deque
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from xml.parsers import expat

from core.spreadsheets.archives import open_archive, read_chunks
from core.spreadsheets.cells import Override, ShownNumber, error_text, missing_result_text, number_text
from core.spreadsheets.errors import DamagedFileError, HostileFileError, SpreadsheetTooLargeError
from core.spreadsheets.limits import Limits
from core.spreadsheets.workbooks import Cells, Overrides, Sheet

_CONTENT = "content.xml"
_ROWS_MAX = 1_048_576
_DURATION = re.compile(r"(-?)P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:[.,]\d+)?)S)?")
_ERRORS = re.compile(r"(?:Err:\d+|#[A-Z]+[!/?0A-Z]*)\s*")


class OdsWorkbook:
    """An OpenDocument spreadsheet."""

    counts_from_1904 = False

    def __init__(self, path: Path, *, limits: Limits) -> None:
        plan = _Plan()
        _parse_all(path, limits, plan)
        self.sheets: list[Sheet] = [
            OdsSheet(path, limits=limits, index=index, name=name, is_visible=style not in plan.hidden_styles)
            for index, (name, style) in enumerate(plan.tables)
        ]


class OdsSheet:
    """A table of the document; each look at it parses the document again."""

    def __init__(self, path: Path, *, limits: Limits, index: int, name: str, is_visible: bool) -> None:
        self.name, self.is_visible = name, is_visible
        self._path, self._limits, self._index = path, limits, index

    def rows(self) -> Iterator[Cells]:
        collector = _RowCollector(self._index, self._limits)
        for _ in _parse_in_steps(self._path, self._limits, collector):
            while collector.ready:
                row, count = collector.ready.popleft()
                for _repeat in range(count):
                    yield row
            if collector.is_past:
                return

    def overrides(self, id_indices: Collection[int]) -> Overrides:  # noqa: ARG002 - cells already come out as people see them
        return {}

    def notices(self) -> list[tuple[str, str]]:
        return []

    def forget(self) -> None:
        """Forget nothing: nothing is kept."""


class _Plan:
    """Notes the tables, and which table styles hide theirs."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, str]] = []
        self.hidden_styles: set[str] = set()
        self._style = ""
        self._depth = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if local == "style":
            self._style = _attribute(attributes, "name")
        elif local == "table-properties" and _attribute(attributes, "display") == "false":
            self.hidden_styles.add(self._style)
        elif local == "table":
            self._depth += 1
            _refuse_nested(self._depth)
            self.tables.append((_attribute(attributes, "name"), _attribute(attributes, "style-name")))

    def end(self, name: str) -> None:
        if _local(name) == "table":
            self._depth -= 1

    def text(self, data: str) -> None:
        """Ignore the cells."""


class _RowCollector:
    """Collects one table's rows, each with how often it repeats."""

    def __init__(self, table_index: int, limits: Limits) -> None:
        self.ready: deque[tuple[list[Any], int]] = deque()
        self.is_past = False
        self._wanted, self._limits = table_index, limits
        self._table = -1
        self._rows = 0
        self._held_blank = 0
        self._row: list[Any] = []
        self._row_repeat = 1
        self._cell: dict[str, str] | None = None
        self._paragraphs: list[str] = []
        self._depth_of_note = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        local = _local(name)
        if local == "table":
            self._table += 1
        if self._table != self._wanted:
            return
        if local == "table-row":
            self._row, self._row_repeat = [], _count(attributes, "number-rows-repeated")
        elif local in {"table-cell", "covered-table-cell"}:
            self._cell, self._paragraphs = attributes, []
        elif local == "annotation":
            self._depth_of_note += 1
        elif local == "p" and not self._depth_of_note:
            self._paragraphs.append("")
        elif local == "s" and self._paragraphs:
            self._paragraphs[-1] += " " * _count(attributes, "c")
        elif local == "tab" and self._paragraphs:
            self._paragraphs[-1] += "\t"

    def text(self, data: str) -> None:
        if self._cell is not None and self._paragraphs and not self._depth_of_note:
            self._paragraphs[-1] += data

    def end(self, name: str) -> None:
        local = _local(name)
        if self._table != self._wanted:
            return
        if local == "annotation":
            self._depth_of_note -= 1
        elif local in {"table-cell", "covered-table-cell"} and self._cell is not None:
            self._end_cell(self._cell)
            self._cell = None
        elif local == "table-row":
            self._end_row()
        elif local == "table":
            self.is_past = True

    def _end_cell(self, attributes: dict[str, str]) -> None:
        value = _cell_value(attributes, "\n".join(self._paragraphs))
        count = _count(attributes, "number-columns-repeated")
        if value == "" and len(self._row) + count > self._limits.columns_max:
            count = max(0, self._limits.columns_max - len(self._row))
        if len(self._row) + count > self._limits.columns_max:
            raise SpreadsheetTooLargeError(
                f"the sheet has values as far as column {len(self._row) + count:,}; at most "
                f"{self._limits.columns_max:,} are read"
            )
        self._row.extend([value] * count)

    def _end_row(self) -> None:
        """Hold blank rows back until a filled one follows: the last one is repeated to the sheet's end."""
        while self._row and self._row[-1] == "":
            self._row.pop()
        if not self._row:
            self._held_blank += self._row_repeat
            return
        self._rows += self._held_blank + self._row_repeat
        if self._rows > _ROWS_MAX:
            raise SpreadsheetTooLargeError(f"the sheet has more than {_ROWS_MAX:,} rows, which no spreadsheet can show")
        if self._held_blank:
            self.ready.append(([], self._held_blank))
        self._held_blank = 0
        self.ready.append((self._row, self._row_repeat))


def _cell_value(attributes: dict[str, str], text: str) -> Any:
    """Return a cell as number, date, duration, boolean or text; errors and formulas without a result are marked."""
    kind = _attribute(attributes, "value-type")
    formula = _attribute(attributes, "formula")
    if _attribute(attributes, "value-type", space="calcext") == "error" or (formula and _ERRORS.fullmatch(text)):
        return Override(error_text(text.strip() or "#ERROR"))
    if formula and not kind:
        return Override(missing_result_text(formula.partition("=")[2][:100]))
    return _typed_value(kind, attributes, text)


def _typed_value(kind: str, attributes: dict[str, str], text: str) -> Any:
    match kind:
        case "float" | "percentage":
            return _number(_attribute(attributes, "value"), text)
        case "currency":
            currency = _attribute(attributes, "currency")
            number = _attribute(attributes, "value")
            return f"{currency} {number}" if currency else _number(number, text)
        case "date":
            return _date(_attribute(attributes, "date-value"), text)
        case "time":
            return _duration(_attribute(attributes, "time-value"), text)
        case "boolean":
            return _attribute(attributes, "boolean-value") == "true"
        case _:
            return _attribute(attributes, "string-value") or text


def _number(value: str, text: str) -> Any:
    try:
        number = float(value)
    except ValueError:
        return Override(error_text(text.strip() or "#ERROR"))
    speaks = text.strip() != number_text(number) and (text.startswith("0") or any(c.isalpha() for c in text))
    return ShownNumber(number, text.strip()) if speaks else number


def _date(value: str, text: str) -> Any:
    try:
        moment = dt.datetime.fromisoformat(value)
    except ValueError:
        return text or value
    return moment if "T" in value else moment.date()


def _duration(value: str, text: str) -> Any:
    found = _DURATION.fullmatch(value)
    if not found:
        return text or value
    sign, days, hours, minutes, seconds = found.groups(default="0")
    length = dt.timedelta(
        days=int(days), hours=int(hours), minutes=int(minutes), seconds=float(seconds.replace(",", "."))
    )
    return -length if sign == "-" else length


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def _attribute(attributes: dict[str, str], local: str, *, space: str = "") -> str:
    """Return an attribute by its name in whichever namespace, or in the one whose address contains `space`."""
    for key, value in attributes.items():
        address, _, name = key.rpartition(" ")
        if name == local and (space in address if space else "calcext" not in address):
            return value
    return ""


def _count(attributes: dict[str, str], local: str) -> int:
    text = _attribute(attributes, local)
    return max(1, int(text)) if text.isdigit() and len(text) < 10 else 1


def _parse_all(path: Path, limits: Limits, handler: _Plan) -> None:
    for _ in _parse_in_steps(path, limits, handler):
        pass


def _parse_in_steps(path: Path, limits: Limits, handler: _Plan | _RowCollector) -> Iterator[None]:
    """Parse piece by piece, pausing after each so that finished rows can be taken."""
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    parser.StartDoctypeDeclHandler = _refuse_doctype
    with open_archive(path, limits) as archive:
        content = next(part for part in archive.infolist() if part.filename.lower() == _CONTENT)
        try:
            for chunk in read_chunks(archive, content):
                parser.Parse(chunk, False)  # noqa: FBT003 - expat takes nothing by name
                yield
            parser.Parse(b"", True)  # noqa: FBT003
            yield
        except expat.ExpatError as error:
            raise DamagedFileError(f"the document's XML is broken: {error}") from error


def _refuse_nested(depth: int) -> None:
    if depth > 1:
        raise DamagedFileError("the document has a table within a table, which is no spreadsheet: save the table alone")


def _refuse_doctype(*_: object) -> None:
    raise HostileFileError(f"{_CONTENT} declares a document type, which no spreadsheet needs")
