"""The events of a batch as they are stored: by columns, for most of what is done to them is done to whole columns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import cached_property
from operator import itemgetter
from typing import Any, NamedTuple

from players.models import ActivityKind

MANY_EVENTS = 500
"""From here on a batch counts as large: what is dear once and cheap for each event is worth it."""
_PIECE = 2_000
"""So many lines are sent while the next are written, so that the server reads meanwhile."""
_sha256 = hashlib.sha256
Columns = dict[str, list[Any]]
"""By field, in the order of the events; every column is a list of texts, of places and flags as they are."""


class Event(NamedTuple):
    """One event as it is stored. Amounts are text with two decimals, times text in UTC; an empty text is unknown."""

    place: int
    external_id: str
    player_id: str
    kind: str
    occurred_at: str
    amount: str
    bonus_amount: str
    bet_id: str
    game_category: str
    ended_at: str
    ip_address: str
    device_id: str
    action: str
    corrects_external_id: str
    is_void: bool

    def as_body(self) -> dict[str, Any]:
        """Return the event as it would be sent, without what it does not say."""
        named = zip(Event._fields[1:14], self[1:14], strict=True)
        body: dict[str, Any] = {name: value for name, value in named if value != ""}
        return {**body, "void": True} if self.is_void else body


STAGED = Event._fields[1:14]
_BODY = Event._fields[2:14]


class Batch:
    """Events that can be stored, no two of them under one id."""

    def __init__(self, columns: Columns) -> None:
        self.columns = columns

    @classmethod
    def of(cls, events: Sequence[Event]) -> Batch:
        """Return events as a batch."""
        columns = zip(*events, strict=True) if events else ([] for _ in Event._fields)
        return cls(dict(zip(Event._fields, map(list, columns), strict=True)))

    @classmethod
    def joined(cls, parts: Iterable[Columns]) -> Batch:
        """Return the events of several columns together; a column that one of them lacks is empty there."""
        whole: Columns = {name: [] for name in Event._fields}
        for part in parts:
            count = len(part["place"])
            for name in Event._fields:
                whole[name] += part[name] if name in part else _empty(name, count)
        return cls(whole)

    def __len__(self) -> int:
        return len(self.columns["place"])

    def events(self) -> list[Event]:
        """Return the events one by one, in the order of their places."""
        return sorted(map(Event._make, zip(*self.columns.values(), strict=True)), key=itemgetter(0))

    @cached_property
    def kinds(self) -> frozenset[str]:
        """Return what happened in the batch."""
        return frozenset(self.columns["kind"])

    @property
    def triggers(self) -> tuple[str, ...]:
        """Return what the events may be to live rules: their kinds, and the codes of actions; corrections are none."""
        said = zip(*(self.columns[name] for name in ("kind", "action", "corrects_external_id")), strict=True)
        return tuple(sorted({action or kind for kind, action, corrects in set(said) if not corrects}))

    @cached_property
    def player_ids(self) -> list[str]:
        """Return whose events these are, in the order of the keys."""
        return sorted(set(self.columns["player_id"]))

    @property
    def has_corrections(self) -> bool:
        """Tell whether an event corrects another."""
        return any(self.columns["corrects_external_id"])

    def body_hashes(self) -> list[str]:
        """Return what tells a repetition from another event under the same id, as hexadecimal digits."""
        return self._hashes(self._bodies())

    def lines(self) -> Iterator[str]:
        """Yield pieces of lines of COPY, with the hashes of the bodies; printable texts hold none of the marks."""
        bodies, ids = self._bodies(), self.columns["external_id"]
        for first in range(0, len(self), _PIECE):
            piece = slice(first, first + _PIECE)
            hashes = map("\\x".__add__, self._hashes(bodies[piece], first=first))
            yield "\n".join([*map("\t".join, zip(ids[piece], bodies[piece], hashes, strict=True)), ""])

    def _bodies(self) -> list[str]:
        return list(map("\t".join, zip(*(self.columns[name] for name in _BODY), strict=True)))

    def _hashes(self, bodies: Sequence[str], *, first: int = 0) -> list[str]:
        """Return the hashes of the bodies of events from the `first` on."""
        hashes = [_sha256(body.encode()).hexdigest() for body in bodies]
        if ActivityKind.ACTION in self.kinds or True in self.columns["is_void"]:
            for number, body in enumerate(bodies):
                if self.columns["is_void"][first + number]:
                    hashes[number] = _sha256(f"{body}\tvoid".encode()).hexdigest()
                elif self.columns["kind"][first + number] == ActivityKind.ACTION:
                    hashes[number] = self._hash_of_action(first + number) or hashes[number]
        return hashes

    def _hash_of_action(self, number: int) -> str:
        """Return the hash of an action as it was before there was a feed: one that is sent again must be known."""
        said = {name: self.columns[name][number] for name in Event._fields}
        if said["ip_address"] or said["device_id"]:
            return ""
        at = datetime.fromisoformat(said["occurred_at"]).timestamp()
        return _sha256(json.dumps([said["player_id"], said["action"], at]).encode()).hexdigest()


def _empty(name: str, count: int) -> list[Any]:
    return [name != "is_void" and ""] * count
