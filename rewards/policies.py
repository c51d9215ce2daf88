"""The policies of rules."""

from __future__ import annotations

from decimal import Decimal

from core import environment
from core.policies import Policy, declare

REQUIRED, NOT_REQUIRED = "REQUIRED", "NOT_REQUIRED"

RULE_GUARDRAIL_TIMES = declare(
    Policy(
        name="RULE_GUARDRAIL_TIMES",
        default=Decimal(2),
        minimum=Decimal(1),
        maximum=Decimal(100),
        unit="times the forecast",
        help="A rule that gives this many times the cost it was forecast for a business date pauses itself.",
    )
)


LIMIT, PAUSE = "LIMIT", "PAUSE"
JURISDICTION_VIOLATIONS = declare(
    Policy(
        name="JURISDICTION_VIOLATIONS",
        default=LIMIT,
        choices=(LIMIT, PAUSE),
        help="What happens to active rules that name a jurisdiction and break its changed profile: LIMIT: they skip "
        "its players and go on for the others; PAUSE: they are paused until somebody changes them.",
    )
)


def is_approval_needed() -> bool:
    """Tell whether what people change of rules needs a second person; RULE_APPROVAL of the environment decides.

    No policy that staff save: whoever could switch it off in the admin could approve what he wrote.
    """
    approval = environment.choice("RULE_APPROVAL", default=REQUIRED, choices=(REQUIRED, NOT_REQUIRED))
    return approval == REQUIRED
