"""Reading a file of events: its columns mapped to fields, its rows as events in batches, each with its row number."""

from __future__ import annotations

import gzip
import re
import tempfile
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO

from django.utils import timezone

from core.errors import InvalidInputError
from core.money import round_to_cent
from core.spreadsheets.columns import CellKind, Column, normalize_heading
from core.spreadsheets.errors import DamagedFileError, SpreadsheetTooLargeError
from core.spreadsheets.limits import MEGABYTE, Limits
from core.spreadsheets.markers import BOOLEAN, CONTROL, DATE, ERROR, FORMATTED, FORMULA, MARK, NUMBER
from core.spreadsheets.reading import ReadOptions, TableStream, read_table
from core.spreadsheets.rows import EXTRA_CELLS, TOTAL_ROW
from players.activity.events import EVENTS_MAX, FIELDS
from players.activity.problems import EventProblem, shown
from players.importing.texts import DECIMAL_ID, ERROR_VALUES, QUOTED_FORMULA, SHORTENED_ID, TEXT_APOSTROPHE

LIMITS = Limits()
_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 1024 * 1024
_AMOUNTS = ("amount", "bonus_amount")
_TIMES = ("occurred_at", "ended_at")
_NEEDED = ("external_id", "player_id", "kind", "occurred_at")
_IDS = {"external_id", "player_id", "bet_id", "device_id", "corrects_external_id"}
"""What workbooks may show otherwise than they keep it: leading zeros, fifteen digits of twenty."""
_ODD_STARTS = frozenset(("'", "=", "#", MARK))
_QUOTED, _APOSTROPHE = re.compile(QUOTED_FORMULA), re.compile(TEXT_APOSTROPHE)
_SHORTENED = re.compile(f"{SHORTENED_ID}|{DECIMAL_ID}")
_DOUBTS = {
    NUMBER: "a number with decimals, or with more digits than workbooks keep",
    FORMATTED: "which is not what its cell shows",
    FORMULA: "a formula whose result the file does not hold",
    ERROR: "an error of the workbook's",
    CONTROL: "which has control characters",
}
_ALIASES: dict[str, tuple[str, ...]] = {
    "external_id": ("event_id", "id", "transaction_id"),
    "player_id": ("player", "user_id", "username", "customer_id", "account_id"),
    "kind": ("type", "event_type", "event"),
    "occurred_at": ("time", "timestamp", "date", "datetime", "event_time", "started_at"),
    "amount": ("stake", "bet", "value"),
    "bonus_amount": ("bonus", "bonus_part"),
    "currency": ("currency_code", "ccy"),
    "bet_id": ("round_id", "game_id"),
    "game_category": ("category", "game"),
    "ended_at": ("end", "end_time", "session_end"),
    "ip_address": ("ip",),
    "device_id": ("device",),
    "action": ("action_code",),
    "corrects_external_id": ("corrects", "original_id"),
    "void": ("is_void",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMapping:
    """How a file's columns become fields: `columns` by heading, `constants` for what the file does not say.

    Where it `names_all`, other columns are not read; else those that bear a field's name, or a usual one, are too.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    names_all: bool = False


@dataclass(slots=True, kw_only=True)
class RowsOfEvents:
    """Events of successive rows with their numbers; `rounded` counts amounts that were rounded to the cent.

    `unreadable` is what is wrong with rows whose cells may stand in the wrong columns, `headings` how the file calls
    what it has of the fields.
    """

    headings: Mapping[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    row_numbers: list[int] = field(default_factory=list)
    unreadable: list[EventProblem] = field(default_factory=list)
    rounded: int = 0


def check_mapping(mapping: FieldMapping) -> None:
    """Refuse a mapping to what no event has, or without what every event needs. Raises InvalidInputError."""
    for name in [*mapping.columns.values(), *mapping.constants]:
        if name not in FIELDS:
            raise InvalidInputError(f"{name!r} is no field of an event: one of {', '.join(FIELDS)} is needed")
    if "external_id" in mapping.constants:
        raise InvalidInputError("external_id cannot be the same in every row: every event needs an id of its own")
    mapped = {normalize_heading(heading): name for heading, name in mapping.columns.items()}
    for name in _NEEDED:
        if name in mapping.constants or name in mapping.columns.values():
            continue
        if mapping.names_all:
            raise InvalidInputError(f"no column is the {name}: every event needs one", field=name)
        if name in mapped:
            raise InvalidInputError(
                f"no column is the {name}, for the one called so is mapped to {mapped[name]}: map another to {name}"
            )


@contextmanager
def events_of_file(
    path: Path, mapping: FieldMapping, *, name: str = "", size: int = EVENTS_MAX, limits: Limits = LIMITS
) -> Iterator[Iterator[RowsOfEvents]]:
    """Open a .csv, .csv.gz, .xlsx, .xls or .ods file as batches of events; `name` is what its sender called it.

    Raises InvalidInputError for the mapping, and SpreadsheetError here or while the batches are taken.
    """
    check_mapping(mapping)
    with open_table(path, name=name, columns=columns_of(mapping), limits=limits) as stream:
        found = stream.report.columns
        headings = {mapping.columns.get(column.name, column.name): column.header for column in found}
        yield _batches(stream, list(headings), mapping=mapping, headings=headings, size=size)


@contextmanager
def open_table(path: Path, *, name: str, columns: Sequence[Column], limits: Limits = LIMITS) -> Iterator[TableStream]:
    """Open a file, packed by gzip or not. Raises SpreadsheetError, here or while it is read."""
    with (
        _unpacked(path, limits) as plain,
        read_table(plain, name=name or path.name, columns=columns, options=ReadOptions(), limits=limits) as stream,
    ):
        yield stream


def columns_of(mapping: FieldMapping) -> list[Column]:
    """Return the columns to look for; a heading that is mapped means that field alone, and has to be there."""
    by_field: dict[str, list[str]] = {}
    for heading, name in mapping.columns.items():
        by_field.setdefault(name, []).append(heading)
    mapped = [
        # Under the heading's own name: a field that is mapped is not looked for under the field's.
        Column(name=headings[0], kind=_kind_of(name), aliases=tuple(headings[1:]), is_required=True)
        for name, headings in by_field.items()
    ]
    if mapping.names_all:
        return mapped
    taken = {normalize_heading(heading) for heading in mapping.columns}
    named = [name for name in FIELDS if name not in by_field and name not in mapping.constants and name not in taken]
    return [*mapped, *(_column(name, taken) for name in named)]


def _column(name: str, taken: Container[str]) -> Column:
    return Column(
        name=name,
        kind=_kind_of(name),
        weak_aliases=tuple(alias for alias in _ALIASES[name] if alias not in taken),
        is_required=name in _NEEDED,
    )


def _kind_of(name: str) -> CellKind:
    return CellKind.ID if name in _IDS else CellKind.TEXT


def _batches(
    stream: TableStream, names: list[str], *, mapping: FieldMapping, headings: Mapping[str, str], size: int
) -> Iterator[RowsOfEvents]:
    batch = RowsOfEvents(headings=headings)
    for line in lines_of(stream.chunks()):
        row_number, finding, *cells = line.split("\t")
        if finding:
            problem = _finding_message(finding, width=stream.report.header_width)
            batch.unreadable.append(EventProblem(index=len(batch.events), field="", message=problem))
        batch.row_numbers.append(int(row_number))
        batch.events.append(_event(names, cells, mapping=mapping, batch=batch))
        if len(batch.events) == size:
            yield batch
            batch = RowsOfEvents(headings=headings)
    if batch.events:
        yield batch


def _finding_message(finding: str, *, width: int) -> str:
    if finding == TOTAL_ROW:
        return "looks like a row of sums, which is no event: remove it"
    return (
        f"has {finding.removeprefix(EXTRA_CELLS)} cells, the header {width}; a value that holds the separator, such as "
        "1,5 or Smith, Ann, needs quotes around it"
    )


def lines_of(chunks: Iterator[bytes]) -> Iterator[str]:
    """Yield the rows of a table as they are sent: row number, finding, cells."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode()


def _event(names: list[str], cells: list[str], *, mapping: FieldMapping, batch: RowsOfEvents) -> dict[str, Any]:
    event: dict[str, Any] = dict(mapping.constants)
    for name, cell in zip(names, cells, strict=False):
        if name in _IDS and _may_be_wrapped(cell):
            event[name] = _unwrapped_id(name, cell, batch)
        elif cell:
            event[name] = _value(name, plain_cell(cell), batch)
    if isinstance(event.get("kind"), str):
        event["kind"] = event["kind"].upper()
    return {**event, "void": _as_flag(event["void"])} if "void" in event else event


def _may_be_wrapped(cell: str) -> bool:
    """Tell quickly of most ids that they are what they seem."""
    return cell[:1] in _ODD_STARTS or "E+" in cell or cell.endswith(".0")


def _unwrapped_id(name: str, cell: str, batch: RowsOfEvents) -> str:
    """Return an id without what spreadsheet programs wrap around it, as the import of players does.

    What is kept otherwise than people see it is refused: it might be somebody else's id.
    """
    is_marked = cell.startswith(MARK)
    text = plain_cell(cell[len(NUMBER) :] if is_marked else cell)
    bare = _APOSTROPHE.sub("", _QUOTED.sub(r"\1", text))
    is_shortened = _SHORTENED.fullmatch(text) is not None
    if is_marked or is_shortened or text in ERROR_VALUES:
        mark = cell[: len(NUMBER)] if is_marked else NUMBER if is_shortened else ERROR
        message = (
            f"is {shown(text)}, {_DOUBTS.get(mark, 'which is no text')}; make the column text and enter the id anew"
        )
        batch.unreadable.append(EventProblem(index=len(batch.events), field=name, message=message))
    return bare


def plain_cell(cell: str) -> str:
    """Return a cell as people know it, without the marks it is sent with."""
    if "\\" in cell:
        parts = cell.split("\\\\")
        for letter, meant in (("t", "\t"), ("n", "\n"), ("r", "\r")):
            parts = [part.replace(f"\\{letter}", meant) for part in parts]
        cell = "\\".join(parts)
    for mark in (NUMBER, DATE, BOOLEAN, ERROR):
        cell = cell.removeprefix(mark)
    return cell


def _value(name: str, text: str, batch: RowsOfEvents) -> Any:
    if name in _AMOUNTS:
        return _amount(text, batch)
    return _time(text) if name in _TIMES else text


def _amount(text: str, batch: RowsOfEvents) -> Any:
    """Round to the cent what has more decimals; whatever else is wrong, the feed says so."""
    if "." not in text and "e" not in text.lower():
        return text
    try:
        exact = Decimal(text)
        rounded = round_to_cent(exact)
    except InvalidOperation:
        return text
    batch.rounded += rounded != exact
    return rounded


def _time(text: str) -> Any:
    """A time without a zone is one of the business's own."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return moment if moment.tzinfo else timezone.make_aware(moment, timezone.get_default_timezone())


def _as_flag(text: Any) -> Any:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}.get(str(text).lower(), text)


@contextmanager
def _unpacked(path: Path, limits: Limits) -> Iterator[Path]:
    """Give a file packed by gzip as it was before, under its own name. Raises SpreadsheetTooLargeError."""
    if not path.is_file() or not _is_gzip(path):
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="activity-") as folder:
        plain = Path(folder) / path.name.removesuffix(".gz")
        try:
            with gzip.open(path) as packed, plain.open("wb") as target:
                _copy(packed, target, bytes_max=limits.file_bytes_max)  # type: ignore[arg-type]
        except (gzip.BadGzipFile, EOFError, zlib.error):
            raise DamagedFileError("the file is packed by gzip and cut off or broken: pack it again") from None
        yield plain


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _copy(packed: BinaryIO, target: BinaryIO, *, bytes_max: int) -> None:
    while piece := packed.read(_PIECE_BYTES):
        target.write(piece)
        if target.tell() > bytes_max:
            raise SpreadsheetTooLargeError(f"unpacked, the file has more than {bytes_max // MEGABYTE:,} MB. Split it")
