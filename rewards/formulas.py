"""Formulas of a rule: arithmetic over numeric fields, parsed to a tree with a whitelist, never evaluated by Python.

`+ − * / ( )`, decimal numbers, field names and `min max round floor ceil abs`. Compiled by `rewards.expressions`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from rewards.fields import ALIASES, FIELDS, NUMBER_MAX, Field, find_field
from rewards.problems import Problem, nearest, shown

LENGTH_MAX = 1000
DEPTH_MAX = 40
# A chain of operators becomes a tree as deep as it is long, and is compiled by recursion.
OPERATORS_MAX = 100
PROBLEMS_MAX = 20
_BLANKS = " \t\n\r\f\v"
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<sign>[-+*/(),]))", re.ASCII
)
# Function → fewest and most arguments.
FUNCTIONS = {"min": (2, 10), "max": (2, 10), "round": (1, 2), "floor": (1, 1), "ceil": (1, 1), "abs": (1, 1)}
FUNCTION_HELP = {
    "min": "min(a, b, …): the smallest",
    "max": "max(a, b, …): the largest",
    "round": "round(a) or round(a, 2): half up, to so many decimals",
    "floor": "floor(a): the next whole number below",
    "ceil": "ceil(a): the next whole number above",
    "abs": "abs(a): without its sign",
}


@dataclass(frozen=True, slots=True)
class Number:
    """A literal."""

    value: Decimal


@dataclass(frozen=True, slots=True)
class Name:
    """A numeric field."""

    field: Field


@dataclass(frozen=True, slots=True)
class Negative:
    """Unary minus."""

    operand: Formula


@dataclass(frozen=True, slots=True)
class Binary:
    """`+`, `-`, `*` or `/`; a division by zero has no value."""

    sign: str
    left: Formula
    right: Formula


@dataclass(frozen=True, slots=True)
class Call:
    """A whitelisted function; unknown if any argument is."""

    function: str
    arguments: tuple[Formula, ...]


Formula = Number | Name | Negative | Binary | Call


class _FormulaError(Exception):
    def __init__(self, position: int, message: str, suggestion: str = "") -> None:
        super().__init__(message)
        self.position, self.message, self.suggestion = position, message, suggestion


def parse_formula(raw: object, *, path: str = "reward_config.formula") -> tuple[Formula | None, list[Problem]]:
    """Return the formula's tree, or None with its problems, each with its position (counted from 1).

    Unknown names are all reported; reading stops at the first place that is no formula.
    """
    if not isinstance(raw, str):
        return None, [Problem(path, f"{shown(raw)} is not a text", 'a formula such as "net_loss * 0.10" is needed')]
    if len(raw) > LENGTH_MAX:
        return None, [Problem(path, f"{len(raw)} characters are too many", f"at most {LENGTH_MAX}")]
    errors: list[_FormulaError] = []
    formula = None
    try:
        formula = _Parser(raw, errors=errors).parse()
    except _FormulaError as error:
        errors.append(error)
    problems = [Problem(path, f"{e.message} at character {e.position + 1}", e.suggestion) for e in errors]
    return (None if problems else formula), problems


def formula_fields(formula: Formula) -> list[Field]:
    """Return the fields a formula reads, in order."""
    match formula:
        case Number():
            return []
        case Name(found):
            return [found]
        case Negative(operand):
            return formula_fields(operand)
        case Binary(_, left, right):
            return formula_fields(left) + formula_fields(right)
        case Call(_, arguments):
            return [found for argument in arguments for found in formula_fields(argument)]


class _Parser:
    """Recursive descent: sum → product → factor. What can be read past is added to `errors`."""

    def __init__(self, text: str, *, errors: list[_FormulaError]) -> None:
        self.errors = errors
        self.tokens = _tokens(text)
        self.index = 0
        self.depth = 0

    def parse(self) -> Formula:
        operators = [position for _, text, position in self.tokens if text in ("+", "-", "*", "/")]
        if len(operators) > OPERATORS_MAX:
            raise _FormulaError(operators[OPERATORS_MAX], f"more than {OPERATORS_MAX} operators", "split the rule")
        formula = self._sum()
        kind, text, position = self.tokens[self.index]
        if kind != "end":
            raise _FormulaError(position, f"unexpected {text!r}", "an operator such as + or * is needed here")
        return formula

    def _sum(self) -> Formula:
        left = self._product()
        while self._peek() in ("+", "-"):
            sign = self._next()
            left = Binary(sign, left, self._product())
        return left

    def _product(self) -> Formula:
        left = self._factor()
        while self._peek() in ("*", "/"):
            sign = self._next()
            left = Binary(sign, left, self._factor())
        return left

    def _factor(self) -> Formula:
        self.depth += 1
        kind, text, position = self.tokens[self.index]
        if self.depth > DEPTH_MAX:
            raise _FormulaError(position, f"nested deeper than {DEPTH_MAX} levels")
        self.index += 1
        factor = self._read_factor(kind, text, position)
        self.depth -= 1
        return factor

    def _read_factor(self, kind: str, text: str, position: int) -> Formula:
        if kind == "number":
            return _number(text, position)
        if kind == "name":
            return self._call(text, position) if self._peek() == "(" else self._name(text, position)
        if text == "-":
            return Negative(self._factor())
        if text == "(":
            inner = self._sum()
            self._expect(")")
            return inner
        wanted = "a number, a field or ("
        raise _FormulaError(position, "the formula ends too early" if kind == "end" else f"unexpected {text!r}", wanted)

    def _call(self, function: str, position: int) -> Formula:
        if function not in FUNCTIONS:
            suggestion = nearest(function, FUNCTIONS) or "one of " + ", ".join(FUNCTIONS)
            self._report(_FormulaError(position, f"unknown function {shown(function)}", suggestion))
        self._expect("(")
        arguments = [self._sum()]
        while self._peek() == ",":
            self.index += 1
            arguments.append(self._sum())
        self._expect(")")
        if function in FUNCTIONS and (wrong := _argument_error(function, arguments, position)):
            self._report(wrong)
        return Call(function, tuple(arguments))

    def _name(self, text: str, position: int) -> Formula:
        found = find_field(text)
        if found is not None and found.kind.is_numeric:
            return Name(found)
        if found is None:
            suggestion = nearest(text, [*FIELDS, *ALIASES])
            self._report(_FormulaError(position, f"unknown field {shown(text)}", suggestion))
        else:
            message = f"{found.name} is a {found.kind}, not a number"
            self._report(_FormulaError(position, message, "use a numeric field"))
        return Number(Decimal(0))

    def _report(self, error: _FormulaError) -> None:
        """Keep an error and read on, but not for ever."""
        if len(self.errors) >= PROBLEMS_MAX - 1:
            raise error
        self.errors.append(error)

    def _peek(self) -> str:
        return self.tokens[self.index][1]

    def _next(self) -> str:
        self.index += 1
        return self.tokens[self.index - 1][1]

    def _expect(self, sign: str) -> None:
        kind, text, position = self.tokens[self.index]
        if text != sign:
            found = "the formula ends too early" if kind == "end" else f"unexpected {text!r}"
            raise _FormulaError(position, found, f"{sign!r} is needed here")
        self.index += 1


def _tokens(text: str) -> list[tuple[str, str, int]]:
    tokens, position, stripped = [], 0, text.rstrip(_BLANKS)
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            at = len(stripped) - len(stripped[position:].lstrip(_BLANKS))
            raise _FormulaError(
                at, f"{stripped[at]!r} has no place in a formula", "use digits, fields and + - * / ( ) ,"
            )
        kind = str(match.lastgroup)
        tokens.append((kind, match[kind], match.start(kind)))
        position = match.end()
    return [*tokens, ("end", "", len(text))]


def _number(text: str, position: int) -> Number:
    number = Decimal(text)
    if number > NUMBER_MAX:
        raise _FormulaError(position, "the number is too large", f"at most {NUMBER_MAX:f}")
    return Number(number)


def _argument_error(function: str, arguments: list[Formula], position: int) -> _FormulaError | None:
    fewest, most = FUNCTIONS[function]
    if not fewest <= len(arguments) <= most:
        wanted = "one argument" if fewest == most else f"{fewest} to {most} arguments"
        return _FormulaError(position, f"{function} takes {wanted}, not {len(arguments)}")
    if function != "round" or len(arguments) == 1:
        return None
    match arguments[1]:
        case Number(value) if value == int(value) and 0 <= value <= 6:
            return None
    return _FormulaError(position, "round takes a whole number of decimals from 0 to 6 as its second argument")
