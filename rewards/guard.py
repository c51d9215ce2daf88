"""A guard over all rules: what they may give one player together in any window of days, apart from the caps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from safety import policies
from safety.granted import granted_sql


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleGuard:
    """The most that rules may give a player, in money value, in any `days` business days on end."""

    value: Decimal
    days: int

    def window(self, on: date) -> tuple[date, date]:
        """Return the first and last of the business dates that share a window with `on`."""
        return on - timedelta(days=self.days - 1), on + timedelta(days=self.days - 1)

    def room_sql(self, player: str, *, on: date) -> str:
        """Return SQL of what the guard leaves a player on a business date; `player` is SQL that yields the id.

        Rewards of later dates count too where a window holds both, so that the order of two runs does not matter.
        What was taken back from a lot counts no more.
        """
        first, last = self.window(on)
        return f"""({self.value} - (
            SELECT coalesce(sum(g.promotional_value), 0) FROM {granted_sql(since=first)} g
            WHERE g.player_id = {player} AND g.granted_on BETWEEN DATE '{first}' AND DATE '{last}'
              AND g.rule_number IS NOT NULL))::numeric(18, 2)"""


def rule_guard() -> RuleGuard | None:
    """Return the guard that holds now, or None where it is switched off."""
    value = policies.RULE_GUARD_VALUE.value()
    days = policies.RULE_GUARD_DAYS.value() if value else 0
    return RuleGuard(value=value, days=days) if days else None


def guarded_grants(on: date) -> str:
    """Return the relation of grants that the guard looks at now, empty where it is switched off."""
    guard = rule_guard()
    return granted_sql(since=guard.window(on)[0]) if guard else ""
