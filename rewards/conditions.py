"""Conditions of a rule: JSON read into small frozen objects. Pure; compiled by `rewards.expressions`.

`"field": value` · `"field": [a, b]` (any of) · `"field": {"min", "max", "gt", "lt", "equals", "not", "in", "not_in"}` ·
`"field_min"` / `"field_max"` (inclusive) · `"all": […]`, `"any": […]`, `"not": {…}`. All keys of an object must hold.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rewards.fields import ALIASES, FIELDS, Field, Kind, find_field
from rewards.problems import Problem, nearest

DEPTH_MAX = 10
CONDITIONS_MAX = 200
LIST_MAX = 1000
TEXT_MAX = 200
NUMBER_MAX = Decimal(10) ** 15
SEGMENTS = ("NEW", "WINNING", "BREAKEVEN", "LOSING", "VIP")

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


ORDERING = (Operator.MIN, Operator.MAX, Operator.GT, Operator.LT)
LISTS = (Operator.IN, Operator.NOT_IN)


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


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one member must hold."""

    members: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """The member must be known not to hold."""

    member: Condition


Condition = Comparison | AllOf | AnyOf | Negation


def parse_conditions(raw: object, *, path: str = "conditions") -> tuple[Condition, list[Problem]]:
    """Return the conditions and every problem found in them; with a problem the conditions must not be used."""
    parser = _Parser()
    return parser.parse_object(raw, path=path, depth=0), parser.problems


def comparisons(condition: Condition) -> list[Comparison]:
    """Return every comparison in a condition, in order."""
    match condition:
        case Comparison():
            return [condition]
        case Negation(member):
            return comparisons(member)
        case AllOf(members) | AnyOf(members):
            return [found for member in members for found in comparisons(member)]


@dataclass(slots=True)
class _Parser:
    problems: list[Problem] = field(default_factory=list)
    count: int = 0

    def parse_object(self, raw: object, *, path: str, depth: int) -> Condition:
        if not isinstance(raw, dict):
            return self._refuse(path, f"{_shown(raw)} is not an object", 'write {"field": value}')
        if depth > DEPTH_MAX:
            return self._refuse(path, f"nested deeper than {DEPTH_MAX} levels", "flatten the conditions")
        members: list[Condition] = []
        for key, value in raw.items():
            members += self._parse_key(key, value, path=f"{path}.{_shown_key(key)}", depth=depth)
        group = AllOf(tuple(members))
        self._check_contradictions(group, path=path)
        return group

    def _parse_key(self, key: object, value: object, *, path: str, depth: int) -> list[Condition]:
        self.count += 1
        if self.count > CONDITIONS_MAX:
            if self.count == CONDITIONS_MAX + 1:
                self._refuse(path, f"more than {CONDITIONS_MAX} conditions", "split the rule")
            return []
        match key:
            case "all" | "any":
                return [self._parse_list(value, kind=str(key), path=path, depth=depth)]
            case "not":
                return [Negation(self.parse_object(value, path=path, depth=depth + 1))]
            case _:
                return self._parse_field(str(key), value, path=path)

    def _parse_list(self, raw: object, *, kind: str, path: str, depth: int) -> Condition:
        if not isinstance(raw, list) or not raw or len(raw) > CONDITIONS_MAX:
            return self._refuse(
                path, f"a list of 1 to {CONDITIONS_MAX} conditions is needed", f'"{kind}": [{{…}}, {{…}}]'
            )
        members = tuple(
            self.parse_object(item, path=f"{path}[{index}]", depth=depth + 1) for index, item in enumerate(raw)
        )
        group = AllOf(members) if kind == "all" else AnyOf(members)
        if kind == "all":
            self._check_contradictions(group, path=path)
        return group

    def _parse_field(self, key: str, value: object, *, path: str) -> list[Condition]:
        found, operator = _split_key(key)
        if found is None:
            self._refuse(path, f"unknown field {_shown(key)}", nearest(key, [*FIELDS, *ALIASES]))
            return []
        if operator is not None:
            return self._comparison(found, operator, value, path=path)
        if isinstance(value, list):
            return self._comparison(found, Operator.IN, value, path=path)
        if not isinstance(value, dict):
            return self._comparison(found, Operator.EQUALS, value, path=path)
        return self._parse_operators(found, value, path=path)

    def _parse_operators(self, found: Field, raw: dict[Any, Any], *, path: str) -> list[Condition]:
        if not raw:
            self._refuse(path, "no comparison", 'write for example {"min": 10}')
        result: list[Condition] = []
        for name, value in raw.items():
            if name not in list(Operator):
                self._refuse(
                    f"{path}.{_shown_key(name)}", f"unknown comparison {_shown(name)}", nearest(str(name), Operator)
                )
            else:
                result += self._comparison(found, Operator(name), value, path=f"{path}.{name}")
        return result

    def _comparison(self, found: Field, operator: Operator, raw: object, *, path: str) -> list[Condition]:
        if operator in ORDERING and not found.kind.is_numeric:
            self._refuse(path, f"{found.name} is a {found.kind} and has no order", 'use "equals" or "in"')
            return []
        if operator not in LISTS:
            value = self._scalar(found, raw, path=path)
            return [] if value is None else [Comparison(found, operator, value, path)]
        if not isinstance(raw, list) or not 0 < len(raw) <= LIST_MAX:
            self._refuse(path, f"a list of 1 to {LIST_MAX} values is needed", "")
            return []
        values = [self._scalar(found, item, path=f"{path}[{index}]") for index, item in enumerate(raw)]
        return [Comparison(found, operator, tuple(value for value in values if value is not None), path)]

    def _scalar(self, found: Field, raw: object, *, path: str) -> Scalar | None:
        value = _typed(found.kind, raw)
        if value is None:
            self._refuse(
                path, f"{_shown(raw)} is not a {_wanted(found.kind)}", f"{found.name} is measured in {found.unit}"
            )
        elif found.name == "segment" and value not in SEGMENTS:
            self._refuse(
                path, f"unknown segment {_shown(raw)}", nearest(str(raw), SEGMENTS) or "one of " + ", ".join(SEGMENTS)
            )
        return value

    def _check_contradictions(self, group: Condition, *, path: str) -> None:
        direct = _direct_comparisons(group)
        for name in {comparison.field.name for comparison in direct}:
            about = [comparison for comparison in direct if comparison.field.name == name]
            if about[0].field.kind is not Kind.TAGS and not _is_satisfiable(about):
                self._refuse(path, f"no value of {name} can satisfy all its conditions", "widen or remove one of them")

    def _refuse(self, path: str, message: str, suggestion: str) -> Condition:
        problem = Problem(path, message, suggestion)
        if problem not in self.problems:
            self.problems.append(problem)
        return AllOf(())


def _split_key(key: str) -> tuple[Field | None, Operator | None]:
    """Return the field a key names, with the operator of a `_min` or `_max` key."""
    if (found := find_field(key)) is not None:
        return found, None
    for suffix, operator in (("_min", Operator.MIN), ("_max", Operator.MAX)):
        if key.endswith(suffix) and (found := find_field(key.removesuffix(suffix))) is not None:
            return found, operator
    return None, None


def _typed(kind: Kind, raw: object) -> Scalar | None:
    if kind.is_numeric:
        return _number(raw)
    if kind is Kind.BOOLEAN:
        return raw if isinstance(raw, bool) else None
    is_text = isinstance(raw, str) and 0 < len(raw) <= TEXT_MAX and "\x00" not in raw
    return str(raw) if is_text else None


def _number(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None
    if isinstance(raw, int) and raw.bit_length() > 64:
        return None
    number = Decimal(str(raw))
    return number if number.is_finite() and abs(number) <= NUMBER_MAX else None


def _direct_comparisons(condition: Condition) -> list[Comparison]:
    """Return the comparisons that must all hold together: those of nested all-groups, not of `any` or `not`."""
    match condition:
        case Comparison():
            return [condition]
        case AllOf(members):
            return [found for member in members for found in _direct_comparisons(member)]
        case _:
            return []


def _is_satisfiable(about: list[Comparison]) -> bool:
    allowed = _allowed_values(about)
    if allowed is not None:
        return any(all(_holds(comparison, value) for comparison in about) for value in allowed)
    lows = [(c.value, c.operator is Operator.GT) for c in about if c.operator in (Operator.MIN, Operator.GT)]
    highs = [(c.value, c.operator is Operator.LT) for c in about if c.operator in (Operator.MAX, Operator.LT)]
    return all(
        low < high or (low == high and not low_open and not high_open)  # type: ignore[operator]
        for low, low_open in lows
        for high, high_open in highs
    )


def _allowed_values(about: list[Comparison]) -> set[Scalar] | None:
    sets = [set(_as_tuple(c.value)) for c in about if c.operator in (Operator.EQUALS, Operator.IN)]
    return set.intersection(*sets) if sets else None


def _holds(comparison: Comparison, value: Any) -> bool:
    bound: Any = comparison.value
    match comparison.operator:
        case Operator.MIN:
            return bool(value >= bound)
        case Operator.MAX:
            return bool(value <= bound)
        case Operator.GT:
            return bool(value > bound)
        case Operator.LT:
            return bool(value < bound)
        case Operator.EQUALS | Operator.IN:
            return value in _as_tuple(bound)
        case Operator.NOT | Operator.NOT_IN:
            return value not in _as_tuple(bound)


def _as_tuple(value: Scalar | tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return value if isinstance(value, tuple) else (value,)


def _wanted(kind: Kind) -> str:
    return {Kind.NUMBER: "number", Kind.INTEGER: "number", Kind.BOOLEAN: "true or false"}.get(kind, "text")


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"


def _shown_key(key: object) -> str:
    return str(key)[:60]
