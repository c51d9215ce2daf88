"""Count inferred sessions anew from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import LoyaltyError
from players.activity.inferring import infer_sessions_anew


class Command(BaseCommand):
    """Make days that are there already follow the present ACTIVITY_SESSION_GAP_MINUTES."""

    help = "Count inferred sessions and time played anew for business dates from --since on."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--since", type=date.fromisoformat, required=True, help="the first business date")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            changed = infer_sessions_anew(since=options["since"])
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        self.stdout.write(f"{changed:,} days changed")
