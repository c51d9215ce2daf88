"""Why a player got what a rule gave, and why not: conditions, limits, safety and amount, each with its figures.

No second evaluator: every verdict comes from the expressions and statements the night decides by.
"""

from rewards.explaining.asking import DateInFutureError, explain
from rewards.explaining.explanation import (
    AmountStep,
    Basis,
    Check,
    ExplainedComparison,
    ExplainedCondition,
    ExplainedGroup,
    Explanation,
    Group,
    Outcome,
    Truth,
    walk,
)
from rewards.explaining.stored import explain_decision

__all__ = [
    "AmountStep",
    "Basis",
    "Check",
    "DateInFutureError",
    "ExplainedComparison",
    "ExplainedCondition",
    "ExplainedGroup",
    "Explanation",
    "Group",
    "Outcome",
    "Truth",
    "explain",
    "explain_decision",
    "walk",
]
