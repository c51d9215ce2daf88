"""Let the restrictions take effect whose time has come, and convert what waited for players to be known."""

from typing import Any

from django.core.management.base import BaseCommand

from wallet.identity import convert_known
from wallet.restricting import apply_due_restrictions


class Command(BaseCommand):
    """Do at once what the schedule does every minute."""

    help = (
        "Cancel the bonuses of players whose restriction has begun, bring up to date who is blocked, and convert met "
        "bonuses of players who are known by now."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        for label, count in {**apply_due_restrictions(), "bonuses converted": convert_known()}.items():
            self.stdout.write(f"{label}: {count:,}")
