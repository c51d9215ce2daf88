"""A hundred random rules and a hundred random players at a time: SQL says of each pair what plain Python says.

Small worlds of values, so that bounds are hit, and a third of everything unknown; a few statements for all pairs.
"""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest

from players.tests.factories import ON
from rewards.definitions import RuleDefinition, define_rule
from rewards.evaluation import match_rules
from rewards.models import PlayerFacts, RewardRule, RuleMatch
from rewards.tests.naive_evaluator import TooCloseError, amount, holds, is_exact, rendered

pytestmark = pytest.mark.django_db
RULES, PLAYERS = 100, 100
MOST = Decimal("50.00")
MONEY = [Decimal(0), Decimal("0.01"), Decimal(1), Decimal("2.50"), Decimal(3), Decimal(7)]
NUMBERS = [-2, -0.01, 0, 0.01, 0.5, 1, 1.5, 2, 2.5, 3, 4, 7, 1000]
CHOICES: dict[str, list[Any]] = {
    "segment": ["NEW", "WINNING", "LOSING", "VIP"],
    "country": ["DE", "FR", "AT"],
    "tags": ["vip", "beta", "new"],
    "kyc_completed": [True, False],
}
STORED: dict[str, list[Any]] = {
    "country": CHOICES["country"],
    "kyc_completed": [True, False],
    "age": [0, 1, 2, 3],
    "total_sessions": [0, 1, 2, 3],
    "total_wagered": MONEY,
    "net_pnl": [Decimal(-3), Decimal("-0.01"), Decimal(0), Decimal(2)],
    "cashback_multiplier": [Decimal("1.0000"), Decimal("1.2500"), Decimal(2)],
    **{f"{name}_{days}d": MONEY for days in (7, 30) for name in ("total_wagered", "total_won")},
    **{f"{name}_{days}d": [0, 1, 2, 3] for days in (7, 30) for name in ("total_bets", "total_sessions")},
}
# One that no rule names, and an unknown one.
SEGMENTS = [*CHOICES["segment"], "BREAKEVEN", None]
RESULTS = ["net_pnl", "net_loss", "house_edge_contribution", "win_loss_ratio", "avg_bet_size", "bets_per_session"]
NUMERIC = [name for name in STORED if name not in CHOICES] + ["net_loss"]
NUMERIC += [f"{result}_{days}d" for result in RESULTS for days in (7, 30)]
NUMERIC += ["sessions", "session_count", "wagered_7d", "bets_30d", "ggr_7d", "bet_frequency_30d", "net_profit"]


def random_player(chance: random.Random) -> dict[str, Any]:
    known = {name: None if chance.random() < 0.33 else chance.choice(values) for name, values in STORED.items()}
    tags = None if chance.random() < 0.33 else chance.sample(CHOICES["tags"], chance.randrange(4))
    return {**known, "tags": tags, "segment": chance.choice(SEGMENTS)}


def random_conditions(chance: random.Random, *, depth: int = 0) -> dict[str, Any]:
    if depth < 4 and chance.random() < 0.5:
        members = [random_conditions(chance, depth=depth + 1) for _ in range(chance.randint(1, 3))]
        return chance.choice([{"all": members}, {"any": members}, {"not": members[0]}, _merged(members)])
    if chance.random() < 0.35:
        name = chance.choice(list(CHOICES))
        return {name: random_test(chance, CHOICES[name], ordered=False)}
    name = chance.choice(NUMERIC)
    if chance.random() < 0.3:
        return {name + chance.choice(["_min", "_max"]): chance.choice(NUMBERS)}
    return {name: random_test(chance, NUMBERS, ordered=True)}


def _merged(members: list[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for member in members for key, value in member.items()}


def random_test(chance: random.Random, values: list[Any], *, ordered: bool) -> Any:
    several = chance.sample(values, chance.randint(1, min(3, len(values))))
    if chance.random() < 0.4:
        return chance.choice([several[0], several])
    single = ["equals", "not", *(["min", "max", "gt", "lt"] if ordered else [])]
    names = chance.sample([*single, "in", "not_in"], chance.choice([1, 1, 2]))
    return {name: several if name in ("in", "not_in") else chance.choice(values) for name in names}


def random_formula(chance: random.Random, *, depth: int = 0) -> Any:
    if depth == 3 or chance.random() < 0.25:
        numbers = [("number", text) for text in ("0", "1", "3", "7", "0.5", "1.25", ".1", "40", "0.005")]
        return chance.choice([chance.choice(numbers), ("name", chance.choice(NUMERIC))])

    def inner() -> Any:
        return random_formula(chance, depth=depth + 1)

    kind = chance.randrange(8)
    if kind < 5:
        return (chance.choice("+-*/"), inner(), inner())
    if kind == 5:
        return ("-", inner())
    if kind == 6:
        return ("call", chance.choice(["min", "max"]), [inner() for _ in range(chance.randint(2, 3))])
    places = [("number", chance.choice("0123"))]
    name = chance.choice(["round", "floor", "ceil", "abs"])
    return ("call", name, [inner(), *(places if name == "round" and chance.random() < 0.5 else [])])


def read_rule(number: int, conditions: dict[str, Any], formula: Any) -> RuleDefinition | None:
    """Return the rule, or None where nobody could satisfy it; random rules are refused for nothing else."""
    reward = {"type": "BONUS_BALANCE", "formula": rendered(formula), "max_amount": str(MOST)}
    rule = RewardRule(rule_id=str(number), number=number, name="x", conditions=conditions, reward_config=reward)
    definition, problems = define_rule(rule)
    assert {problem.message.split(" of ")[0] for problem in problems} <= {"no value"}, (conditions, problems)
    return definition


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sql_and_plain_python_agree_about_ten_thousand_pairs(seed: int) -> None:
    chance = random.Random(seed)
    players = [random_player(chance) for _ in range(PLAYERS)]
    rules: dict[int, tuple[dict[str, Any], Any]] = {}
    definitions: list[RuleDefinition] = []
    while len(definitions) < RULES:
        conditions, formula = random_conditions(chance), random_formula(chance)
        definition = read_rule(len(rules), conditions, formula)
        if definition is not None:
            rules[len(rules)] = (conditions, formula)
            definitions.append(definition)
        else:
            check_nobody_satisfies(conditions, players)

    seen = compare(rules, evaluated(definitions, players, run_id=1_000 + seed), players)

    assert seen["no match"] + seen["match"] == 10_000
    assert min(seen["match"], seen["no match"], seen["unknown"]) > 1_500
    assert min(seen["amount"], seen["no value"]) > 500
    assert seen["too close to tell"] < 300


def check_nobody_satisfies(conditions: dict[str, Any], players: list[dict[str, Any]]) -> None:
    """A refused group may stand beside an alternative; where it is the whole rule it must hold for nobody."""
    if not {"any", "not"} & set(keys_of(conditions)):
        assert not [player for player in players if holds(conditions, player)], conditions


def keys_of(document: Any) -> list[str]:
    if isinstance(document, list):
        return [key for member in document for key in keys_of(member)]
    if not isinstance(document, dict):
        return []
    return [*document, *(key for member in document.values() for key in keys_of(member))]


def evaluated(
    definitions: list[RuleDefinition], players: list[dict[str, Any]], *, run_id: int
) -> dict[tuple[int, int], Decimal | None]:
    """Return the amounts by number of rule and player: one insert, two scans, one read."""
    PlayerFacts.objects.bulk_create(
        PlayerFacts(run_id=run_id, player_id=str(number), as_of=ON, **player) for number, player in enumerate(players)
    )
    match_rules(definitions, run_id=run_id)
    found = RuleMatch.objects.filter(run_id=run_id).values_list("rule_number", "player_id", "amount")
    return {(rule, int(player)): given for rule, player, given in found}


def compare(
    rules: dict[int, tuple[dict[str, Any], Any]],
    found: dict[tuple[int, int], Decimal | None],
    players: list[dict[str, Any]],
) -> Counter[str]:
    """Compare every pair; return how many of each kind were seen."""
    seen: Counter[str] = Counter()
    for number, (conditions, formula) in rules.items():
        for player, facts in enumerate(players):
            expected = holds(conditions, facts)
            assert ((number, player) in found) == (expected is True), (conditions, facts)
            seen["match" if expected else "no match"] += 1
            seen["unknown"] += expected is None
            if expected:
                seen[compare_amount(found[number, player], formula, facts)] += 1
    return seen


def compare_amount(given: Decimal | None, formula: Any, facts: dict[str, Any]) -> str:
    try:
        wanted, exact = amount(formula, facts, max_amount=MOST), is_exact(formula, facts)
    except TooCloseError:
        return "too close to tell"
    if wanted is None or given is None:
        assert (wanted is None) == (given is None), (rendered(formula), facts, wanted, given)
        return "no value"
    difference = abs(Fraction(given) - wanted)
    assert difference <= (0 if exact else Fraction(1, 100)), (rendered(formula), facts, wanted, given)
    return "amount"
