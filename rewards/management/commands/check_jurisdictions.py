"""Say which active rules break a jurisdiction's profile."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand

from rewards.jurisdictions.compliance import BreakingRule, breaking_rules, weakened_profiles


class Command(BaseCommand):
    help = (
        "List the active rules that break a jurisdiction's profile. Exit code 1 where one names the jurisdiction, or "
        "the restriction matrix is weaker than a profile; rules that merely skip its players are listed only."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each limit broken."""
        breaking, weakened = breaking_rules(), weakened_profiles()
        for one in breaking:
            self._print(one)
        for warning in weakened:
            self.stdout.write(f"MATRIX  {warning}")
        named = sum(one.is_named for one in breaking)
        self.stdout.write(f"{named} rules break what they name, {len(breaking) - named} skip players of a jurisdiction")
        if named or weakened:
            sys.exit(1)

    def _print(self, one: BreakingRule) -> None:
        word = "BREAKS" if one.is_named else "SKIPS "
        for broken in one.broken:
            self.stdout.write(f"{word}  {one.rule.pk} v{one.rule.version}: {broken}")
