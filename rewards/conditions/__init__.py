"""Conditions of a rule: JSON read into small frozen objects; compiled by `rewards.expressions`.

`"field": value` · `"field": [a, b]` (any of) · `"field": {"min", "max", "gt", "lt", "equals", "not", "in", "not_in"}` ·
`"field_min"` / `"field_max"` (inclusive) · `"all": […]`, `"any": […]`, `"not": {…}`. All keys of an object must hold.
"""

from rewards.conditions.parsing import parse_conditions
from rewards.conditions.tree import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Negation,
    Operator,
    Scalar,
    comparisons,
)

__all__ = [
    "AllOf",
    "AnyOf",
    "Comparison",
    "Condition",
    "Negation",
    "Operator",
    "Scalar",
    "comparisons",
    "parse_conditions",
]
