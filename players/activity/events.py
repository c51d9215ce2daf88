"""Reading reported events: what each kind consists of, and everything that is wrong with one."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property
from operator import attrgetter
from typing import Any

from players.activity.batch import Batch, Columns, Event
from players.activity.columns import alike, read_plain
from players.activity.fields import (
    FieldRefusedError,
    read_action,
    read_address,
    read_amount,
    read_currency,
    read_flag,
    read_id,
    read_moment,
    read_player_id,
)
from players.activity.problems import EventProblem, shown
from players.models import ActivityKind, GameCategory
from players.policies import OPERATOR_CURRENCY

EVENTS_MAX = 10_000
_ALIKE_MIN = 20
"""Fewer events are read quicker one by one."""
SESSION_DAYS_MAX = 7
CLOCKS_APART_MAX = timedelta(minutes=5)

Reader = Callable[[Any], Any]
_COMMON: dict[str, Reader] = {
    "kind": str,
    "external_id": read_id,
    "player_id": read_player_id,
    "occurred_at": read_moment,
    "ip_address": read_address,
    "device_id": read_id,
}
_CORRECTION: dict[str, Reader] = {"corrects_external_id": read_id, "void": read_flag}
_MONEY: dict[str, Reader] = {**_COMMON, **_CORRECTION, "amount": read_amount, "currency": read_currency}
_BET: dict[str, Reader] = {**_MONEY, "bonus_amount": read_amount, "bet_id": read_id, "game_category": read_id}
READERS: dict[str, dict[str, Reader]] = {
    ActivityKind.DEPOSIT.value: _MONEY,
    ActivityKind.WITHDRAWAL.value: _MONEY,
    ActivityKind.WAGER.value: _BET,
    ActivityKind.WIN.value: _BET,
    ActivityKind.SESSION.value: {**_COMMON, **_CORRECTION, "ended_at": read_moment},
    ActivityKind.ACTION.value: {**_COMMON, "action": read_action},
}
FIELDS = tuple(dict.fromkeys(name for readers in READERS.values() for name in readers))
_NEEDED = ("external_id", "player_id", "occurred_at")


class EventReader:
    """Reads the events of one batch; `problems` is everything that was wrong with them."""

    def __init__(self, *, at: datetime) -> None:
        self._latest = at + CLOCKS_APART_MAX
        self._latest_text = read_moment(self._latest)
        self.problems: list[EventProblem] = []
        self.repeated = 0

    @cached_property
    def _categories(self) -> frozenset[str]:
        return frozenset(GameCategory.objects.values_list("code", flat=True))

    @cached_property
    def _currency(self) -> str:
        return OPERATOR_CURRENCY.value()

    def read(self, events: Sequence[Any]) -> Batch:
        """Return the events that can be stored; one that says the same as one before it counts as repeated."""
        parts, rest = self._read_alike(events)
        looked_at = [event for place in rest if (event := self._read_one(place, events[place])) is not None]
        batch = Batch.joined([*parts, Batch.of(looked_at).columns]) if parts else Batch.of(looked_at)
        if len(set(batch.columns["external_id"])) < len(batch):
            batch = self._without_repetitions(batch)
        self.problems.sort(key=attrgetter("index"))
        return batch

    def _without_repetitions(self, batch: Batch) -> Batch:
        events = batch.events()
        by_id = {event.external_id: event for event in reversed(events)}
        for event in events:
            if by_id[event.external_id] is not event:
                self._repetition(by_id[event.external_id], event)
        return Batch.of([event for event in events if by_id[event.external_id] is event])

    def _read_alike(self, events: Sequence[Any]) -> tuple[list[Columns], Sequence[int]]:
        """Return the events with nothing to say about, and the places of those to be looked at one by one."""
        if len(events) < _ALIKE_MIN:
            return [], range(len(events))
        found: list[Columns] = []
        rest: list[int] = []
        groups = alike(events)
        for places in groups.values():
            columns = read_plain(
                [events[place] for place in places],
                latest=self._latest,
                categories=lambda: self._categories,
                currency=lambda: self._currency,
                days_max=SESSION_DAYS_MAX,
            )
            if columns is not None:
                found.append({"place": places, **columns})
            else:
                rest += places
        if sum(map(len, groups.values())) < len(events):
            rest += [place for place, raw in enumerate(events) if type(raw) is not dict]
        return found, sorted(rest)

    def _repetition(self, first: Event, event: Event) -> None:
        if first[1:] == event[1:]:
            self.repeated += 1
        else:
            message = f"is {event.external_id!r}, as in events[{first.place}], which says something else"
            self._refuse(event.place, "external_id", f"{message}; every event needs an id of its own", event)

    def _read_one(self, index: int, raw: Any) -> Event | None:
        kind = raw.get("kind") if type(raw) is dict or isinstance(raw, Mapping) else None
        readers = READERS.get(kind) if isinstance(kind, str) else None
        if readers is None or not isinstance(kind, str):
            self._refuse_shape(index, raw)
            return None
        values: dict[str, Any] = {}
        found = len(self.problems)
        for name, value in raw.items():
            if value is None or value == "":
                continue
            try:
                values[name] = readers[name](value)
            except KeyError:
                self._refuse(index, str(name)[:60], _unknown_field(str(name)[:60], kind=kind), raw)
            except FieldRefusedError as error:
                self._refuse(index, name, str(error), raw)
        if len(self.problems) == found and not self._is_plain(values):
            self._check_whole(index, values, raw)
        return _event(index, values) if len(self.problems) == found else None

    def _is_plain(self, values: dict[str, Any]) -> bool:
        """Tell quickly of most events that nothing is wrong; the others are looked at closely."""
        get = values.get
        amount = get("amount", "0.00")
        return (
            amount != "0.00"
            and "external_id" in values
            and "player_id" in values
            and get("occurred_at", "A") <= self._latest_text
            and "bonus_amount" not in values
            and "void" not in values
            and "currency" not in values
            and "corrects_external_id" not in values
            and ("game_category" not in values or values["game_category"] in self._categories)
        )

    def _refuse_shape(self, index: int, raw: Any) -> None:
        if not isinstance(raw, Mapping):
            self._refuse(index, "", f"is {shown(raw)}: an object with the fields of an event is needed", None)
        else:
            given = f"is {shown(raw['kind'])}" if "kind" in raw else "is missing"
            self._refuse(index, "kind", f"{given}: one of {', '.join(READERS)} is needed", raw)

    def _check_whole(self, index: int, values: dict[str, Any], raw: Any) -> None:
        """Note what is wrong with an event although each of its fields can be read."""
        kind = values["kind"]
        for name in _NEEDED:
            if name not in values:
                self._refuse(index, name, "is missing: every event needs one", raw)
        if (values.get("occurred_at") or "") > self._latest_text:
            self._refuse(index, "occurred_at", f"is {shown(values['occurred_at'])}, which is still to come", raw)
        check = _CORRECTED if values.get("corrects_external_id") else _CHECKS.get(kind, _check_money)
        for name, message in check(values):
            self._refuse(index, name, message, raw)
        if "game_category" in values and values["game_category"] not in self._categories:
            known = ", ".join(sorted(self._categories))
            self._refuse(index, "game_category", f"is {shown(values['game_category'])}: one of {known} is needed", raw)
        if values.get("currency", self._currency) != self._currency:
            message = (
                f"is {values['currency']}: amounts are in {self._currency}, the operator's one currency; convert them"
            )
            self._refuse(index, "currency", message, raw)
        if (values.get("ended_at") or "") > self._latest_text:
            self._refuse(index, "ended_at", f"is {shown(values['ended_at'])}, which is still to come", raw)

    def _refuse(self, index: int, field: str, message: str, raw: Any) -> None:
        external_id = raw.external_id if isinstance(raw, Event) else raw.get("external_id") if raw else ""
        named = external_id if isinstance(external_id, str) else ""
        self.problems.append(EventProblem(index=index, field=field, message=message, external_id=named[:100]))


Findings = list[tuple[str, str]]


def _check_money(values: Mapping[str, Any]) -> Findings:
    return [*_no_void(values), *_missing(values, "amount"), *_check_bonus(values), *_check_positive(values)]


def _check_session(values: Mapping[str, Any]) -> Findings:
    found = [*_no_void(values), *_missing(values, "ended_at")]
    if "ended_at" in values and "occurred_at" in values:
        found += session_findings(values["occurred_at"], values["ended_at"])
    return found


def _check_action(values: Mapping[str, Any]) -> Findings:
    return _missing(values, "action")


def _check_correction(values: Mapping[str, Any]) -> Findings:
    """A correction says the event as it should have been, or that it never was."""
    says = "ended_at" if values["kind"] == ActivityKind.SESSION else "amount"
    if values.get("void"):
        return [
            (name, "says how much, and void that it never was: give one of the two")
            for name in (says, "bonus_amount")
            if name in values
        ]
    if values.get("external_id") == values["corrects_external_id"]:
        return [("corrects_external_id", "is the event's own id: a correction has an id of its own")]
    return [*_missing(values, says), *_check_bonus(values)]


_CHECKS: dict[str, Callable[[Mapping[str, Any]], Findings]] = {
    ActivityKind.SESSION.value: _check_session,
    ActivityKind.ACTION.value: _check_action,
}
_CORRECTED = _check_correction


def _no_void(values: Mapping[str, Any]) -> Findings:
    if not values.get("void"):
        return []
    return [("corrects_external_id", "is missing: void says that another event never was, and needs its id")]


def _missing(values: Mapping[str, Any], name: str) -> Findings:
    return [] if name in values else [(name, f"is missing: {_named(values['kind'])} needs one")]


def _named(kind: str) -> str:
    return f"{'an' if kind[0] == 'A' else 'a'} {kind}"


def _check_positive(values: Mapping[str, Any]) -> Findings:
    if values.get("amount") != "0.00" or values["kind"] == ActivityKind.WIN:
        return []
    return [("amount", "is 0.00: more than zero is needed")]


def _check_bonus(values: Mapping[str, Any]) -> Findings:
    bonus, amount = values.get("bonus_amount"), values.get("amount")
    if bonus is None or amount is None or (len(bonus), bonus) <= (len(amount), amount):
        return []
    return [("bonus_amount", f"is {bonus}: it is part of the amount, {amount}, and cannot be more")]


def session_findings(began_at: str, ended_at: str) -> Findings:
    """Return what is wrong with the end of a session that began at a time."""
    lasted = datetime.fromisoformat(ended_at) - datetime.fromisoformat(began_at)
    if timedelta(0) <= lasted <= timedelta(days=SESSION_DAYS_MAX):
        return []
    return [("ended_at", f"is {ended_at}: 0 to {SESSION_DAYS_MAX} days after the beginning, {began_at}, is needed")]


def _unknown_field(name: str, *, kind: str) -> str:
    if name in FIELDS:
        return f"does not belong to {_named(kind)}, which has {', '.join(READERS[kind])}"
    close = difflib.get_close_matches(name, READERS[kind], n=1, cutoff=0.6)
    hint = f"did you mean {close[0]!r}?" if close else f"{_named(kind)} has {', '.join(READERS[kind])}"
    return f"is not known; {hint}"


def _event(index: int, values: dict[str, Any]) -> Event:
    get = values.get
    return Event._make(
        (
            index,
            values["external_id"],
            values["player_id"],
            values["kind"],
            values["occurred_at"],
            get("amount", ""),
            get("bonus_amount", ""),
            get("bet_id", ""),
            get("game_category", ""),
            get("ended_at", ""),
            get("ip_address", ""),
            get("device_id", ""),
            get("action", ""),
            get("corrects_external_id", ""),
            get("void", False),
        )
    )
