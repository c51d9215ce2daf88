"""Stop what runs from this clone."""

from typing import Any

from django.core.management.base import BaseCommand

from loyalty.embedded.__main__ import stop_all
from loyalty.house.presence import close_open_house


class Command(BaseCommand):
    """Close the house opened elsewhere, then stop the embedded servers."""

    help = "Stop what runs from this clone: the web server, worker, beat and the embedded servers."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if close_open_house():
            self.stdout.write("The house is closed.")
        stop_all()
        self.stdout.write("The embedded servers are stopped.")
