"""A rule's conditions without `not`: the form that other evaluators take.

Every negation is carried down to the single comparisons. A comparison with an unknown value fails, and so does its
opposite, which is what three-valued logic asks for where only "true" counts.
"""

from __future__ import annotations

from bench.rules import BenchRule
from rewards.conditions import AllOf, AnyOf, Comparison, Condition, Negation, Operator, parse_conditions

_OPPOSITES = {
    Operator.MIN: Operator.LT,
    Operator.LT: Operator.MIN,
    Operator.MAX: Operator.GT,
    Operator.GT: Operator.MAX,
    Operator.EQUALS: Operator.NOT,
    Operator.NOT: Operator.EQUALS,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}


def tree_of(rule: BenchRule) -> Condition:
    """Return the conditions of a rule as a tree of comparisons joined by "all of" and "any of"."""
    condition, problems = parse_conditions(rule.conditions)
    if problems:
        raise ValueError(f"{rule.rule_id}: {'; '.join(str(problem) for problem in problems)}")
    return without_negations(condition)


def without_negations(condition: Condition) -> Condition:
    """Return the same condition with every negation carried down to its comparisons."""
    match condition:
        case Negation(member):
            return _opposite(member)
        case AllOf(members):
            return AllOf(tuple(without_negations(member) for member in members))
        case AnyOf(members):
            return AnyOf(tuple(without_negations(member) for member in members))
        case Comparison():
            return condition


def _opposite(condition: Condition) -> Condition:
    match condition:
        case Negation(member):
            return without_negations(member)
        case AllOf(members):
            return AnyOf(tuple(_opposite(member) for member in members))
        case AnyOf(members):
            return AllOf(tuple(_opposite(member) for member in members))
        case Comparison(found, operator, value, path):
            return Comparison(found, _OPPOSITES[operator], value, path)
