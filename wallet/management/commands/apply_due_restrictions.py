"""Let the restrictions take effect whose time has come."""

from typing import Any

from django.core.management.base import BaseCommand

from wallet.restricting import apply_due_restrictions


class Command(BaseCommand):
    """Do at once what the schedule does every minute."""

    help = "Cancel the bonuses of players whose restriction has begun, and bring up to date who is blocked."

    def handle(self, *args: Any, **options: Any) -> None:
        for label, count in apply_due_restrictions().items():
            self.stdout.write(f"{label}: {count:,}")
