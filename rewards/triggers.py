"""What sets off a live rule. Pure data, no Django.

A kind of activity such as DEPOSIT, an action's code such as KYC_COMPLETE, a tier that was reached, or any activity or
action.
"""

from __future__ import annotations

TIER_REACHED = "TIER_REACHED"
ANY = "ANY"


def heard_triggers(trigger: str) -> tuple[str, ...]:
    """Return the triggers of the rules that something sets off; reaching a tier is neither activity nor action."""
    return (trigger,) if trigger == TIER_REACHED else (trigger, ANY)
