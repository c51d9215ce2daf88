"""Run the bench: `python -m bench --players 1000000 --only night,importing`."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from loyalty.embedded import start_needed_servers

if TYPE_CHECKING:
    from bench.measuring import Line
    from bench.stand import Stand

WORKS = (
    "importing",
    "workbooks",
    "activity",
    "segmentation",
    "evaluation",
    "safety",
    "night",
    "backtesting",
    "live",
    "detection",
    "floors",
    "wallet",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure the works asked for, show the table, and write it where it is whole."""
    chosen = _parser().parse_args(arguments)
    _prepare_django()
    from django.utils import timezone

    from bench import report
    from bench.stand import Stand

    started_at = timezone.now()
    surroundings = report.look_around(players=chosen.players, started_at=started_at)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stand = Stand(
            players=chosen.players,
            prefix=chosen.database,
            workers=chosen.workers,
            folder=Path(folder),
            # Two more days are played, and the last must be over.
            on=timezone.localdate() - timedelta(days=3),
            say=_narrator(),
        )
        lines, failures = _measure(stand, works=chosen.only, reuse=chosen.reuse, keep=chosen.keep)
    report.show(lines, surroundings=surroundings)
    if chosen.results:
        report.write(lines, surroundings=surroundings, file=chosen.results)
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--players", type=_positive, default=1_000_000, help="how many players are generated")
    parser.add_argument("--only", type=_works, default=WORKS, help=f"some works alone, of {','.join(WORKS)}")
    parser.add_argument("--workers", type=_positive, default=2, help="processes that share a night")
    parser.add_argument("--keep", action="store_true", help="leave the generated populations for the next run")
    parser.add_argument("--reuse", action="store_true", help="take populations that an earlier run left")
    parser.add_argument("--database", default="loyalty_bench", help="how the names of its databases begin")
    parser.add_argument("--results", type=Path, help="also write the table to this file, as Markdown")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: a whole number of at least 1 is needed")
    return number


def _works(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = [name for name in names if name not in WORKS]
    if unknown:
        raise argparse.ArgumentTypeError(f"{unknown[0]!r} is no work; there are {', '.join(WORKS)}")
    return names


def _prepare_django() -> None:
    """Start the servers and set Django up as in production: with DEBUG it would keep every query in memory."""
    start_needed_servers()
    os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty.settings"
    os.environ.update(DEBUG="false", HTTPS_ONLY="false", SECRET_KEY="bench " * 10, LOG_LEVEL="ERROR")
    # Nothing is served here, so nobody has collected static files.
    warnings.filterwarnings("ignore", message="No directory at", category=UserWarning)
    import django

    django.setup()


def _narrator() -> Callable[[str], None]:
    """Return a function that says what is going on and since when the bench runs."""
    from rich.console import Console

    console, started = Console(stderr=True, highlight=False), time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - started:7.1f} s  {text}[/]")

    return say


def _measure(stand: Stand, *, works: Sequence[str], reuse: bool, keep: bool) -> tuple[list[Line], list[str]]:
    """Return the lines of all works and the names of those that broke off; the others are measured all the same."""
    lines: list[Line] = []
    failures = []
    if not reuse:
        stand.clear()
    try:
        for name in works:
            try:
                lines.extend(_lines_of(name, stand))
            except Exception:  # noqa: BLE001 - an hour's figures must not be lost to the last work
                traceback.print_exc()
                failures.append(name)
    finally:
        if not keep:
            stand.clear()
    return lines, failures


def _lines_of(name: str, stand: Stand) -> Iterator[Line]:
    for line in import_module(f"bench.works.{name}").measure(stand):
        stand.say(f"[bold]{line.work}[/]: {line.seconds:.3f} s, {line.rate}, {line.verdict}")
        yield line


if __name__ == "__main__":
    sys.exit(main())
