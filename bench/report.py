"""The table on the terminal and in `bench/results.md`."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from bench import database
from bench.measuring import Line, Verdict

RESULTS = Path(__file__).parent / "results.md"
_HEADINGS = (
    "work",
    "seconds",
    "rate",
    "limit",
    "limit's seconds",
    "ratio",
    "promised",
    "peer",
    "peer's seconds",
    "ratio",
    "promised",
    "peak memory",
    "promise",
)
_COLOURS = {Verdict.MET: "green", Verdict.MISSED: "bold red", Verdict.SHOWN: "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Where and when the figures were taken."""

    players: int
    started_at: datetime
    settings: dict[str, str]
    cores: int
    memory_gigabytes: float
    load_before: float

    def sentences(self) -> list[str]:
        settings = ", ".join(f"{name} {value}" for name, value in self.settings.items())
        return [
            f"{self.players:,} players, {self.started_at:%Y-%m-%d %H:%M} UTC.",
            f"{self.cores} cores, {self.memory_gigabytes:.0f} GB, {platform.machine()}.",
            f"Python {platform.python_version()}. Load average before the start: {self.load_before:.1f}.",
            f"PostgreSQL: {settings}.",
        ]


def look_around(*, players: int, started_at: datetime) -> Surroundings:
    """Return the surroundings as they are now."""
    return Surroundings(
        players=players,
        started_at=started_at,
        settings=database.server_settings(),
        cores=len(os.sched_getaffinity(0)),
        memory_gigabytes=psutil.virtual_memory().total / 1024**3,
        load_before=os.getloadavg()[0],
    )


def show(lines: Sequence[Line], *, surroundings: Surroundings) -> None:
    """Print the table, the notes under it, and where it was measured."""
    console = Console(highlight=False)
    table = Table(title="Speed and memory", show_lines=True)
    for heading in ("work", "took", "limit", "peer", "memory", "promise"):
        table.add_column(heading)
    for line in lines:
        colour = _COLOURS[line.verdict]
        table.add_row(*_short_cells(line), f"[{colour}]{line.verdict}[/]")
    console.print(table)
    for sentence in [*_notes(lines), *surroundings.sentences()]:
        console.print(sentence)


def write(lines: Sequence[Line], *, surroundings: Surroundings, file: Path = RESULTS) -> None:
    """Write the same as Markdown."""
    rows = [_HEADINGS, ["---"] * len(_HEADINGS), *(_cells(line) for line in lines)]
    table = "\n".join("| " + " | ".join(row) + " |" for row in rows)
    notes = "\n".join(f"- {note}" for note in _notes(lines))
    text = f"""# Results of the bench

Written by `make bench`; every ratio is of two figures of the same run. How to read it: [README.md](README.md).

{chr(10).join(surroundings.sentences())}

{table}

## Notes

{notes}
"""
    file.write_text(text)


def _short_cells(line: Line) -> list[str]:
    """Return what fits a terminal: two lines a cell."""
    limit, peer = line.limit, line.peer
    return [
        line.work,
        f"{_seconds(line.seconds)} s\n{line.rate}",
        f"{_ratio(line.limit_ratio)} (≤ {limit.times:g} ×)\n{limit.name}: {_seconds(limit.seconds)} s" if limit else "",
        f"{_ratio(line.peer_ratio)} (≥ {peer.times:g} ×)\n{peer.name}: {_seconds(peer.seconds)} s" if peer else "",
        _megabytes(line),
    ]


def _cells(line: Line) -> list[str]:
    """Return the cells of the written table."""
    limit, peer = line.limit, line.peer
    return [
        line.work,
        _seconds(line.seconds),
        line.rate,
        limit.name if limit else "",
        _seconds(limit.seconds) if limit else "",
        _ratio(line.limit_ratio),
        f"≤ {limit.times:g} ×" if limit else "",
        peer.name if peer else "",
        _seconds(peer.seconds) if peer else "",
        _ratio(line.peer_ratio),
        f"≥ {peer.times:g} ×" if peer else "",
        _megabytes(line),
        line.verdict.value,
    ]


def _megabytes(line: Line) -> str:
    if line.memory is None:
        return ""
    most = "" if line.memory.most is None else f" of < {line.memory.most:.0f}"
    return f"{line.memory.megabytes:.0f} MB{most}"


def _notes(lines: Sequence[Line]) -> list[str]:
    return [f"{line.work}: {line.note}" for line in lines if line.note]


def _seconds(seconds: float) -> str:
    if seconds >= 100:
        return f"{seconds:,.0f}"
    return f"{seconds:.2f}" if seconds >= 1 else f"{seconds:.4f}"


def _ratio(ratio: float | None) -> str:
    if ratio is None:
        return ""
    return f"{ratio:,.0f} ×" if ratio >= 100 else f"{ratio:.2f} ×"
