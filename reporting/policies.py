"""The policies of reports."""

from core.policies import Policy, declare

OPERATOR_NAME = declare(
    Policy(
        name="OPERATOR_NAME",
        default="Loyalty & rewards",
        help="The operator's name as printed statements carry it.",
    )
)
