"""Archive old months of activity from the command line."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.errors import LoyaltyError
from players.activity.archiving import archive_activity
from players.activity.retention import months_before
from players.policies import ACTIVITY_RETENTION_MONTHS


class Command(BaseCommand):
    """Archive months, oldest first; run again, it goes on where it was stopped."""

    help = (
        "Write each month of activity before --before to a compressed file with its checksum, then drop it. Daily rows "
        "and totals stay. Must run as the owner of the tables."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--before", type=_month, help="YYYY-MM; by ACTIVITY_RETENTION_MONTHS where it is left out")
        parser.add_argument("--to", type=Path, required=True, metavar="FOLDER", help="where the files go")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            archived = archive_activity(before=options["before"] or _before_by_policy(), folder=options["to"])
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        for one in archived:
            self.stdout.write(f"{one.month:%Y-%m}: {one.events:,} events in {one.file_name}, SHA-256 {one.sha256}")
        if not archived:
            self.stdout.write("there is nothing to archive")


def _month(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError:
        raise ArgumentTypeError(f"{text!r}: a month such as 2025-01 is needed") from None


def _before_by_policy() -> date:
    months = ACTIVITY_RETENTION_MONTHS.value()
    if not months:
        raise CommandError("--before is needed, for ACTIVITY_RETENTION_MONTHS is 0: no month is too old by policy")
    return months_before(timezone.now().astimezone(UTC).date(), months=months)
