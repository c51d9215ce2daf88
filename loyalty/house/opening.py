"""The steps between an empty machine and a house that serves, each of which a second run finds done."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console


@dataclass(frozen=True)
class Step:
    """A title, and what does the work and says in a few words what it found or did."""

    title: str
    run: Callable[[], str]


def prepare(console: Console) -> None:
    """Take every step and show how it went."""
    for step in STEPS:
        started = time.monotonic()
        with console.status(f"{step.title} …"):
            outcome = step.run()
        seconds = time.monotonic() - started
        console.print(f"[green]✓[/] [bold]{step.title:<16}[/] {outcome} [dim]{seconds:.1f} s[/]", highlight=False)


def migrate() -> str:
    """Bring the tables up to date."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return "up to date"
    call_command("migrate", verbosity=0, interactive=False)
    return f"{len(plan)} migrations applied"


STEPS = (Step("Tables", migrate),)
