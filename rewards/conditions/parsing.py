"""Read conditions and say everything that is wrong with them, each with its path and what would be right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.strict_json import is_storable
from players.models import PlayerSegment
from rewards.conditions.contradictions import contradicting_fields
from rewards.conditions.tree import AllOf, AnyOf, Comparison, Condition, Negation, Operator, Scalar
from rewards.fields import ALIASES, FIELDS, NUMBER_MAX, Field, Kind, find_field
from rewards.problems import Problem, nearest, shown, shown_key

DEPTH_MAX = 10
CONDITIONS_MAX = 200
LIST_MAX = 1000
VALUES_MAX = 10_000
PROBLEMS_MAX = 100
TEXT_MAX = 200
ORDERING = (Operator.MIN, Operator.MAX, Operator.GT, Operator.LT)
LISTS = (Operator.IN, Operator.NOT_IN)


def parse_conditions(raw: object, *, path: str = "conditions") -> tuple[Condition, list[Problem]]:
    """Return the conditions and the problems in them, 100 at most; with a problem the conditions must not be used.

    An empty object holds for every player.
    """
    parser = _Parser()
    return parser.parse_object(raw, path=path, depth=0), parser.problems


@dataclass(slots=True)
class _Parser:
    problems: list[Problem] = field(default_factory=list)
    condition_count: int = 0
    value_count: int = 0
    contradicting: set[str] = field(default_factory=set)

    def parse_object(self, raw: object, *, path: str, depth: int) -> Condition:
        if not isinstance(raw, dict):
            return self._refuse(path, f"{shown(raw)} is not an object", 'write {"field": value}')
        if depth > DEPTH_MAX:
            return self._refuse(path, f"nested deeper than {DEPTH_MAX} levels", "flatten the conditions")
        if depth and not raw:
            return self._refuse(path, "an empty object would hold for every player", "write a condition or remove it")
        members: list[Condition] = []
        for key, value in raw.items():
            if self.condition_count > CONDITIONS_MAX:
                break
            members += self._parse_key(key, value, path=f"{path}.{shown_key(key)}", depth=depth)
        return self._all_of(members, path=path)

    def _parse_key(self, key: object, value: object, *, path: str, depth: int) -> list[Condition]:
        self.condition_count += 1
        if self.condition_count > CONDITIONS_MAX:
            self._refuse(path, f"more than {CONDITIONS_MAX} conditions", "split the rule")
            return []
        match key:
            case "all" | "any":
                return [self._parse_list(value, kind=str(key), path=path, depth=depth)]
            case "not":
                return [Negation(self.parse_object(value, path=path, depth=depth + 1), path)]
            case _:
                return self._parse_field(str(key), value, path=path)

    def _parse_list(self, raw: object, *, kind: str, path: str, depth: int) -> Condition:
        if not isinstance(raw, list) or not 0 < len(raw) <= CONDITIONS_MAX:
            wanted = f"a list of 1 to {CONDITIONS_MAX} conditions is needed"
            return self._refuse(path, wanted, f'"{kind}": [{{…}}, {{…}}]')
        members = [self.parse_object(item, path=f"{path}[{index}]", depth=depth + 1) for index, item in enumerate(raw)]
        return self._all_of(members, path=path) if kind == "all" else AnyOf(tuple(members), path)

    def _parse_field(self, key: str, value: object, *, path: str) -> list[Condition]:
        found, operator = _split_key(key)
        if found is None:
            self._refuse(path, f"unknown field {shown(key)}", self._nearest(key, [*FIELDS, *ALIASES]))
            return []
        if operator is not None:
            return self._compare(found, operator, value, path=path)
        if isinstance(value, list):
            return self._compare(found, Operator.IN, value, path=path)
        if not isinstance(value, dict):
            return self._compare(found, Operator.EQUALS, value, path=path)
        return self._parse_operators(found, value, path=path)

    def _parse_operators(self, found: Field, raw: dict[Any, Any], *, path: str) -> list[Condition]:
        if not raw:
            self._refuse(path, "no comparison", 'write for example {"min": 10}')
        result: list[Condition] = []
        for name, value in raw.items():
            if name in list(Operator):
                result += self._compare(found, Operator(name), value, path=f"{path}.{name}")
            else:
                suggestion = self._nearest(str(name), Operator) or "one of " + ", ".join(Operator)
                self._refuse(f"{path}.{shown_key(name)}", f"unknown comparison {shown(name)}", suggestion)
        return result

    def _compare(self, found: Field, operator: Operator, raw: object, *, path: str) -> list[Condition]:
        if operator in ORDERING and not found.kind.is_numeric:
            self._refuse(path, f"{found.name} is a {found.kind} and has no order", 'use "equals" or "in"')
            return []
        if operator in LISTS:
            return self._compare_list(found, operator, raw, path=path)
        value = self._scalar(found, raw, path=path)
        return [] if value is None else [Comparison(found, operator, value, path)]

    def _compare_list(self, found: Field, operator: Operator, raw: object, *, path: str) -> list[Condition]:
        if not isinstance(raw, list) or not 0 < len(raw) <= LIST_MAX:
            self._refuse(path, f"a list of 1 to {LIST_MAX} values is needed, not {shown(raw)}", "")
            return []
        were_too_many = self.value_count > VALUES_MAX
        self.value_count += len(raw)
        if self.value_count > VALUES_MAX:
            if not were_too_many:
                self._refuse(path, f"more than {VALUES_MAX} values in all lists", "give the players a tag instead")
            return []
        values = [self._scalar(found, item, path=f"{path}[{index}]") for index, item in enumerate(raw)]
        usable = tuple(value for value in values if value is not None)
        return [Comparison(found, operator, usable, path)] if len(usable) == len(values) else []

    def _scalar(self, found: Field, raw: object, *, path: str) -> Scalar | None:
        value = _typed(found.kind, raw)
        if value is None:
            unit = f"{found.name} is measured in {found.unit}" if found.kind.is_numeric else ""
            self._refuse(path, f"{shown(raw)} is not a {_WANTED[found.kind]}", unit)
        elif found.name == "segment" and value not in PlayerSegment.values:
            suggestion = self._nearest(str(raw), PlayerSegment.values) or "one of " + ", ".join(PlayerSegment.values)
            self._refuse(path, f"unknown segment {shown(raw)}", suggestion)
            return None
        return value

    def _all_of(self, members: list[Condition], *, path: str) -> AllOf:
        """Join what must hold together, and say where it cannot; a group around a refused one is not refused again."""
        group = AllOf(tuple(members), path)
        for name in contradicting_fields(group):
            if name not in self.contradicting:
                self.contradicting.add(name)
                self._refuse(path, f"no value of {name} can satisfy all its conditions", "widen or remove one of them")
        return group

    def _nearest(self, word: str, known: Iterable[str]) -> str:
        """Look for a suggestion only while somebody will read it: comparing words is the dearest step of reading."""
        return nearest(word, known) if len(self.problems) < PROBLEMS_MAX else ""

    def _refuse(self, path: str, message: str, suggestion: str) -> Condition:
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(Problem(path, message, suggestion))
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
    if isinstance(raw, str) and 0 < len(raw) <= TEXT_MAX and is_storable(raw):
        return str(raw)
    return None


def _number(raw: object) -> Decimal | None:
    if isinstance(raw, bool) or not isinstance(raw, int | float | Decimal):
        return None
    if isinstance(raw, int) and raw.bit_length() > 64:
        return None
    number = Decimal(str(raw))
    return number if number.is_finite() and abs(number) <= NUMBER_MAX else None


_WANTED = {
    Kind.NUMBER: f"number from −{NUMBER_MAX:,f} to {NUMBER_MAX:,f}",
    Kind.INTEGER: f"number from −{NUMBER_MAX:,f} to {NUMBER_MAX:,f}",
    Kind.BOOLEAN: "truth value, true or false",
    Kind.TEXT: f"text of 1 to {TEXT_MAX} characters",
    Kind.TAGS: f"text of 1 to {TEXT_MAX} characters",
}
