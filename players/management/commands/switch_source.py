"""Switch where players' totals come from, from the command line."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.errors import LoyaltyError
from players.activity.switching import switch_source
from players.models import Player, PlayerSource


class Command(BaseCommand):
    """Switch named players, or all of one source."""

    help = (
        "Let totals come from files or from the feed from now on. The totals so far are an opening balance as of the "
        "date of the last file (--as-of names another): events up to it are listed as exceptions, not counted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--player", nargs="+", metavar="ID", help="these players")
        who.add_argument("--all-of", choices=PlayerSource.values, help="every player of this source")
        parser.add_argument("--to", required=True, choices=PlayerSource.values)
        parser.add_argument("--as-of", type=date.fromisoformat, help="the date the totals are as of")
        parser.add_argument("--reason", default="switched from the command line", help="kept with the switch")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options["player"]
        if chosen is None:
            chosen = list(Player.objects.filter(source=options["all_of"]).values_list("pk", flat=True))
        try:
            switched = switch_source(
                player_ids=chosen, to=options["to"], as_of=options["as_of"], reason=options["reason"]
            )
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        self.stdout.write(
            f"{switched:,} players switched to {options['to']}, {len(chosen) - switched:,} had it already"
        )
