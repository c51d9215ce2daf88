"""Look for abuse by hand: everybody, or one player."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any, TextIO, cast

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.table import Table

from core.errors import NotFoundError
from safety.detection.catalogue import SetDetector, detectors_in_force, detectors_on_trial
from safety.detection.running import detect_abuse_signals, detect_everybody
from safety.models import AbuseSignal


class Command(BaseCommand):
    help = "Run the detectors of abuse over all players, or over one, and show what they found."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--player", help="Look at this player alone.")
        parser.add_argument(
            "--shadow",
            action="store_true",
            help="Run the detectors that do not count, those that are off too: what they find is logged in shadow.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        detectors = detectors_on_trial() if options["shadow"] else detectors_in_force()
        console = Console(file=cast(TextIO, self.stdout), width=160)
        if options["player"] is None:
            console.print(_everybody(detectors))
            return
        try:
            signals = detect_abuse_signals(options["player"], detectors=detectors)
        except NotFoundError as error:
            raise CommandError(error.message) from None
        console.print(_one_player(options["player"], signals))


def _everybody(detectors: list[SetDetector]) -> Table:
    table = Table(title="Signs of abuse among all players")
    for column in ("detector", "mode"):
        table.add_column(column)
    for column in ("players found", "new", "seconds"):
        table.add_column(column, justify="right")
    found = detect_everybody(detectors=detectors)
    for detector in detectors:
        told = found[detector.code]
        table.add_row(
            detector.code, detector.mode.value, f"{told['found']:,}", f"{told['new']:,}", f"{told['seconds']:.2f}"
        )
    return table


def _one_player(player_id: str, signals: list[AbuseSignal]) -> Table:
    table = Table(title=f"Signs of abuse of {player_id}: {len(signals)}")
    for column in ("detector", "severity", "shadow", "what was found"):
        table.add_column(column)
    for signal in signals:
        table.add_row(signal.detector, str(signal.severity), "yes" if signal.is_shadow else "", signal.description)
    return table
