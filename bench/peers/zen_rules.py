"""The rules in zen-engine's own language: loaded and compiled once, one call per player for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import zen

from bench.peers.rule_trees import tree_of
from bench.rules import BenchRule
from rewards.conditions import AllOf, AnyOf, Comparison, Condition, Operator, comparisons
from rewards.fields import Kind
from rewards.formulas import Binary, Call, Formula, Name, Negative, Number, formula_fields, parse_formula

Player = dict[str, Any]


class ZenDecision:
    """The usual way: one decision in which each rule is a named expression, loaded and compiled once by the engine.

    `engine.evaluate` with a static loader is the fastest of its calls; batches and its `ZenDecision` take longer.
    """

    def __init__(self, rules: Sequence[BenchRule]) -> None:
        trees = [tree_of(rule) for rule in rules]
        self.fields = sorted(
            {found.field.name for tree in trees for found in comparisons(tree)} | _amount_fields(rules)
        )
        named = {rule.rule_id: _write(tree) for rule, tree in zip(rules, trees, strict=True)}
        amounts = {rule.rule_id: f"{named[rule.rule_id]} ? {_write_amount(rule)} : null" for rule in rules}
        content = {"rules": _decision(named), "amounts": _decision(amounts)}
        self._engine = zen.ZenEngine({"loader": {"type": "static", "content": content}})

    def matches(self, players: Sequence[Player]) -> int:
        """Say yes or no of every rule for every player and return how many hold."""
        evaluate = self._engine.evaluate
        return sum(sum(evaluate("rules", player)["result"].values()) for player in players)

    def amounts(self, players: Sequence[Player]) -> list[dict[str, float | None]]:
        """Return by rule what every player would be given: None where the rule does not hold, −1 without a value."""
        evaluate = self._engine.evaluate
        return [evaluate("amounts", player)["result"] for player in players]


class ZenExpression:
    """All rules as one compiled expression without the engine around it: no names, only a list of yes and no.

    Nobody would keep a programme's rules so; it shows what the expression language alone can do.
    """

    def __init__(self, rules: Sequence[BenchRule]) -> None:
        parts = [_write(tree_of(rule)) for rule in rules]
        self._expression = zen.compile_expression(f"[{', '.join(parts)}]")

    def matches(self, players: Sequence[Player]) -> int:
        """Evaluate every rule for every player and return how many hold."""
        evaluate = self._expression.evaluate
        return sum(sum(evaluate(player)) for player in players)


def as_zen_input(row: dict[str, Any]) -> Player:
    """Return a row of facts as zen's own numbers; zen has no exact decimals from Python but floats."""
    return {name: float(value) if isinstance(value, Decimal) else value for name, value in row.items()}


def _decision(written: dict[str, str]) -> dict[str, Any]:
    """Return the decision graph: input, one node with an expression per rule, output."""
    expressions = [{"id": name, "key": name, "value": value} for name, value in written.items()]
    kinds = {"input": "inputNode", "rules": "expressionNode", "output": "outputNode"}
    nodes = [{"id": name, "name": name, "type": kind, "position": {"x": 0, "y": 0}} for name, kind in kinds.items()]
    nodes[1]["content"] = {"expressions": expressions}
    edges = [
        {"id": "first", "type": "edge", "sourceId": "input", "targetId": "rules"},
        {"id": "second", "type": "edge", "sourceId": "rules", "targetId": "output"},
    ]
    return {"nodes": nodes, "edges": edges}


def _write(condition: Condition) -> str:
    match condition:
        case AllOf(members):
            return "(" + " and ".join(_write(member) for member in members) + ")"
        case AnyOf(members):
            return "(" + " or ".join(_write(member) for member in members) + ")"
        case Comparison():
            return _write_comparison(condition)
    raise TypeError(f"{condition} is to be written without negations")


def _amount_fields(rules: Sequence[BenchRule]) -> set[str]:
    return {found.name for rule in rules for found in formula_fields(_formula_of(rule))}


def _formula_of(rule: BenchRule) -> Formula:
    formula, problems = parse_formula(rule.reward.get("formula") or str(rule.reward["amount"]))
    if formula is None:
        raise ValueError(f"{rule.rule_id}: {'; '.join(str(problem) for problem in problems)}")
    return formula


def _write_amount(rule: BenchRule) -> str:
    """Return the amount under its maximum, not rounded; −1 where a field is unknown, which would be an error in zen."""
    formula = _formula_of(rule)
    amount, most = _write_formula(formula), rule.reward.get("max_amount")
    if most is not None:
        amount = f"min([{amount}, {most}])"
    unknown = " or ".join(f"{name} == null" for name in sorted({found.name for found in formula_fields(formula)}))
    return f"({unknown} ? -1 : {amount})" if unknown else amount


def _write_formula(formula: Formula) -> str:
    match formula:
        case Number(value):
            return str(value)
        case Name(found):
            return found.name
        case Negative(operand):
            return f"(-{_write_formula(operand)})"
        case Binary(sign, left, right):
            return f"({_write_formula(left)} {sign} {_write_formula(right)})"
        case Call("min" | "max" as function, arguments):
            return f"{function}([{', '.join(map(_write_formula, arguments))}])"
        case Call(function, (argument,)):
            return f"{function}({_write_formula(argument)})"
    raise TypeError(f"{formula} is not written for zen")


_SIGNS = {
    Operator.MIN: ">=",
    Operator.MAX: "<=",
    Operator.GT: ">",
    Operator.LT: "<",
    Operator.EQUALS: "==",
    Operator.NOT: "!=",
    Operator.IN: "in",
    Operator.NOT_IN: "not in",
}


def _write_comparison(comparison: Comparison) -> str:
    """Guard each comparison: comparing with null is an error in zen, not a no."""
    name, value = comparison.field.name, _literal(comparison.value)
    if comparison.field.kind is Kind.TAGS:
        return f"({value} in {name})" if comparison.operator is Operator.EQUALS else f"(not ({value} in {name}))"
    return f"({name} != null and {name} {_SIGNS[comparison.operator]} {value})"


def _literal(value: object) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}'" if isinstance(value, str) else str(value)
