"""Constants: small tables that staff edit, read once for an operation and kept in the process while they stay the same.

A reader of such tables is declared with `@constant`, which names what it depends on. Within `constants_read_once()` one
statement takes a fingerprint of all that; the values kept for that very fingerprint are used, and read where there are
none. So a change that was committed before the block began is always obeyed by it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from threading import Lock
from typing import Any, TypeVar

from core.plans import fetch_planned

Value = TypeVar("Value")
_Values = Mapping[str, Any]
FINGERPRINTS_KEPT_MAX = 16

_READERS: dict[str, Callable[[], Any]] = {}
_SOURCES: dict[str, None] = {}
_HELD: ContextVar[_Values | None] = ContextVar("held_constants", default=None)
_KEPT: OrderedDict[str, _Values] = OrderedDict()
_LOCK = Lock()


def constant(*tables: str, sources: tuple[str, ...] = ()) -> Callable[[Callable[[], Value]], Callable[[], Value]]:
    """Declare a reader of whole tables, or of what the SQL of `sources` yields; its value must never be changed.

    Outside of `constants_read_once()` it reads anew each time.
    """

    def declare(reader: Callable[[], Value]) -> Callable[[], Value]:
        name = f"{reader.__module__}.{reader.__qualname__}"
        _READERS[name] = reader
        whole = (f"(SELECT string_agg(t::text, ',' ORDER BY t::text) FROM {table} t)" for table in tables)
        _SOURCES.update(dict.fromkeys((*whole, *sources)))

        @wraps(reader)
        def read() -> Value:
            held = _HELD.get()
            return reader() if held is None else held[name]

        return read

    return declare


@contextmanager
def constants_read_once() -> Iterator[str]:
    """Let every reader within the block give the values in force now; yield their fingerprint.

    What is built from nothing but constants and policies may be kept as long as the fingerprint stays the same.
    """
    fingerprint, values = _in_force()
    held = _HELD.set(values)
    try:
        yield fingerprint
    finally:
        _HELD.reset(held)


def _in_force() -> tuple[str, _Values]:
    fingerprint = _fingerprint()
    while (kept := _kept(fingerprint)) is None:
        values = {name: reader() for name, reader in _READERS.items()}
        # What was changed between the reads belongs to no fingerprint: it is read again.
        again = _fingerprint()
        if again == fingerprint:
            _keep(fingerprint, values)
            return fingerprint, values
        fingerprint = again
    return fingerprint, kept


def _fingerprint() -> str:
    # A digest of each, so that nothing can move from one to the next unseen.
    digests = ", ".join(f"coalesce(md5(({source})::text), '')" for source in _SOURCES)
    return str(fetch_planned(f"SELECT concat_ws('|', {digests})", [])[0][0])


def _kept(fingerprint: str) -> _Values | None:
    with _LOCK:
        values = _KEPT.get(fingerprint)
        if values is not None:
            _KEPT.move_to_end(fingerprint)
        return values


def _keep(fingerprint: str, values: _Values) -> None:
    with _LOCK:
        _KEPT[fingerprint] = values
        while len(_KEPT) > FINGERPRINTS_KEPT_MAX:
            _KEPT.popitem(last=False)
