"""Export the heads of the ledger with their digest, for auditors."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from core.errors import LoyaltyError
from wallet.digests import export_digest, heads_path


class Command(BaseCommand):
    help = "Write all heads of the ledger as they are now, and their digest, to a folder; the night does it by itself."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--on", help="The business date they stand for (YYYY-MM-DD), today by default.")
        parser.add_argument("--to", help="The folder, LEDGER_DIGEST_FOLDER by default.")

    def handle(self, *args: Any, **options: Any) -> None:
        on = _date(options["on"])
        folder = Path(options["to"] or settings.LEDGER_DIGEST_FOLDER)
        try:
            heads = export_digest(on=on, folder=folder)
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        file = heads_path(on=on, folder=folder)
        self.stdout.write(
            self.style.SUCCESS(f"{file}: {heads.players:,} players, {heads.entries:,} entries, {heads.digest.hex()}")
        )


def _date(given: str | None) -> date:
    if given is None:
        return timezone.localdate()
    try:
        on = parse_date(given)
    except ValueError:
        on = None
    if on is None:
        raise CommandError(f"--on is {given!r}: a date such as 2025-12-21 is needed")
    return on
