"""The policies of the wallet."""

from core.policies import Policy, declare

LP_EXPIRY_MONTHS = declare(
    Policy(
        name="LP_EXPIRY_MONTHS",
        default=0,
        minimum=0,
        maximum=240,
        unit="months",
        help="Points from play expire at the end of the month this many months after they were earned; 0: never.",
    )
)
