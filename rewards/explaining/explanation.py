"""What an explanation consists of: the conditions as a tree, the checks in their order, the amount step by step."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from rewards.conditions import Operator, Scalar


class Basis(StrEnum):
    """What an explanation stands on: the stored decision, or a new computation."""

    STORED = "STORED"
    RECOMPUTED = "RECOMPUTED"


class Truth(StrEnum):
    """The verdict about one condition."""

    HOLDS = "HOLDS"
    DOES_NOT_HOLD = "DOES_NOT_HOLD"
    UNKNOWN = "UNKNOWN"

    @classmethod
    def of(cls, value: bool | None) -> Truth:  # noqa: FBT001 what is turned into a word
        """Return the word for a truth value of SQL."""
        if value is None:
            return cls.UNKNOWN
        return cls.HOLDS if value else cls.DOES_NOT_HOLD


class Group(StrEnum):
    """How the members of a group are joined."""

    ALL = "all"
    ANY = "any"
    NOT = "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedComparison:
    """One comparison, with what it asks and what the player has also in words.

    `actual` is None where it is not known; `distance` says how far it is from holding, or by how much it holds.
    """

    path: str
    field: str
    label: str
    unit: str
    operator: Operator
    threshold: Scalar | tuple[Scalar, ...]
    actual: Decimal | int | str | bool | tuple[str, ...] | None
    requirement: str
    shown_actual: str
    truth: Truth
    distance: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainedGroup:
    """Conditions that belong together; a group of `not` has one member."""

    path: str
    group: Group
    truth: Truth
    members: tuple[ExplainedCondition, ...]


ExplainedCondition = ExplainedComparison | ExplainedGroup


class Outcome(StrEnum):
    """What a check did to the reward."""

    PASSED = "PASSED"
    CHANGED = "CHANGED"
    STOPPED = "STOPPED"
    NOT_REACHED = "NOT_REACHED"
    NOT_KNOWN = "NOT_KNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One limit or one check of safety, with its sentence. `figures` are what it was decided by."""

    name: str
    outcome: Outcome
    sentence: str
    figures: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountStep:
    """What a step made of the amount, in the reward's own unit; None where there is none."""

    name: str
    before: Decimal | None
    after: Decimal | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why a player got what a rule gave, or why nothing.

    `verdict` is empty where the conditions do not hold or the rule was not in force; checks and amount are then what
    they would have been. `missing` names what could not be reconstructed or was not kept.
    Amounts are in the reward's own unit.
    """

    player_id: str
    rule_id: str
    rule_name: str
    rule_version: int
    reward_type: str
    on: date
    basis: Basis
    decision_id: int | None
    decided_at: datetime | None
    verdict: str
    reason: str
    summary: str
    conditions: ExplainedCondition
    limits: tuple[Check, ...]
    safety: tuple[Check, ...]
    amount: tuple[AmountStep, ...]
    amount_computed: Decimal | None
    amount_given: Decimal
    missing: tuple[str, ...]

    @property
    def is_match(self) -> bool:
        """Whether the conditions hold."""
        return self.conditions.truth is Truth.HOLDS


def walk(condition: ExplainedCondition) -> Iterator[ExplainedCondition]:
    """Yield a condition and everything within it, in order."""
    yield condition
    if isinstance(condition, ExplainedGroup):
        for member in condition.members:
            yield from walk(member)
