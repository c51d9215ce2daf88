"""Control groups: players who are measured and given nothing, drawn by a stable hash.

The global group is in it for every rule. A draw depends on nothing but its name and the player, so it is the same in
every process, on every date and for every version of a rule; who is drawn at 5 % is drawn at 10 % too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.expressions import fetch_rows
from safety import policies

GLOBAL = "GLOBAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class GlobalHoldout:
    """The global control group as the policies have it: its share in percent, and what it is drawn by."""

    percent: Decimal
    salt: str

    def condition(self, player: str) -> str:
        """Return SQL that holds for the players of the group; `player` is SQL that yields the player's id."""
        if not self.percent:
            return "false"
        # The policy's pattern lets no quote into the salt.
        name = f"'holdout:global:{self.salt}:' || {player}"
        return f"({draw_sql(name)} < {self.percent})"


def global_holdout() -> GlobalHoldout:
    """Return the global control group that holds now."""
    return GlobalHoldout(percent=policies.GLOBAL_HOLDOUT_PERCENT.value(), salt=policies.GLOBAL_HOLDOUT_SALT.value())


def draw_sql(name: str) -> str:
    """Return SQL of a stable draw in [0, 100) with two decimals; `name` is SQL that yields what is drawn by."""
    return f"(((hashtextextended({name}, 0) & 9223372036854775807) %% 10000)::numeric / 100)"


def is_globally_held_out(player_id: str) -> bool:
    """Tell whether a player is in the global control group now."""
    holdout = global_holdout()
    if not holdout.percent:
        return False
    return bool(fetch_rows(f"SELECT {holdout.condition('%s::text')}", [player_id])[0][0])
