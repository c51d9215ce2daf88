"""Import a file of events from the command line, through the feed."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import LoyaltyError
from loyalty.activity_files import take_rows
from players.activity import EVENTS_MAX, ActivityRefusedError, EventProblem
from players.activity.events import FIELDS
from players.activity.files import FieldMapping, RowsOfEvents, events_of_file

_PROBLEMS_SHOWN_MAX = 50


class Command(BaseCommand):
    """Import one file; the exit code is 1 where rows were refused. Run again, it goes on: what is known is ignored."""

    help = (
        "Import events from .csv, .csv.gz, .xlsx, .xls or .ods. Each batch of rows is stored whole or, where one of "
        "its rows is wrong, not at all; what is stored already is ignored, so an interrupted file is imported again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the file")
        parser.add_argument("--source", required=True, help="who reports: ids of events are unique for their source")
        parser.add_argument(
            "--map",
            nargs="+",
            action="extend",
            default=[],
            type=_pair,
            metavar="COLUMN=FIELD",
            help=f"what a column of the file is; fields are {', '.join(FIELDS)}",
        )
        parser.add_argument(
            "--set",
            nargs="+",
            action="extend",
            default=[],
            type=_pair,
            metavar="FIELD=VALUE",
            help="what every row is, where the file does not say it: kind=WAGER",
        )
        parser.add_argument("--batch-size", type=int, default=EVENTS_MAX, help=f"rows a batch, 1 to {EVENTS_MAX}")
        parser.add_argument("--create-players", action="store_true", help="make players whom nobody knows")
        parser.add_argument("--skip-bad-rows", action="store_true", help="store the good rows of a batch with bad ones")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["batch_size"] <= EVENTS_MAX:
            raise CommandError(f"--batch-size is {options['batch_size']}: 1 to {EVENTS_MAX} is needed")
        mapping = FieldMapping(columns=dict(options["map"]), constants=dict(options["set"]))
        counts: Counter[str] = Counter()
        try:
            with events_of_file(options["file"], mapping, size=options["batch_size"]) as batches:
                for batch in batches:
                    self._take(batch, counts, options)
        except LoyaltyError as error:
            raise CommandError(f"{error.message}\n{_told(counts)}") from None
        self.stdout.write(_told(counts))
        if counts["refused"]:
            raise CommandError(f"{counts['refused']:,} rows were refused; mend them and import the file again")

    def _take(self, batch: RowsOfEvents, counts: Counter[str], options: dict[str, Any]) -> None:
        counts["rounded"] += batch.rounded
        try:
            outcome = take_rows(
                batch,
                source=options["source"],
                create_players=True if options["create_players"] else None,
                skip_bad_rows=options["skip_bad_rows"],
            )
        except ActivityRefusedError as error:
            bad = self._tell(error.found, batch, counts)
            counts["left out with them"] += len(batch.events) - bad
            return
        self._tell(outcome.refused, batch, counts)
        counts["stored"] += outcome.recorded.stored
        counts["known already"] += outcome.recorded.repeated
        counts["listed as exceptions"] += len(outcome.recorded.listed)

    def _tell(self, problems: Sequence[EventProblem], batch: RowsOfEvents, counts: Counter[str]) -> int:
        """Say what is wrong with which rows; return how many rows."""
        for problem in problems:
            if counts["shown"] < _PROBLEMS_SHOWN_MAX:
                counts["shown"] += 1
                row = batch.row_numbers[problem.index]
                where = f"row {row}, {batch.headings.get(problem.field, problem.field)}".removesuffix(", ")
                self.stderr.write(f"{where}: {problem.message}")
            elif counts["shown"] == _PROBLEMS_SHOWN_MAX:
                counts["shown"] += 1
                self.stderr.write("… and more")
        bad = len({problem.index for problem in problems})
        counts["refused"] += bad
        return bad


def _pair(text: str) -> tuple[str, str]:
    left, sign, right = text.partition("=")
    if not (sign and left and right):
        raise ArgumentTypeError(f"{text!r}: two words with = between them are needed, such as Bet=amount")
    return left, right


_TOLD = ("stored", "known already", "listed as exceptions", "refused", "left out with them", "rounded")


def _told(counts: Counter[str]) -> str:
    return ", ".join(f"{counts[name]:,} {name}" for name in _TOLD if counts[name] or name == "stored")
