"""Import a spreadsheet of players' totals from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import LoyaltyError
from players.importing import ImportOptions, ImportRefusedError, ImportSummary, check_import, import_players
from players.importing.dates import DateOrder
from players.importing.numbers import DecimalSign
from players.importing.problems import Problem

_PROBLEMS_SHOWN_MAX = 20
_SIGNS = {"point": DecimalSign.POINT, "comma": DecimalSign.COMMA}
_ORDERS = {"day-first": DateOrder.DAY_FIRST, "month-first": DateOrder.MONTH_FIRST}


class Command(BaseCommand):
    """Import one file; the exit code is 0 when it was imported or known already, 1 when it was refused."""

    help = "Import players and their totals from .xlsx, .xls, .ods, .csv or .tsv. A file with problems imports nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the spreadsheet")
        parser.add_argument("--check", action="store_true", help="say what is wrong and import nothing")
        parser.add_argument(
            "--skip-bad-rows", action="store_true", help="import the good rows and keep the bad ones in a .csv file"
        )
        parser.add_argument("--allow-decrease", action="store_true", help="take totals smaller than the known ones")
        parser.add_argument("--force", action="store_true", help="import content again that was imported before")
        parser.add_argument("--sheet", default="", help="the sheet to read, where more than one has the columns")
        parser.add_argument("--encoding", default="", help="the encoding of a text file, for example cp1250")
        parser.add_argument("--delimiter", default="", help="comma, semicolon, tab or bar")
        parser.add_argument("--decimal", choices=_SIGNS, help="the decimal sign, where the file does not tell")
        parser.add_argument("--dates", choices=_ORDERS, help="the order in 03/04/2025, where the file does not tell")
        parser.add_argument("--as-of", type=date.fromisoformat, help="the date the totals are as of (today)")

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]
        chosen = _options(options)
        try:
            if options["check"]:
                _check(console, options["file"], chosen)
            else:
                _show_summary(console, import_players(options["file"], options=chosen))
        except ImportRefusedError as error:
            _show_problems(console, error.problems)
            _show_rejected_file(console, error)
            raise CommandError(str(error)) from error
        except LoyaltyError as error:
            raise CommandError(str(error)) from error


def _options(given: dict[str, Any]) -> ImportOptions:
    return ImportOptions(
        skip_bad_rows=given["skip_bad_rows"],
        allow_decrease=given["allow_decrease"],
        force=given["force"],
        sheet=given["sheet"],
        encoding=given["encoding"],
        delimiter=given["delimiter"],
        decimal_sign=_SIGNS.get(given["decimal"] or "", DecimalSign.UNKNOWN),
        date_order=_ORDERS.get(given["dates"] or "", DateOrder.UNKNOWN),
        as_of=given["as_of"],
    )


def _check(console: Console, path: str, options: ImportOptions) -> None:
    outcome = check_import(path, options=options)
    _show_notices(console, [notice.message for notice in outcome.notices])
    if outcome.problems:
        _show_problems(console, outcome.problems)
        raise CommandError(f"{outcome.counts['problems']:,} problems in {outcome.counts['rejected']:,} rows")
    console.print(f"[green]✓[/] {outcome.counts['rows_read']:,} rows could be imported")


def _show_summary(console: Console, summary: ImportSummary) -> None:
    _show_notices(console, [notice["message"] for notice in summary.notices])
    if summary.is_already_imported:
        console.print(f"[yellow]=[/] {escape(summary.file_name)} was imported before: nothing changed")
        return
    if summary.problems:
        _show_problems(console, summary.problems)
    title = f"{escape(summary.file_name)}, import {summary.job_id}"
    table = Table(title=title, show_header=False, title_justify="left")
    for label, count in (
        ("rows read", summary.rows_read),
        ("players new", summary.players_inserted),
        ("players changed", summary.players_updated),
        ("players unchanged", summary.players_unchanged),
        ("days estimated", summary.days_estimated),
        ("rows rejected", summary.rows_rejected),
    ):
        table.add_row(label, f"[bold]{count:>12,}[/]")
    console.print(table)
    if summary.rejected_file:
        console.print(f"The rejected rows with their reasons are in the media folder: {summary.rejected_file}")


def _show_notices(console: Console, messages: list[str]) -> None:
    for message in messages:
        console.print("[yellow]![/]", escape(message))


def _show_problems(console: Console, problems: list[Problem]) -> None:
    table = Table("row", "column", "value", "what is wrong", title="Problems", title_justify="left")
    for problem in problems[:_PROBLEMS_SHOWN_MAX]:
        row = "" if problem["row"] is None else str(problem["row"])
        table.add_row(row, *(escape(problem[key]) for key in ("column", "value", "message")))
    console.print(table)
    if len(problems) > _PROBLEMS_SHOWN_MAX:
        console.print(f"… and {len(problems) - _PROBLEMS_SHOWN_MAX:,} more")


def _show_rejected_file(console: Console, error: ImportRefusedError) -> None:
    if error.job and error.job.rejected_file:
        console.print(f"All of them are in the media folder: {error.job.rejected_file.name}")
