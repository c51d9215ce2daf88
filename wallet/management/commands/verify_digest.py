"""Prove the ledger against heads exported earlier; exit with an error naming the first difference."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import LoyaltyError
from wallet.digests import verify_digest

_STORED = {True: "the one", False: "not the one", None: "none is"}


class Command(BaseCommand):
    help = "Prove that every exported head is still in the ledger; exits non-zero with the first difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", help="A file ledger-heads-….csv.gz with its .json beside it.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            proved = verify_digest(Path(options["file"]))
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        self.stdout.write(
            self.style.SUCCESS(
                f"Every head of {proved.on} is in the ledger: {proved.players:,} players, {proved.entries:,} entries. "
                f"Its digest is {_STORED[proved.is_stored]} stored for the date: {proved.digest}"
            )
        )
