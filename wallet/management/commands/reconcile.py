"""Prove the ledger; exit with an error naming the first difference."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime, time
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from core.runs import KeyRange, ranges_between, sample_key_edges
from players.models import Player
from wallet.reconciliation import find_differences

ROWS_PER_CHUNK = 20_000


class Command(BaseCommand):
    help = "Prove that balances, entries, lots, movements and hashes agree; exits non-zero with the first difference."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--player", help="Check one player only.")
        parser.add_argument("--since", help="Check players with entries from this date on (YYYY-MM-DD).")

    def handle(self, *args: Any, **options: Any) -> None:
        since = _since(options["since"])
        players = entries = 0
        for keys in _ranges(options["player"]):
            counts, differences = find_differences(keys=keys, since=since)
            players, entries = players + counts["players"], entries + counts["entries"]
            if differences:
                raise CommandError(f"{differences[0]} ({len(differences)} differences so far)")
        self.stdout.write(self.style.SUCCESS(f"The ledger proves itself: {players:,} players, {entries:,} entries."))


def _since(given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        day = parse_date(given)
    except ValueError:
        day = None
    if day is None:
        raise CommandError(f"--since is {given!r}: a date such as 2025-12-21 is needed")
    return timezone.make_aware(datetime.combine(day, time.min))


def _ranges(player_id: str | None) -> list[KeyRange]:
    if player_id is None:
        return ranges_between(
            sample_key_edges(table="loyalty_balances", column="player_id", rows_per_chunk=ROWS_PER_CHUNK)
        )
    if not Player.objects.filter(player_id=player_id).exists():
        raise CommandError(f"there is no player {player_id!r}")
    return [KeyRange.holding(player_id)]
