"""Random rules: reading one gives a rule or problems, and SQL says of it what plain Python says."""

from __future__ import annotations

import json
from decimal import Decimal
from fractions import Fraction
from itertools import count
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.expressions import compile_expression
from core.strict_json import JSONRefusedError, read_json
from players.tests.factories import ON
from rewards.conditions import parse_conditions
from rewards.definitions import define_rule, parse_reward_config
from rewards.evaluation import match_rules
from rewards.expressions import condition_expression, formula_expression
from rewards.fields import ALIASES, FIELDS
from rewards.formulas import FUNCTIONS, parse_formula
from rewards.models import PlayerFacts, RewardRule, RuleMatch
from rewards.problems import Problem, RuleInvalidError
from rewards.rules import CONTENT_FIELDS, check_rule, save_rule, validate_rule
from rewards.tests.naive_evaluator import TooCloseError, amount, holds, is_exact, rendered

checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
ordinary = settings(deadline=None, suppress_health_check=checks)
thorough = settings(ordinary, max_examples=250)
run_ids = count(1_000_000)

# ── Whatever is read ──

texts = st.text(max_size=20)
names = st.one_of(
    st.sampled_from([*FIELDS, *ALIASES, "all", "any", "not", "min", "max", "gt", "in", "not_in", "net_loss_min"]), texts
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    texts,
    st.decimals(),
    st.sampled_from(["LOSING", "VIP", "vip"]),
)
anything = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(names, inner, max_size=4)),
    max_leaves=20,
)


def check(problems: list[Any]) -> None:
    for problem in problems:
        assert problem.path.startswith(("conditions", "reward_config"))
        assert len(str(problem)) < 600
        str(problem).encode()


@pytest.mark.django_db
@ordinary
@given(st.dictionaries(names, anything, max_size=4))
def test_conditions_are_read_or_refused_and_what_is_read_compiles(raw: dict[str, Any]) -> None:
    conditions, problems = parse_conditions(raw)

    check(problems)
    if not problems and raw:
        compile_expression(condition_expression(conditions, rule_number=1), model=PlayerFacts)


tokens = st.sampled_from(
    [*FIELDS, *FUNCTIONS, *"+-*/(),", "0", "1.5", ".5", "007", " ", "**", "__import__", "−", "５", "\x00", "1e5", "x"]
)


@pytest.mark.django_db
@ordinary
@given(st.one_of(texts, st.lists(tokens, max_size=12).map("".join)))
def test_formulas_are_read_or_refused_and_what_is_read_compiles(text: str) -> None:
    formula, problems = parse_formula(text)

    check(problems)
    assert (formula is None) == bool(problems)
    if formula is not None:
        compile_expression(formula_expression(formula, rule_number=1), model=PlayerFacts)


@ordinary
@given(
    st.one_of(anything, st.dictionaries(st.sampled_from(["type", "formula", "amount", "max_amount", "x"]), anything))
)
def test_rewards_are_read_or_refused(raw: Any) -> None:
    reward, problems = parse_reward_config(raw)

    check(problems)
    assert (reward is None) == bool(problems)


contents = st.dictionaries(
    st.one_of(st.sampled_from([*CONTENT_FIELDS, "reward", "status", "is_active", "number"]), texts),
    anything,
    max_size=6,
)
plain = {"type": "TICKETS", "amount": 1}


@pytest.mark.django_db
@ordinary
@given(contents, st.booleans())
def test_a_rule_of_any_content_is_saved_or_refused_with_problems(content: dict[str, Any], is_paid: bool) -> None:
    content = {**content, "reward": plain} if is_paid else content
    found = check_rule(content)

    problems = save(content)

    assert [str(problem) for problem in problems] == [str(problem) for problem in found]
    assert len(problems) <= 400
    assert all(len(str(problem)) < 600 for problem in problems)


def save(content: dict[str, Any]) -> list[Problem]:
    """Save a new rule, read it and remove it again, or return what is wrong with it."""
    with transaction.atomic():
        try:
            rule = save_rule(rule_id="ANY", content=content, saved_by=None)
        except RuleInvalidError as refused:
            return refused.problems
        validate_rule(rule)
        transaction.set_rollback(True)
    return []


def as_json(content: dict[str, Any]) -> str:
    return json.dumps(content, default=str)


def read(text: str) -> tuple[Any, str]:
    """Return what a text says, or why it is refused."""
    try:
        return read_json(text), ""
    except JSONRefusedError as refused:
        return None, str(refused)


brackets = st.sampled_from([*'{}[]":,', '"age"', '"reward"', '{"age": 1}', "1", "1e400", "NaN", "null", "\\ud800", " "])


@pytest.mark.django_db
@ordinary
@given(st.one_of(st.text(), st.lists(brackets, max_size=20).map("".join), contents.map(as_json)))
def test_any_text_is_refused_as_json_or_checked_as_a_rule(text: str) -> None:
    content, refused = read(text)

    assert len(refused) < 300
    check(parse_conditions(content)[1])
    if isinstance(content, dict):
        assert all(isinstance(problem, Problem) for problem in check_rule(content))


# ── The same rules in SQL and in Python ──

COUNTRIES = ["", "DE", "FR"]
TAGS = ["vip", "beta", "new"]
amounts = st.decimals(min_value=0, max_value=1000, places=2)
few = st.integers(min_value=0, max_value=3)
optional_money = st.one_of(st.none(), st.sampled_from([Decimal(0), Decimal(1), Decimal("2.50")]), amounts)
facts = st.fixed_dictionaries(
    {
        "segment": st.sampled_from(["NEW", "LOSING", "VIP"]),
        "country": st.one_of(st.none(), st.sampled_from(COUNTRIES)),
        "tags": st.one_of(st.none(), st.lists(st.sampled_from(TAGS), unique=True, max_size=3)),
        "kyc_completed": st.one_of(st.none(), st.booleans()),
        "age": st.one_of(st.none(), few),
        "total_sessions": st.one_of(st.none(), few),
        "total_wagered": optional_money,
        "net_pnl": st.one_of(st.none(), st.decimals(min_value=-5, max_value=5, places=2)),
        "total_wagered_7d": optional_money,
        "total_won_7d": optional_money,
        "total_bets_7d": st.one_of(st.none(), few),
        "cashback_multiplier": st.one_of(st.none(), st.sampled_from([Decimal("1.0000"), Decimal("1.5000")])),
    }
)
NUMERIC = [
    "age",
    "total_sessions",
    "total_wagered",
    "net_pnl",
    "net_loss",
    "total_wagered_7d",
    "net_pnl_7d",
    "net_loss_7d",
]
NUMERIC += ["win_loss_ratio_7d", "avg_bet_size_7d", "cashback_multiplier"]
numbers = st.one_of(st.integers(-2, 4), st.sampled_from([0.5, 1.5, 2.5, -0.01, 1000]))


def operators(value: st.SearchStrategy[Any], ordered: bool) -> st.SearchStrategy[Any]:
    lists = st.lists(value, min_size=1, max_size=3)
    single = ["equals", "not", *(["min", "max", "gt", "lt"] if ordered else [])]
    return st.one_of(
        value,
        lists,
        st.dictionaries(st.sampled_from(single), value, min_size=1, max_size=2),
        st.fixed_dictionaries({}, optional={"in": lists, "not_in": lists}).filter(bool),
    )


comparisons = st.one_of(
    st.tuples(st.sampled_from(NUMERIC), operators(numbers, ordered=True)),
    st.tuples(st.sampled_from(NUMERIC).map(lambda name: f"{name}_min"), numbers),
    st.tuples(st.sampled_from(NUMERIC).map(lambda name: f"{name}_max"), numbers),
    st.tuples(st.just("segment"), operators(st.sampled_from(["NEW", "LOSING", "VIP"]), ordered=False)),
    st.tuples(st.just("country"), operators(st.sampled_from(COUNTRIES[1:]), ordered=False)),
    st.tuples(st.just("tags"), operators(st.sampled_from(TAGS), ordered=False)),
    st.tuples(st.just("kyc_completed"), operators(st.booleans(), ordered=False)),
).map(lambda pair: {pair[0]: pair[1]})


def groups(inner: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    members = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        members.map(lambda found: {"all": found}),
        members.map(lambda found: {"any": found}),
        inner.map(lambda found: {"not": found}),
        st.tuples(inner, inner).map(lambda pair: {**pair[0], **pair[1]}),
    )


conditions = st.recursive(comparisons, groups, max_leaves=6)
leaves = st.one_of(
    st.sampled_from(["0", "1", "2", "3", "7", "0.5", "1.25", ".1", "100"]).map(lambda text: ("number", text)),
    st.sampled_from(NUMERIC).map(lambda name: ("name", name)),
)


def branches(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.tuples(st.sampled_from("+-*/"), inner, inner),
        st.tuples(st.just("-"), inner),
        st.tuples(st.just("call"), st.sampled_from(["min", "max"]), st.lists(inner, min_size=2, max_size=3)),
        st.tuples(st.just("call"), st.sampled_from(["round", "floor", "ceil", "abs"]), st.tuples(inner)),
        st.tuples(
            st.just("call"), st.just("round"), st.tuples(inner, st.sampled_from("0123").map(lambda n: ("number", n)))
        ),
    )


formulas = st.recursive(leaves, branches, max_leaves=6)
MOST = Decimal("500.00")


def matches(
    rules: list[tuple[Any, Any]], players: list[dict[str, Any]]
) -> tuple[dict[tuple[int, int], Decimal | None], dict[int, list[str]]]:
    """Evaluate (conditions, formula) in SQL; return the amounts by number of rule and of player, and who was refused.

    Random conditions may exclude each other; nothing else is refused about them.
    """
    definitions, refused = [], {}
    for number, (raw, formula) in enumerate(rules):
        reward = {"type": "BONUS_BALANCE", "formula": rendered(formula), "max_amount": str(MOST)}
        rule = RewardRule(rule_id=str(number), number=number, name="x", conditions=raw, reward_config=reward)
        definition, problems = define_rule(rule)
        assert all(problem.message.startswith("no value of") for problem in problems)
        if definition is None:
            refused[number] = [problem.path for problem in problems]
        else:
            definitions.append(definition)
    run_id = next(run_ids)
    PlayerFacts.objects.bulk_create(
        PlayerFacts(run_id=run_id, player_id=str(number), as_of=ON, **player) for number, player in enumerate(players)
    )
    match_rules(definitions, run_id=run_id)
    found = RuleMatch.objects.filter(run_id=run_id).values_list("rule_number", "player_id", "amount")
    return {(rule, int(player)): given for rule, player, given in found}, refused


@pytest.mark.django_db
@thorough
@given(st.lists(st.tuples(conditions, formulas), min_size=3, max_size=3), st.lists(facts, min_size=3, max_size=5))
def test_sql_and_plain_python_agree(rules: list[tuple[Any, Any]], players: list[dict[str, Any]]) -> None:
    found, refused = matches(rules, players)

    for rule, (raw, formula) in enumerate(rules):
        for player, known in enumerate(players):
            if rule not in refused:
                assert ((rule, player) in found) == (holds(raw, known) is True), (raw, known)
            elif "conditions" in refused[rule]:
                assert holds(raw, known) is not True, (raw, known)
            if (rule, player) in found:
                check_amount(found[rule, player], formula, known)


def check_amount(given_amount: Decimal | None, formula: Any, known: dict[str, Any]) -> None:
    try:
        wanted = amount(formula, known, max_amount=MOST)
        exact = is_exact(formula, known)
    except TooCloseError:
        return
    if wanted is None or given_amount is None:
        assert (wanted is None) == (given_amount is None), (rendered(formula), known)
    else:
        difference = abs(Fraction(given_amount) - wanted)
        assert difference <= (0 if exact else Fraction(1, 100)), (rendered(formula), known)
