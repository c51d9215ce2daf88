"""Prove the liability of a period against the whole ledger; exit with an error naming the difference."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import date
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils.dateparse import parse_date

from core.errors import LoyaltyError
from players.policies import OPERATOR_CURRENCY
from reporting.csv_files import csv_lines
from reporting.liability import RollForward, liability_rows, roll_forward


class Command(BaseCommand):
    help = "Roll the liability forward over a period, from the ledger itself; exits non-zero unless it closes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--from", dest="since", required=True, help="First business date (YYYY-MM-DD).")
        parser.add_argument("--to", dest="until", required=True, help="Last business date (YYYY-MM-DD).")
        parser.add_argument("--csv", action="store_true", help="Write comma-separated lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        since, until = _date("--from", options["since"]), _date("--to", options["until"])
        try:
            rolled = roll_forward(since=since, until=until)
        except LoyaltyError as error:
            raise CommandError(error.message) from None
        if options["csv"]:
            for line in csv_lines(liability_rows(rolled)):
                self.stdout.write(line.rstrip("\r\n"))
        else:
            for line in _table(rolled):
                self.stdout.write(line)
            self.stdout.write(self.style.SUCCESS(f"The liability of {since} to {until} closes."))


def _date(name: str, given: str) -> date:
    try:
        on = parse_date(given)
    except ValueError:
        on = None
    if on is None or not 2000 <= on.year < 3000:
        raise CommandError(f"{name} is {given!r}: a date such as 2025-12-21 is needed")
    return on


def _table(rolled: list[RollForward]) -> list[str]:
    money = [row.money() for row in rolled]
    heading = [f"{row.currency:>18}{OPERATOR_CURRENCY.value():>16}" for row in rolled]
    lines = ["".join([f"{'':<14}", *heading])]
    for line in rolled[0].amounts():
        cells = [
            f"{row.amounts()[line]:>18,.2f}" + ("" if worth[line] is None else f"{worth[line]:,.2f}").rjust(16)
            for row, worth in zip(rolled, money, strict=True)
        ]
        lines.append("".join([f"{line.replace('_', ' '):<14}", *cells]))
    return lines
