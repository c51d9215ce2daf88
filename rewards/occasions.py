"""What a rule is decided for: by night the business date. With rule and player it is the unique key of a decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """When and for what a rule is decided: the business date, and its name in the unique key of decisions."""

    run_id: int
    on: date
    name: str


def occasion_of_night(*, run_id: int, on: date) -> Occasion:
    """Return the occasion under which the night decides."""
    return Occasion(run_id=run_id, on=on, name=on.isoformat())


# Two conditions on a decision `d`. A refusal that was counted once more on a date decided that date too.
DECIDED_SQL = "d.occasion = %s OR (d.times > 1 AND d.last_on = %s)"
COUNTS_SQL = "d.verdict IN ('APPROVED', 'REDUCED', 'PENDING_REVIEW')"
# A condition on an allocation `a`: it gives something, or asks a person to approve a perk.
AWARDS_SQL = "(a.amount_given > 0 OR a.reason = 'NEEDS_APPROVAL')"
