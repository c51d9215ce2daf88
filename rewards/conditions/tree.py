"""What conditions are once they are read."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from rewards.fields import Field

Scalar = Decimal | str | bool


class Operator(StrEnum):
    """How a field is compared; `min` and `max` include the bound, `gt` and `lt` do not."""

    MIN = "min"
    MAX = "max"
    GT = "gt"
    LT = "lt"
    EQUALS = "equals"
    NOT = "not"
    IN = "in"
    NOT_IN = "not_in"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One field against one value, or against a list for `in` and `not_in`."""

    field: Field
    operator: Operator
    value: Scalar | tuple[Scalar, ...]
    path: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every member must hold; without members it always does."""

    members: tuple[Condition, ...]
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one member must hold."""

    members: tuple[Condition, ...]
    path: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Negation:
    """The member must be known not to hold."""

    member: Condition
    path: str = field(default="", compare=False)


Condition = Comparison | AllOf | AnyOf | Negation


def comparisons(condition: Condition) -> list[Comparison]:
    """Return every comparison in a condition, in order."""
    match condition:
        case Comparison():
            return [condition]
        case Negation(member):
            return comparisons(member)
        case AllOf(members) | AnyOf(members):
            return [found for member in members for found in comparisons(member)]
