"""Write the reference of what rules may say."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from core.environment import PROJECT_FOLDER
from rewards.field_reference import field_reference

REFERENCE = PROJECT_FOLDER / "docs" / "rule-fields.md"


class Command(BaseCommand):
    help = "Write docs/rule-fields.md from the registries of fields and reward keys."

    def handle(self, *args: Any, **options: Any) -> None:
        """Replace the page."""
        REFERENCE.write_text(field_reference())
        self.stdout.write(f"{REFERENCE.relative_to(PROJECT_FOLDER)} is written")
