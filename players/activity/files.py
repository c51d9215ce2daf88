"""Reading a file of events: its columns mapped to fields, its rows as events in batches, each with its row number."""

from __future__ import annotations

import gzip
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, BinaryIO

from django.utils import timezone

from core.errors import InvalidInputError
from core.money import round_to_cent
from core.spreadsheets.columns import CellKind, Column
from core.spreadsheets.errors import SpreadsheetTooLargeError
from core.spreadsheets.limits import MEGABYTE, Limits
from core.spreadsheets.markers import BOOLEAN, DATE, NUMBER
from core.spreadsheets.reading import ReadOptions, read_table
from players.activity.events import EVENTS_MAX, FIELDS

_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 1024 * 1024
_AMOUNTS = ("amount", "bonus_amount")
_TIMES = ("occurred_at", "ended_at")
_NEEDED = ("external_id", "player_id", "kind", "occurred_at")
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
    """How a file's columns become fields: `columns` by heading, `constants` for what the file does not say."""

    columns: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class RowsOfEvents:
    """Events of successive rows with their numbers; `rounded` counts amounts that were rounded to the cent."""

    events: list[dict[str, Any]] = field(default_factory=list)
    row_numbers: list[int] = field(default_factory=list)
    rounded: int = 0


def check_mapping(mapping: FieldMapping) -> None:
    """Refuse a mapping to what no event has. Raises InvalidInputError."""
    for name in [*mapping.columns.values(), *mapping.constants]:
        if name not in FIELDS:
            raise InvalidInputError(f"{name!r} is no field of an event: one of {', '.join(FIELDS)} is needed")


@contextmanager
def events_of_file(path: Path, mapping: FieldMapping, *, size: int = EVENTS_MAX) -> Iterator[Iterator[RowsOfEvents]]:
    """Open a .csv, .csv.gz, .xlsx, .xls or .ods file as batches of events.

    Raises InvalidInputError for the mapping, and SpreadsheetError here or while the batches are taken.
    """
    check_mapping(mapping)
    limits = Limits()
    with (
        _unpacked(path, limits) as plain,
        read_table(plain, name=path.name, columns=_columns(mapping), options=ReadOptions(), limits=limits) as stream,
    ):
        names = [column.name for column in stream.report.columns]
        yield _batches(stream.chunks(), names, mapping=mapping, size=size)


def _columns(mapping: FieldMapping) -> list[Column]:
    """Return the columns to look for; a heading that is mapped means that field alone."""
    by_field: dict[str, list[str]] = {name: [] for name in FIELDS}
    for heading, name in mapping.columns.items():
        by_field[name].append(heading)
    taken = {heading.casefold() for heading in mapping.columns}
    return [
        Column(
            name=name,
            kind=CellKind.ID if name == "external_id" else CellKind.TEXT,
            aliases=tuple(headings),
            weak_aliases=() if headings else tuple(one for one in _ALIASES[name] if one not in taken),
            is_required=name in _NEEDED and name not in mapping.constants,
        )
        for name, headings in by_field.items()
        if name not in mapping.constants
    ]


def _batches(chunks: Iterator[bytes], names: list[str], *, mapping: FieldMapping, size: int) -> Iterator[RowsOfEvents]:
    batch = RowsOfEvents()
    for line in _lines(chunks):
        row_number, _, *cells = line.split("\t")
        batch.row_numbers.append(int(row_number))
        batch.events.append(_event(names, cells, mapping=mapping, batch=batch))
        if len(batch.events) == size:
            yield batch
            batch = RowsOfEvents()
    if batch.events:
        yield batch


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line.decode()


def _event(names: list[str], cells: list[str], *, mapping: FieldMapping, batch: RowsOfEvents) -> dict[str, Any]:
    event: dict[str, Any] = dict(mapping.constants)
    for name, cell in zip(names, cells, strict=False):
        if cell:
            event[name] = _value(name, _plain(cell), batch)
    if isinstance(event.get("kind"), str):
        event["kind"] = event["kind"].upper()
    return {**event, "void": _as_flag(event["void"])} if "void" in event else event


def _plain(cell: str) -> str:
    if "\\" in cell:
        parts = cell.split("\\\\")
        for letter, meant in (("t", "\t"), ("n", "\n"), ("r", "\r")):
            parts = [part.replace(f"\\{letter}", meant) for part in parts]
        cell = "\\".join(parts)
    for mark in (NUMBER, DATE, BOOLEAN):
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
        with gzip.open(path) as packed, plain.open("wb") as target:
            _copy(packed, target, bytes_max=limits.file_bytes_max)  # type: ignore[arg-type]
        yield plain


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == _GZIP


def _copy(packed: BinaryIO, target: BinaryIO, *, bytes_max: int) -> None:
    while piece := packed.read(_PIECE_BYTES):
        target.write(piece)
        if target.tell() > bytes_max:
            raise SpreadsheetTooLargeError(f"unpacked, the file has more than {bytes_max // MEGABYTE:,} MB. Split it")
