"""Load the example rules, the roles and one user per role."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from loyalty.fixtures import load_fixtures


class Command(BaseCommand):
    help = "Load example rules, redemption options, roles and users; what exists already is left alone."

    def handle(self, *args: Any, **options: Any) -> None:
        loaded = load_fixtures()
        self.stdout.write(f"{loaded.rules} rules and {loaded.options} redemption options loaded.")
