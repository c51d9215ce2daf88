"""The order in which conditions are looked at: what is cheap first, what is dear only where it can still matter."""

from __future__ import annotations

from rewards.conditions.tree import AllOf, AnyOf, Comparison, Condition, Negation, Operator
from rewards.fields import FIELDS, SINCE_LAST_REWARD, Kind

# What one comparison costs beside another, measured: a look at the decisions is dearer than all columns together.
_KIND_COSTS = {Kind.BOOLEAN: 1, Kind.INTEGER: 1, Kind.TEXT: 1, Kind.NUMBER: 2, Kind.TAGS: 5}
_COMPUTED_COST, _LOOKED_UP_COST = 4, 50


def cheapest_first(condition: Condition) -> Condition:
    """Order the members of every group by what they cost to evaluate."""
    match condition:
        case AllOf(members, path):
            return AllOf(tuple(sorted(map(cheapest_first, members), key=_cost)), path)
        case AnyOf(members, path):
            return AnyOf(tuple(sorted(map(cheapest_first, members), key=_cost)), path)
        case Negation(member, path):
            return Negation(cheapest_first(member), path)
        case Comparison():
            return condition


def foreseen(condition: Condition) -> Condition:
    """Put before a look at the last reward what it needs at least: nobody has staked more since than ever.

    Lifetime measures are never below 0. It may turn unknown to false, so nothing is foreseen inside a negation.
    """
    match condition:
        case AllOf(members, path):
            return AllOf(tuple(foreseen(member) for member in members), path)
        case AnyOf(members, path):
            return AnyOf(tuple(foreseen(member) for member in members), path)
        case Comparison(field, Operator.MIN | Operator.GT) if field.is_since_last_reward and len(field.columns) == 1:
            ever = FIELDS[field.name.removesuffix(SINCE_LAST_REWARD)]
            return AllOf((Comparison(ever, condition.operator, condition.value, condition.path), condition))
        case _:
            return condition


def _cost(condition: Condition) -> int:
    match condition:
        case AllOf(members) | AnyOf(members):
            return sum(map(_cost, members))
        case Negation(member):
            return _cost(member)
        case Comparison(field) if field.is_since_last_reward:
            return _LOOKED_UP_COST
        case Comparison(field, _, value):
            computed = _COMPUTED_COST if len(field.columns) > 1 else 0
            return (_KIND_COSTS[field.kind] + computed) * (len(value) if isinstance(value, tuple) else 1)
