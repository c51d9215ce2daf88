"""Who is in the control group of a rule, or in the global one, which is in that of every rule.

`held_out_sql` decides in the grant path itself; whatever else gives rewards asks `is_held_out`, or takes the condition
of `global_holdout()` into its statement.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.expressions import fetch_rows
from rewards.models import RewardRule, RuleStatus
from safety.control_groups import GLOBAL, GlobalHoldout, draw_sql, global_holdout, is_globally_held_out

RULE = "RULE"

__all__ = [
    "GLOBAL",
    "RULE",
    "ControlGroup",
    "GlobalHoldout",
    "control_groups_of",
    "global_holdout",
    "held_out_of_rule_sql",
    "held_out_sql",
    "is_held_out",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlGroup:
    """A group that a player is in: the global one, or that of a rule."""

    group: str
    rule_id: str | None = None


def held_out_of_rule_sql(*, player: str, rule_number: str, percent: str) -> str:
    """Return SQL that holds for the players of a rule's own control group; the arguments are SQL."""
    draw = draw_sql(f"'holdout:' || {rule_number} || ':' || {player}")
    return f"({percent} > 0 AND {draw} < {percent})"


def held_out_sql(*, player: str, rule_number: str, percent: str, is_of_all: str) -> str:
    """Return SQL that holds for the players whom a rule may give nothing; the arguments are SQL.

    `is_of_all` tells whether the player is in the global group: the condition of `global_holdout()`, or a column of it.
    """
    of_rule = held_out_of_rule_sql(player=player, rule_number=rule_number, percent=percent)
    return f"({is_of_all} OR {of_rule})"


def is_held_out(player_id: str, *, rule: RewardRule | None = None) -> bool:
    """Tell whether a player is in the global control group now, or in that of the rule."""
    if is_globally_held_out(player_id):
        return True
    if rule is None or not rule.holdout_percent:
        return False
    of_rule = held_out_of_rule_sql(player="%s::text", rule_number="%s", percent="%s::numeric")
    percent = rule.holdout_percent
    return bool(fetch_rows(f"SELECT {of_rule}", [percent, rule.number, player_id, percent])[0][0])


def control_groups_of(player_id: str) -> list[ControlGroup]:
    """Return the groups that a player is in now: the global one, then those of active rules by id."""
    of_rule = held_out_of_rule_sql(player="%s::text", rule_number="r.number", percent="r.holdout_percent")
    rows = fetch_rows(
        f"SELECT r.rule_id FROM reward_rules r WHERE r.status = %s AND {of_rule} ORDER BY r.rule_id",
        [RuleStatus.ACTIVE, player_id],
    )
    own = [ControlGroup(group=GLOBAL)] if is_globally_held_out(player_id) else []
    return own + [ControlGroup(group=RULE, rule_id=rule_id) for (rule_id,) in rows]
