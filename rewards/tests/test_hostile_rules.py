"""Input made to hurt: refused, quickly, with a message; never an error of another kind, never a rule."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from core.strict_json import JSONRefusedError, read_json
from rewards.conditions import parse_conditions
from rewards.definitions import parse_reward_config
from rewards.formulas import parse_formula
from rewards.models import RewardRule
from rewards.problems import Problem, RuleInvalidError
from rewards.rules import save_rule
from rewards.tests.factories import make_rule

STEPS_MAX = 500_000  # calls of functions, Python's own included


def nested(levels: int, key: str | None) -> Any:
    value: Any = {"age": 1}
    for _ in range(levels):
        value = [value] if key is None else {key: [value] if key in ("all", "any") else value}
    return value


CONDITIONS: dict[str, Any] = {
    "a hundred thousand nots": nested(100_000, "not"),
    "a hundred thousand alls": nested(100_000, "all"),
    "a list in a list, a hundred thousand times": {"age": nested(100_000, None)},
    "ten thousand values": {"country": [str(number) for number in range(10_000)]},
    "ten thousand conditions": {"any": [{"age": number} for number in range(10_000)]},
    "ten thousand keys": {f"age_{number}": 1 for number in range(10_000)},
    "200 lists of 1000": {"all": [{"total_wagered": {"in": list(range(1000))}} for _ in range(200)]},
    "lists that exclude each other": {
        "all": [{"total_wagered": {kind: list(range(1000))}} for kind in ["in", "not_in"] * 5]
    },
    "a wide tree": {"any": [{"any": [{"any": [{"age": 1}] * 100}] * 100}] * 100},
    "a key of 100 kB": {"x" * 100_000: 1},
    "a value of 100 kB": {"country": "x" * 100_000},
    "a comparison of 100 kB": {"age": {"x" * 100_000: 1}},
    "an integer of 5,000 digits": {"age": 10**5000},
    "a decimal of 5,000 digits": {"age": Decimal("1" * 5000)},
    "a tiny exponent": {"age": Decimal("1e999999")},
    "not a number": {"age": float("nan")},
    "infinity": {"age": float("inf")},
    "minus infinity in a list": {"age": [1, float("-inf")]},
    "a Cyrillic e": {"s\u0435gment": "NEW"},
    "a full-width name": {"ａｇｅ": 1},
    "a long s": {"\u017fegment": "NEW"},
    "a Cyrillic value": {"segment": "NE\u0412"},
    "a NUL": {"country": "D\x00E"},
    "a NUL in a key": {"age\x00": 1},
    "half a surrogate pair": {"country": "\ud800"},
    "half a surrogate pair in a key": {"\ud800": 1},
    "dunder": {"__class__": {"__init__": 1}},
    "a sort of injection": {"age); DROP TABLE players; --": 1},
    "a key that is no text": {5: 1, None: 2},
}
FORMULAS: dict[str, Any] = {
    "100 kB": "1+" * 50_000,
    "100 kB of digits": "9" * 100_000,
    "a long chain": "+".join(["1"] * 500),
    "400 parentheses": "(" * 400 + "1" + ")" * 400,
    "500 minuses": "-" * 500 + "1",
    "deep calls": "abs(" * 200 + "1" + ")" * 200,
    "an import": "__import__('os').system('true')",
    "an attribute": "net_loss.__class__",
    "an index": "net_loss[0]",
    "a power": "9**9",
    "an exponent": "1e9",
    "a comparison": "net_loss > 5",
    "a conditional": "1 if net_loss else 2",
    "a lambda": "(lambda: 1)()",
    "an assignment": "x = 5",
    "a text": "'5'",
    "a comment": "5 # five",
    "a semicolon": "5; DROP TABLE players",
    "an unknown function": "eval(5)",
    "a look-alike minus": "net_loss − 5",
    "a look-alike field": "n\u0435t_loss",
    "full-width digits": "５ * 2",
    "Arabic digits": "٥ * 2",
    "a no-break space": "5\u00a0* 2",
    "a NUL": "5\x00",
    "half a surrogate pair": "5\ud800",
    "not a number": "nan",
    "infinity": "inf * 0",
    "too large": "1000000000000001",
    "two points": "1.2.3",
    "nothing": "",
    "blanks": " \t ",
    "a number": 5,
    "a list": ["5"],
    "nothing at all": None,
    "true": True,
    "a text field": "segment * 2",
    "a yes/no field": "kyc_completed + 1",
    "tags": "tags",
}


class Work:
    """Counts the calls that are made, so that effort is measured the same on every machine."""

    def __init__(self) -> None:
        self.steps = 0

    def __enter__(self) -> Work:
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _count(self, _frame: object, event: str, _argument: object) -> None:
        self.steps += event in ("call", "c_call")


@pytest.fixture(autouse=True)
def bounded() -> Iterator[None]:
    with Work() as work:
        yield
    assert work.steps < STEPS_MAX


def check_messages(problems: list[Problem]) -> None:
    assert 0 < len(problems) <= 200
    for problem in problems:
        assert len(str(problem)) < 600
        str(problem).encode()


@pytest.mark.parametrize("name", CONDITIONS)
def test_hostile_conditions_are_refused(name: str) -> None:
    check_messages(parse_conditions(CONDITIONS[name])[1])


@pytest.mark.parametrize(
    "made",
    [
        lambda size: {f"age_{number}": 1 for number in range(size)},
        lambda size: {"any": [{"age": number} for number in range(size)]},
        lambda size: {"country": [str(number) for number in range(size)]},
        lambda size: {"all": [{"total_wagered": list(range(1000))}] * (size // 1000)},
        lambda size: {"country": "x" * size},
        lambda size: {"x" * size: 1},
        lambda size: nested(size // 10, "not"),
    ],
    ids=["keys", "conditions", "values", "lists", "a text", "a key", "depth"],
)
def test_ten_times_as_much_is_hardly_more_work(made: Callable[[int], dict[str, Any]]) -> None:
    steps = []
    for size in (20_000, 200_000):
        raw = made(size)
        sys.setprofile(None)
        with Work() as work:
            parse_conditions(raw)
        steps.append(work.steps)

    assert steps[1] < steps[0] * 1.1


@pytest.mark.parametrize("name", FORMULAS)
def test_hostile_formulas_are_refused(name: str) -> None:
    formula, problems = parse_formula(FORMULAS[name])

    assert formula is None
    check_messages(problems)
    assert len(problems) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("amount", 10**5000),
        ("amount", "1" * 5000),
        ("amount", "1_0"),
        ("amount", "１０"),
        ("amount", " 10"),
        ("amount", "1e3"),
        ("amount", "0x10"),
        ("amount", float("nan")),
        ("amount", float("inf")),
        ("amount", "NaN"),
        ("amount", True),
        ("amount", 0),
        ("amount", -1),
        ("amount", 0.001),
        ("amount", [10]),
        ("amount", {"value": 10}),
        ("amount", 10**16),
        ("max_amount", Decimal("sNaN")),
        ("wagering_requirement", 1001),
        ("wagering_requirement", "ten"),
        ("expiry_hours", 1.5),
        ("expiry_hours", "48"),
        ("expiry_hours", True),
        ("expiry_hours", 0),
        ("expiry_hours", 10**9),
        ("eligible_games", "slots"),
        ("eligible_games", []),
        ("eligible_games", [["slots"]]),
        ("eligible_games", ["slots"] * 101),
        ("eligible_games", {"slots": 1}),
        ("type", ["BONUS_BALANCE"]),
        ("type", "bonus_balance"),
        ("x" * 100_000, 1),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, int) else "number",
)
def test_hostile_rewards_are_refused(key: str, value: Any) -> None:
    _, problems = parse_reward_config({"type": "BONUS_BALANCE", "amount": 10, key: value})

    check_messages(problems)
    assert problems[0].path.startswith("reward_config.")


@pytest.mark.parametrize("config", [[], "x", None, 5, [{}], {}, dict.fromkeys(map(str, range(10_000)), 1)], ids=repr)
def test_what_is_no_reward_is_refused(config: Any) -> None:
    check_messages(parse_reward_config(config)[1])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("name", "\ud800"),
        ("name", "a\x00b"),
        ("name", ["a", "list"]),
        ("name", "x" * 256),
        ("name", None),
        ("description", None),
        ("exclusive_group", None),
        ("status", None),
        ("is_active", None),
        ("description", {"a": 1}),
        ("priority", 10**5000),
        ("priority", "high"),
        ("priority", float("nan")),
        ("priority", True),
        ("priority", "5"),
        ("priority", 5.0),
        ("frequency_max", "1_0"),
        ("starts_on", "2025-02-30"),
        ("starts_on", 20251221),
        ("starts_on", "20251221"),
        ("starts_on", "2025-W52-1"),
        ("starts_on", "2025-1-5"),
        ("frequency_max", -1),
        ("frequency_max", None),
        ("cooldown_days", 2_000_000_000),
        ("cooldown_days", None),
        ("daily_budget", float("inf")),
        ("daily_budget", "NaN"),
        ("daily_budget", "1_000"),
        ("daily_budget", "1e3"),
        ("daily_budget", " 5"),
        ("total_budget", 10**40),
        ("holdout_percent", "5%"),
        ("holdout_percent", 100.01),
        ("frequency_period", "YEAR"),
        ("status", "LIVE"),
        ("is_active", "yes"),
        ("conditions", None),
        ("reward_config", None),
        ("number", 7),
    ],
    ids=lambda value: str(value)[:30] if not isinstance(value, int) else "number",
)
def test_hostile_columns_are_refused_and_nothing_is_saved(column: str, value: Any) -> None:
    content = {"name": "rule", "reward_config": {"type": "TICKETS", "amount": 1}, column: value}

    with pytest.raises(RuleInvalidError) as refused:
        save_rule(rule_id="HOSTILE", content=content, saved_by=None)

    check_messages(refused.value.problems)
    assert column in {problem.path.split(".")[0] for problem in refused.value.problems}
    assert not RewardRule.objects.filter(pk="HOSTILE").exists()


@pytest.mark.django_db
@pytest.mark.parametrize("rule_id", ["a/b", "a b", ".", "-x", "ＧＩＦＴ", "x\n", "overlap", "forecasts"], ids=repr)
def test_a_name_that_no_address_could_hold_is_refused(rule_id: str) -> None:
    with pytest.raises(RuleInvalidError, match="rule_id"):
        make_rule(rule_id)


@pytest.mark.django_db
@pytest.mark.parametrize("rule_id", ["", "x" * 101, "\ud800", "a\x00b"], ids=repr)
def test_a_name_that_cannot_be_stored_is_refused(rule_id: str) -> None:
    with pytest.raises(RuleInvalidError, match="rule_id"):
        make_rule(rule_id)


@pytest.mark.parametrize(
    "text",
    ['{"age": 1, "age": 2}', '{"age": NaN}', '{"age": Infinity}', '{"age": ' + "1" * 41 + "}", "[" * 100_000],
    ids=lambda text: text[:20],
)
def test_json_that_says_two_things_or_too_much_is_refused_before_it_is_a_rule(text: str) -> None:
    with pytest.raises(JSONRefusedError):
        read_json(text)
