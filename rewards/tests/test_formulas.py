"""What formulas compute: one table of amounts; exact, half up to the cent, unknown where anything in them is."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from core.models import Run, RunKind
from players.tests.factories import ON, make_day
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.formulas import Binary, Call, Name, Number, formula_fields, parse_formula
from rewards.models import RuleMatch
from rewards.tests.factories import definition_of, evaluate, make_player, make_rule, verdicts

# alice: wagered 15,000, won 12,000, 25 sessions, no bets known, SILVER (cashback multiplier 1.2).
AMOUNTS: list[tuple[str, str | None]] = [
    # the documented ones
    ("net_loss * 0.10", "300.00"),
    ("total_wagered * 0.05", "750.00"),
    # precedence and grouping
    ("2 + 3 * 4", "14.00"),
    ("(2 + 3) * 4", "20.00"),
    ("20 - 5 - 3", "12.00"),
    ("100 / 5 / 2", "10.00"),
    ("100 / (5 / 2)", "40.00"),
    ("2 - -3", "5.00"),
    ("-2 * -3", "6.00"),
    ("-(2 + 3) + 6", "1.00"),
    ("--5", "5.00"),
    ("- 5 * 2 + 30", "20.00"),
    (" \t5\n* 2 ", "10.00"),
    (".5 * 10", "5.00"),
    # exact, whole numbers or not
    ("7 / 2", "3.50"),
    ("1 / 3 * 3", "1.00"),
    ("100000 * 100000 / 100000", "100000.00"),
    ("0.1 + 0.2", "0.30"),
    ("total_sessions / 2", "12.50"),
    ("total_sessions / 4 * 4", "25.00"),
    # functions
    ("min(net_loss, 50)", "50.00"),
    ("max(1, 2, 3, total_sessions)", "25.00"),
    ("min(max(net_loss, 5000), 4000)", "4000.00"),
    ("round(2.5)", "3.00"),
    ("round(2.345, 2) * 100", "235.00"),
    ("round(-2.5) + 10", "7.00"),
    ("floor(2.99)", "2.00"),
    ("floor(-2.01) + 10", "7.00"),
    ("floor(5)", "5.00"),
    ("ceil(2.01)", "3.00"),
    ("ceil(total_sessions / 2)", "13.00"),
    ("abs(net_pnl)", "3000.00"),
    ("abs(-5)", "5.00"),
    # half up to the cent
    ("0.005", "0.01"),
    ("0.0049999", "0.00"),
    ("1.005", "1.01"),
    ("2.675", "2.68"),
    # aliases, windows and tier benefits
    ("sessions * 2", "50.00"),
    ("ggr / 100", "30.00"),
    ("net_loss * 0.02 * cashback_multiplier", "72.00"),
    ("free_plays * 0.50", "1.00"),
    ("1 + tournament_tickets", "1.00"),
    ("wagered_7d * 0.1", "10.00"),
    ("net_loss_7d + active_days_7d", "31.00"),
    # no value: division by zero, anything unknown
    ("5 / 0", None),
    ("net_loss / (sessions - 25)", None),
    ("age * 2", None),
    ("min(age, 5)", None),
    ("max(5, age)", None),
    ("min(5, 4, age)", None),
    ("round(avg_bet_size)", None),
    ("0 * age", None),
    ("total_wagered_30d", None),
    ("abs(total_wagered_90d) + 5", None),
    # too small to be stored: no value either
    ("0 - 1000000000000000 * 1000000000000000", None),
]


@pytest.fixture
def alice(db: None) -> None:
    player = make_player("alice", tier="SILVER", days_from=ON.replace(day=15))
    make_day(player, ON, wagered="100.00", won="70.00")


def amounts(formulas: list[str], **reward: Any) -> list[str | None]:
    """Compute formulas for alice, all in one evaluation."""
    terms = {"max_amount": 1_000_000, **reward}
    rules = [definition_of(number=n, reward={"formula": text, **terms}) for n, text in enumerate(formulas)]
    run = Run.objects.create(kind=RunKind.TEST, business_date=ON)
    fill_facts(run_id=run.pk, on=ON, columns=needed_columns(rules))
    match_rules(rules, run_id=run.pk)
    found = RuleMatch.objects.filter(run_id=run.pk).order_by("rule_number").values_list("amount", flat=True)
    return [None if amount is None else f"{amount:.2f}" for amount in found]


@pytest.mark.usefixtures("alice")
def test_every_line_of_the_table_gives_its_amount() -> None:
    found = amounts([formula for formula, _ in AMOUNTS])

    assert list(zip((formula for formula, _ in AMOUNTS), found, strict=True)) == AMOUNTS


@pytest.mark.usefixtures("alice")
def test_an_amount_is_capped_at_its_maximum() -> None:
    assert amounts(["net_loss", "10 * 10", "net_loss * net_loss * net_loss"], max_amount="99.99") == [
        "99.99",
        "99.99",
        "99.99",
    ]


@pytest.mark.usefixtures("alice")
def test_tickets_are_whole_half_up() -> None:
    assert amounts(["2.5", "2.49", "sessions / 10", "0.4"], type="TICKETS") == ["3.00", "2.00", "3.00", "0.00"]


@pytest.mark.usefixtures("alice")
def test_an_amount_below_the_minimum_is_refused_with_the_figure() -> None:
    make_rule("SMALL", reward={"formula": "net_loss * 0.0001", "min_amount": 1, "max_amount": 5})
    make_rule("JUST_ENOUGH", reward={"formula": "net_loss * 0.0001", "min_amount": "0.30", "max_amount": 5})

    evaluate()

    assert verdicts() == {"SMALL": "REJECTED BELOW_MINIMUM", "JUST_ENOUGH": "APPROVED"}


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("formula", ["5 / 0", "age", "0", "0 - 5", "0.004", "net_pnl"])
def test_no_value_nothing_and_less_than_nothing_give_no_reward(formula: str) -> None:
    make_rule(reward={"formula": formula, "max_amount": 5})

    assert evaluate() == {"REJECTED": 1}

    assert verdicts() == {"GIFT": "REJECTED NO_AMOUNT"}


MISTAKES: list[tuple[str, str]] = [
    ("", "the formula ends too early at character 1 (a number, a field or ()"),
    ("net_lost * 0.1", "unknown field 'net_lost' at character 1 (did you mean 'net_loss'?)"),
    ("net_loss * ", "the formula ends too early at character 12 (a number, a field or ()"),
    ("net_loss 0.1", "unexpected '0.1' at character 10 (an operator such as + or * is needed here)"),
    ("(net_loss", "the formula ends too early at character 10 (')' is needed here)"),
    ("net_loss)", "unexpected ')' at character 9 (an operator such as + or * is needed here)"),
    ("2 ** 3", "unexpected '*' at character 4 (a number, a field or ()"),
    ("net_loss % 5", "'%' has no place in a formula at character 10 (use digits, fields and + - * / ( ) ,)"),
    ("rond(5)", "unknown function 'rond' at character 1 (did you mean 'round'?)"),
    ("sqrt(5)", "unknown function 'sqrt' at character 1 (one of min, max, round, floor, ceil, abs)"),
    ("min(5)", "min takes 2 to 10 arguments, not 1 at character 1"),
    ("abs(5, 6)", "abs takes one argument, not 2 at character 1"),
    ("round(5, net_loss)", "round takes a whole number of decimals from 0 to 6 as its second argument at character 1"),
    ("round(5, 7)", "round takes a whole number of decimals from 0 to 6 as its second argument at character 1"),
    ("segment * 2", "segment is a text, not a number at character 1 (use a numeric field)"),
    ("1000000000000001", "the number is too large at character 1 (at most 1000000000000000)"),
    (" + ".join(["1"] * 102), "more than 100 operators at character 403 (split the rule)"),
    ("5 , 6", "unexpected ',' at character 3 (an operator such as + or * is needed here)"),
]


@pytest.mark.parametrize(("formula", "message"), MISTAKES, ids=lambda text: text[:30])
def test_a_mistake_is_refused_with_its_place(formula: str, message: str) -> None:
    _, problems = parse_formula(formula)

    assert [str(problem) for problem in problems] == [f"reward_config.formula: {message}"]


def test_every_unknown_name_of_a_formula_is_named_at_once() -> None:
    _, problems = parse_formula("net_lost * sqrt(segment) + round(2, 9) +")

    assert [problem.message for problem in problems] == [
        "unknown field 'net_lost' at character 1",
        "unknown function 'sqrt' at character 12",
        "segment is a text, not a number at character 17",
        "round takes a whole number of decimals from 0 to 6 as its second argument at character 28",
        "the formula ends too early at character 41",
    ]


def test_twenty_problems_of_a_formula_are_enough() -> None:
    _, problems = parse_formula("x+" * 80 + "x")

    assert len(problems) == 20


def test_a_formula_is_read_into_a_tree_of_known_parts() -> None:
    formula, problems = parse_formula("min(net_loss, 5) * 0.1")

    assert problems == []
    assert isinstance(formula, Binary)
    assert formula.sign == "*"
    assert formula.right == Number(Decimal("0.1"))
    assert isinstance(formula.left, Call)
    assert isinstance(formula.left.arguments[0], Name)
    assert [field.name for field in formula_fields(formula)] == ["net_loss"]
