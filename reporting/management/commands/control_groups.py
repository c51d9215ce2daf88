"""Measure the control groups in force, for houses where the page would wait too long for it."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from reporting.control_groups import measure_control_groups


class Command(BaseCommand):
    help = "Measure every control group in force up to a business date, and store what its experiment brought."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--to", dest="until", help="Last business date (YYYY-MM-DD); yesterday unless given.")

    def handle(self, *args: Any, **options: Any) -> None:
        until = timezone.localdate() - timedelta(days=1)
        if options["until"]:
            try:
                given = parse_date(options["until"])
            except ValueError:
                given = None
            if given is None:
                raise CommandError(f"--to is {options['until']!r}: a date such as 2025-12-31 is needed")
            until = given
        for result in measure_control_groups(until=until, at=timezone.now()):
            figures = result.figures
            ngr = figures["measures"]["ngr"]
            self.stdout.write(
                f"{result.key}: {figures['treated']} treated, {figures['held_out']} held out since {result.since}, "
                f"NGR per player {ngr['treated']} and {ngr['held_out']}"
            )
