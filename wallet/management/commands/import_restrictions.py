"""Restrict the players of a register's list from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from core.errors import LoyaltyError
from players.models import RestrictionKind
from players.restrictions.register import RegisterList, RegisterProblem, RegisterRefusedError
from wallet.restricting import import_restrictions

_PROBLEMS_SHOWN_MAX = 50


class Command(BaseCommand):
    """Restrict everybody on the list; the exit code is 1 and nothing is stored where a row is wrong."""

    help = (
        "Restrict the players of a list (.xlsx, .xls, .ods, .csv, .tsv) with the columns external_reference and "
        "player_id or email, and optionally kind, starts_at, until, reason. The same list again changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="the list")
        parser.add_argument("--source", required=True, help="whose list it is; references are unique within it")
        parser.add_argument(
            "--kind", default=RestrictionKind.SELF_EXCLUDED, choices=RestrictionKind.values, help="for rows without one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        console = Console(file=self.stdout, highlight=False)  # type: ignore[arg-type]
        register = RegisterList(path=Path(options["file"]), source=options["source"], kind=options["kind"])
        try:
            counts = import_restrictions(register)
        except RegisterRefusedError as error:
            _show_problems(console, error.problems)
            raise CommandError(error.message) from error
        except LoyaltyError as error:
            raise CommandError(error.message) from error
        table = Table(title=escape(register.path.name), show_header=False, title_justify="left")
        for label, count in counts.items():
            table.add_row(label, f"[bold]{count:>12,}[/]")
        console.print(table)


def _show_problems(console: Console, problems: list[RegisterProblem]) -> None:
    table = Table("row", "column", "value", "what is wrong", title="Problems", title_justify="left")
    for problem in problems[:_PROBLEMS_SHOWN_MAX]:
        table.add_row(str(problem.row), problem.column, escape(problem.value), escape(problem.message))
    console.print(table)
    if len(problems) > _PROBLEMS_SHOWN_MAX:
        console.print(f"… and {len(problems) - _PROBLEMS_SHOWN_MAX:,} more")
