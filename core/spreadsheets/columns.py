"""Find known columns by their names, however people write them."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SEPARATORS = re.compile(r"[\W_]+", re.UNICODE)


class CellKind(StrEnum):
    """What a column holds, as far as reading is concerned."""

    ID = "id"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column the caller knows. A weak alias gives way to a better name in the same file; an alias clashes with it."""

    name: str
    kind: CellKind
    aliases: tuple[str, ...] = ()
    weak_aliases: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    """Unit words that may follow the name: total_wagered (EUR)."""
    is_required: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: dict[str, Any]) -> Column:
        lists = {key: tuple(stored[key]) for key in ("aliases", "weak_aliases", "units")}
        return cls(**{**stored, **lists, "kind": CellKind(stored["kind"])})


@dataclass(frozen=True, kw_only=True)
class FoundColumn:
    """A known column in a file: where it stands and how the file calls it."""

    name: str
    index: int
    header: str


@dataclass(kw_only=True)
class HeaderMatch:
    """What one row would mean as the header."""

    found: list[FoundColumn] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    clashes: list[tuple[str, str, str]] = field(default_factory=list)
    """Column, and the two headings that both mean it."""
    missing: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        return not self.missing


def normalize_heading(text: str) -> str:
    """Return a heading as lower-case words joined by underscores: `Total Wagered (€)` becomes `total_wagered_€`.

    Currency and percent signs stay as words of their own, so that a unit is never dropped unseen.
    """
    text = unicodedata.normalize("NFKC", text).replace("\ufeff", "").replace("\u200b", "")
    text = _CAMEL.sub("_", text)
    pieces = [f"_{c}_" if unicodedata.category(c) == "Sc" or c in "%‰" else _SEPARATORS.sub("_", c) for c in text]
    return re.sub("_+", "_", "".join(pieces)).strip("_").casefold()


def letter_of(index: int) -> str:
    """Return a column's letters as spreadsheets show them: 0 is A, 26 is AA."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters


def match_header(cells: Sequence[str], columns: Sequence[Column]) -> HeaderMatch:
    """Return which of the known columns this row names."""
    match = HeaderMatch()
    vocabulary = _Vocabulary(columns)
    claims = [(index, text, vocabulary.look_up(text)) for index, text in enumerate(cells)]
    best: dict[str, tuple[int, int, str]] = {}
    for index, text, claim in claims:
        if claim is None:
            match.unknown += [text.strip()] if text.strip() else []
            continue
        name, weakness = claim
        _claim(match, best, name=name, candidate=(weakness, index, text.strip()))
    match.found = [
        FoundColumn(name=column.name, index=best[column.name][1], header=best[column.name][2])
        for column in columns
        if column.name in best
    ]
    match.missing = [column.name for column in columns if column.is_required and column.name not in best]
    return match


def nearest_heading(name: str, headings: Sequence[str]) -> str | None:
    """Return the heading most like `name`, or None where none is."""
    by_normal = {normalize_heading(heading): heading for heading in headings if heading.strip()}
    close = difflib.get_close_matches(name, by_normal, n=1, cutoff=0.5)
    return by_normal[close[0]].strip() if close else None


def _claim(
    match: HeaderMatch, best: dict[str, tuple[int, int, str]], *, name: str, candidate: tuple[int, int, str]
) -> None:
    """Let the better name win a column; equally good names clash."""
    held = best.get(name)
    if held is None:
        best[name] = candidate
    elif held[0] == candidate[0] or 2 not in (held[0], candidate[0]):
        match.clashes.append((name, held[2], candidate[2]))
    else:
        loser = max(held, candidate)
        best[name] = min(held, candidate)
        match.unknown.append(loser[2])


class _Vocabulary:
    """Every accepted spelling with the column it means and how weak it is: 0 the name, 1 an alias, 2 a weak alias."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._by_heading: dict[str, tuple[str, int]] = {}
        self._units = {column.name: {normalize_heading(unit) for unit in column.units} for column in columns}
        for column in columns:
            for weakness, spellings in enumerate(((column.name,), column.aliases, column.weak_aliases)):
                for spelling in spellings:
                    self._by_heading.setdefault(normalize_heading(spelling), (column.name, weakness))

    def look_up(self, text: str) -> tuple[str, int] | None:
        heading = normalize_heading(text)
        if heading in self._by_heading:
            return self._by_heading[heading]
        stem, _, unit = heading.rpartition("_")
        claim = self._by_heading.get(stem.removesuffix("_in"))
        return claim if claim and unit in self._units[claim[0]] else None
