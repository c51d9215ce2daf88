"""The steps between an empty machine and a house that serves, each of which a later run finds done."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from rich.console import Console

from core.models import Run, RunKind, RunStatus
from loyalty.fixtures import load_fixtures
from loyalty.house.sample import import_sample_players, sample_business_date
from loyalty.house.summary import print_summary
from loyalty.night import run_night
from reporting.models import DailySummary


@dataclass(frozen=True)
class Step:
    """A title, and what does the work and says in a few words what it found or did."""

    title: str
    run: Callable[[], str]


def prepare(console: Console) -> None:
    """Take every step, show how it went, and show what the night of the sample did, if it was run just now."""
    for step in STEPS:
        started = time.monotonic()
        with console.status(f"{step.title} …"):
            outcome = step.run()
        seconds = time.monotonic() - started
        done = f"[green]✓[/] [bold]{step.title:<16}[/] {outcome} [dim]{seconds:.1f} s[/]"
        console.print(done, highlight=False, soft_wrap=True)
    summary = DailySummary.objects.order_by("-on").first()
    if summary is not None:
        print_summary(console, summary)


def migrate() -> str:
    """Bring the tables up to date."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not plan:
        return "up to date"
    call_command("migrate", verbosity=0, interactive=False)
    return f"{len(plan)} migrations applied"


def load_examples() -> str:
    """Load rules, roles and users that are missing."""
    loaded = load_fixtures()
    return (
        f"{loaded.rules} rules and {loaded.options} redemption options loaded"
        if loaded.rules
        else "rules and roles are there"
    )


def run_first_night() -> str:
    """Run one night if there never was one; beat runs those that follow."""
    night = Run.objects.filter(kind=RunKind.NIGHT, status=RunStatus.SUCCEEDED).order_by("-business_date").first()
    if night is not None:
        return f"the last one was that of {night.business_date}"
    night = run_night(business_date=sample_business_date())
    return f"business date {night.business_date}"


STEPS = (
    Step("Tables", migrate),
    Step("Rules and roles", load_examples),
    Step("Sample players", import_sample_players),
    Step("The night", run_first_night),
)
