"""Run the night by hand, with a progress bar."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date, timedelta
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core.models import Run, RunChunk, RunStatus, RunStep
from core.runs import step_counts
from loyalty.night import run_night
from loyalty.pipeline import night_steps, open_night, work_on_night


class Command(BaseCommand):
    help = "Run the night of a business date (yesterday by default): measure, segment, rank, reward, reconcile."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--date", help="The business date, YYYY-MM-DD.")
        parser.add_argument("--workers", type=int, help="How many processes share the work.")
        parser.add_argument("--join", type=int, help="Work on a night that another process started.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["join"]:
            work_on_night(Run.objects.get(pk=options["join"]))
            return
        on = _business_date(options["date"])
        if options["workers"] is not None and not 1 <= options["workers"] <= 64:
            raise CommandError(f"--workers is {options['workers']}: 1 to 64 processes are possible")
        console = Console(file=cast(TextIO, self.stdout))
        run = open_night(business_date=on)
        if run.status == RunStatus.SUCCEEDED:
            console.print(f"The night of {on} has run already (run {run.pk}); nothing was given again.")
        else:
            with _progress(console) as progress:
                bar = progress.add_task("opening", total=len(night_steps(run)))
                run = run_night(
                    business_date=on,
                    workers=options["workers"],
                    on_chunk=lambda step: progress.update(bar, description=_described(step), completed=step.position),
                )
                progress.update(bar, description="done", completed=len(night_steps(run)))
        console.print(night_table(run))


def _business_date(given: str | None) -> date:
    if given is None:
        return timezone.localdate() - timedelta(days=1)
    try:
        on = parse_date(given)
    except ValueError:
        on = None
    if on is None:
        raise CommandError(f"--date is {given!r}: a date such as 2025-12-21 is needed")
    return on


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<44}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )


def _described(step: RunStep) -> str:
    chunks = RunChunk.objects.filter(step=step)
    return f"{step.name} ({chunks.filter(is_done=True).count()}/{chunks.count()})"


def night_table(run: Run) -> Table:
    """Return what a night did, a row per step."""
    table = Table(title=f"Night of {run.business_date}")
    table.add_column("step")
    table.add_column("what it did")
    table.add_column("seconds", justify="right")
    steps = {step.name: step for step in RunStep.objects.filter(run=run)}
    for name, counts in step_counts(run).items():
        step = steps[name]
        seconds = (step.finished_at - step.started_at).total_seconds() if step.finished_at else 0
        told = ", ".join(f"{count:,} {what}" for what, count in counts.items())
        table.add_row(name, told, f"{seconds:.1f}")
    return table
