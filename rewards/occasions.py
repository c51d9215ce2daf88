"""What a rule is decided for: by night the business date, live the event.

With rule and player it is the unique key of a decision.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from core.expressions import Sql

# Stand for what an occasion binds in a statement that is compiled once; no run has this number, no name holds a NUL.
_UNBOUND_RUN = -(2**62)
_UNBOUND_NAME = "\x00occasion"


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and for what a rule is decided: the business date, and the name in the unique key of decisions.

    `name` holds for everybody; an occasion of events has `names` instead, a JSON object of each player's own.
    `built_from` says what compiled statements may be kept for: they hold the policies and values read then. Left empty,
    they are kept for the run. One that `is_of_review` decides again what a person had to look at.
    """

    run_id: int
    on: date
    name: str = ""
    names: str = ""
    built_from: str = ""
    is_of_review: bool = False

    def unbound(self) -> Occasion:
        """Return what statements are compiled for: all occasions that differ only in run and names share one."""
        return replace(
            self,
            run_id=_UNBOUND_RUN,
            name=_UNBOUND_NAME if self.name else "",
            names=_UNBOUND_NAME if self.names else "",
            built_from=self.built_from or f"run {self.run_id}",
        )

    def bind(self, params: Sequence[Any]) -> list[Any]:
        """Return the parameters of a statement compiled for `unbound()` with this occasion's in their place."""
        bound = {_UNBOUND_RUN: self.run_id, _UNBOUND_NAME: self.names or self.name}
        return [bound.get(param, param) if type(param) in (int, str) else param for param in params]

    def is_open(self, param: Any) -> bool:
        """Tell whether a parameter stands for something that `bind` replaces."""
        return type(param) in (int, str) and param in (_UNBOUND_RUN, _UNBOUND_NAME)

    @property
    def is_of_events(self) -> bool:
        """Whether each player has an event of their own."""
        return bool(self.names)

    def name_sql(self, player_id: str) -> Sql:
        """Return SQL of the occasion's name for the player in that column."""
        return (f"(%s::jsonb ->> {player_id})", [self.names]) if self.names else ("%s", [self.name])

    def decided_sql(self, player_id: str) -> Sql:
        """Return a condition on a decision `d`: it decided this occasion.

        By night a refusal that was counted once more on a date decided that date too.
        """
        name, params = self.name_sql(player_id)
        if self.is_of_review:
            return f"(d.occasion = {name} AND d.verdict <> 'PENDING_REVIEW')", params
        if self.names:
            return f"d.occasion = {name}", params
        return f"(d.occasion = {name} OR (d.times > 1 AND d.last_on = %s))", [*params, self.on]

    def repeats_sql(self) -> Sql:
        """Return a condition on a decision `d`: the same refusal again is counted there, not decided anew.

        By night any, on a later date. Of events only that a rule's limits were used up, which a busy player meets all
        day; every other event has its own decision.
        """
        if self.names:
            return "d.reason IN ('FREQUENCY', 'COOLDOWN') AND d.last_on <= %s", [self.on]
        return "d.last_on < %s", [self.on]


def occasion_of_night(*, run_id: int, on: date) -> Occasion:
    """Return the occasion under which the night decides."""
    return Occasion(run_id=run_id, on=on, name=on.isoformat())


def occasion_of_events(*, run_id: int, on: date, built_from: str, names: Mapping[str, str]) -> Occasion:
    """Return the occasion of one event for each of the players."""
    return Occasion(run_id=run_id, on=on, built_from=built_from, names=json.dumps(names))


def occasion_of_review(*, run_id: int, on: date, names: Mapping[str, str]) -> Occasion:
    """Return the occasions, one for each of the players, under which what waited for a review is decided again."""
    return Occasion(run_id=run_id, on=on, names=json.dumps(names), is_of_review=True)


COUNTS_SQL = "d.verdict IN ('APPROVED', 'REDUCED', 'PENDING_REVIEW')"
# Of a rule's limits `t`, as `RuleDefinition.limit_dates` names them, and a decision `d`; the last date is the last that
# counts for either of the two.
LIMIT_DATES_SQL = "period_start date, period_end date, cooling_since date, cooling_until date"
IN_PERIOD_SQL = "d.first_on BETWEEN t.period_start AND t.period_end"
COOLING_SQL = "d.first_on > t.cooling_since AND d.first_on < t.cooling_until"
LAST_DATE_SQL = "greatest(t.period_end, t.cooling_until - 1)"
# A condition on an allocation `a`: it gives something, or asks a person to approve a perk.
AWARDS_SQL = "(a.amount_given > 0 OR a.reason = 'NEEDS_APPROVAL')"
