"""Reading most events of a batch by columns: events with the same fields together, each field with a few operations.

What is not plain here is no error yet: it is left to the reader of single events, which says what is wrong.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from operator import attrgetter, itemgetter, sub
from typing import Any

from players.activity.batch import Columns
from players.activity.fields import (
    EARLIEST,
    ID_LENGTH_MAX,
    PLAYER_ID_LENGTH_MAX,
    FieldRefusedError,
    read_address,
    read_amount,
)

_NEEDED = frozenset({"kind", "external_id", "player_id", "occurred_at"})
_ALWAYS = _NEEDED | {"ip_address", "device_id"}
_MONEY = (_NEEDED | {"amount"}, _ALWAYS | {"amount", "currency"})
_BET = (_MONEY[0], _MONEY[1] | {"bonus_amount", "bet_id", "game_category"})
# What a kind needs, and what it may have without being looked at closely.
_PLAIN_FIELDS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "DEPOSIT": _MONEY,
    "WITHDRAWAL": _MONEY,
    "WAGER": _BET,
    "WIN": _BET,
    "SESSION": (_NEEDED | {"ended_at"}, _ALWAYS | {"ended_at"}),
}
# What tells, of a text that can be read as a time, that it is written as `isoformat` writes it in UTC.
_MARKS = itemgetter(4, 7, 10, 13, 16, 19, -6)
_STORED_MARKS = {tuple("--T::++"), tuple("--T::.+")}
_STORED_LENGTHS = {len("2025-12-21T12:00:00+00:00"), len("2025-12-21T12:00:00.123456+00:00")}
_AMOUNTS = re.compile(r"(?:(?:0|[1-9][0-9]{0,15})\.[0-9]{2}\n)*", re.ASCII)


class _NotPlainError(ValueError):
    """Raised for events that have to be looked at one by one."""


def alike(events: Sequence[Any]) -> dict[tuple[Any, ...], list[int]]:
    """Return the places of events by the fields they have, in their order; what is no dictionary is nowhere."""
    found: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for place, raw in enumerate(events):
        if type(raw) is dict:
            found[tuple(raw)].append(place)
    return found


def read_plain(
    events: Sequence[Mapping[str, Any]],
    *,
    latest: datetime,
    categories: Callable[[], frozenset[str]],
    currency: Callable[[], str],
    days_max: int,
) -> Columns | None:
    """Return the columns of events that have the same fields, or None where one of them must be looked at closely.

    `latest` is the time after which an event is still to come, `days_max` how long a session may last.
    """
    try:
        columns = {name: list(map(itemgetter(name), events)) for name in events[0]}
        _check_fields(columns)
        _read_texts(columns, categories=categories)
        _read_amounts(columns)
        _check("currency" not in columns or columns["currency"].count(currency()) == len(columns["currency"]))
        _read_moments(columns, latest=latest, days_max=days_max)
        if "ip_address" in columns:
            columns["ip_address"] = list(map(read_address, columns["ip_address"]))
    except (_NotPlainError, FieldRefusedError):
        return None
    return columns


def _check(is_plain: bool) -> None:  # noqa: FBT001  # the condition is all there is
    if not is_plain:
        raise _NotPlainError


def _check_fields(columns: Columns) -> None:
    fields = columns.keys()
    _check(fields >= _NEEDED and _are_texts(columns["kind"]))
    for kind in set(columns["kind"]):
        _check(kind in _PLAIN_FIELDS)
        needed, possible = _PLAIN_FIELDS[kind]
        _check(needed <= fields <= possible)


def _are_texts(column: list[Any]) -> bool:
    return set(map(type, column)) == {str}


def _read_texts(columns: Columns, *, categories: Callable[[], frozenset[str]]) -> None:
    for name in ("external_id", "player_id", "bet_id", "game_category", "device_id"):
        column = columns.get(name)
        if column is not None:
            _check(_are_texts(column))
            length_max = PLAYER_ID_LENGTH_MAX if name == "player_id" else ID_LENGTH_MAX
            lengths = set(map(len, column))
            text = "".join(column)
            _check(min(lengths) > 0 and max(lengths) <= length_max and text.isprintable() and " " not in text)
    if "game_category" in columns:
        _check(categories() >= set(columns["game_category"]))


def _read_amounts(columns: Columns) -> None:
    for name in ("amount", "bonus_amount"):
        if name in columns:
            columns[name] = _amounts(columns[name])
    amounts = columns.get("amount", [])
    if "0.00" in amounts:
        kinds = zip(amounts, columns["kind"], strict=True)
        _check(all(amount != "0.00" or kind == "WIN" for amount, kind in kinds))
    if "bonus_amount" in columns:
        parts = zip(columns["bonus_amount"], amounts, strict=True)
        _check(all((len(bonus), bonus) <= (len(amount), amount) for bonus, amount in parts))


def _amounts(column: list[Any]) -> list[str]:
    if _are_texts(column):
        text = "\n".join([*column, ""])
        if text.count("\n") == len(column) and _AMOUNTS.fullmatch(text):
            return column
    _check(None not in column and "" not in column)
    return list(map(read_amount, column))


def _read_moments(columns: Columns, *, latest: datetime, days_max: int) -> None:
    began = _moments(columns["occurred_at"], latest=latest)
    columns["occurred_at"] = _texts_of(began, columns["occurred_at"])
    if "ended_at" in columns:
        ended = _moments(columns["ended_at"], latest=latest)
        columns["ended_at"] = _texts_of(ended, columns["ended_at"])
        lasted = list(map(sub, ended, began))
        _check(min(lasted) >= timedelta(0) and max(lasted) <= timedelta(days=days_max))


def _texts_of(moments: list[datetime], column: list[str]) -> list[str]:
    """Return times as they are stored, which most are given as; to write a time takes longer than to read it."""
    text = "".join(column)
    are_in_utc = text.count("+00:00") == len(column) and ".000000" not in text
    if are_in_utc and set(map(_MARKS, column)) <= _STORED_MARKS and set(map(len, column)) <= _STORED_LENGTHS:
        return column
    return list(map(datetime.isoformat, moments))


def _moments(column: list[Any], *, latest: datetime) -> list[datetime]:
    _check(_are_texts(column))
    try:
        moments = list(map(datetime.fromisoformat, column))
        zones = set(map(attrgetter("tzinfo"), moments))
        _check(None not in zones)
        if zones != {UTC}:
            moments = [moment.astimezone(UTC) for moment in moments]
    except (ValueError, OverflowError):
        raise _NotPlainError from None
    _check(min(moments) >= EARLIEST and max(moments) <= latest)
    return moments
