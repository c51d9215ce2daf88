"""The table of `rule_cases.txt`: for one player as staff test a rule, and for all players and rules in bulk."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from core.models import RunKind
from players.tests.factories import ON, make_day, restrict
from rewards.evaluation import match_rules
from rewards.facts import fill_facts, needed_columns
from rewards.live import allocate_now
from rewards.models import RewardRule, RuleAllocation, RuleMatch
from rewards.preview import test_rule as try_rule
from rewards.rules import validate_rule
from rewards.tests.factories import make_player, new_run
from safety.tests.factories import set_baseline

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """One line: the outcome is verdict, first reason and amount, or nothing where the conditions do not hold."""

    number: int
    player_id: str
    conditions: dict[str, Any]
    reward: dict[str, Any]
    outcome: str

    @property
    def rule(self) -> RewardRule:
        return RewardRule(
            rule_id=f"LINE_{self.number}",
            number=self.number,
            name="line",
            conditions=self.conditions,
            reward_config=self.reward,
        )


def read_cases() -> list[Case]:
    lines = (Path(__file__).parent / "rule_cases.txt").read_text().splitlines()
    return [read_case(number, line) for number, line in enumerate(lines, start=1) if line and not line.startswith("#")]


def read_case(number: int, line: str) -> Case:
    player_id, conditions, reward, verdict, amount = (cell.strip() for cell in line.split("|"))
    outcome = f"{verdict} {amount}".strip()
    return Case(number, player_id, json.loads(conditions), read_reward(reward), outcome)


def read_reward(text: str) -> dict[str, Any]:
    first, _, rest = text.partition(" ")
    reward_type, text = (first, rest) if first.isupper() else ("BONUS_BALANCE", text)
    amount, *limits = text.split(", at ")
    reward: dict[str, Any] = {"type": reward_type}
    reward |= {f"{'max' if limit.startswith('most') else 'min'}_amount": limit.split()[1] for limit in limits}
    try:
        exact = str(Decimal(amount)) if Decimal(amount) == round(Decimal(amount), 2) else None
    except ArithmeticError:
        exact = None
    return {**reward, "amount": exact} if exact else {"max_amount": 1000, **reward, "formula": amount}


CASES = read_cases()


@pytest.fixture(autouse=True)
def cast() -> None:
    losing: dict[str, Any] = {"tier": "SILVER", "total_deposited": Decimal(5000)}
    alice = make_player(
        "alice",
        **losing,
        country="DE",
        age=34,
        tags=["vip", "beta"],
        kyc_completed_at=datetime(2025, 12, 1, tzinfo=UTC),
        registered_on=ON - timedelta(days=10),
        last_activity_at=datetime(2025, 12, 21, 9, tzinfo=UTC),
        days_from=ON - timedelta(days=6),
    )
    make_day(alice, ON - timedelta(days=6), wagered="40.00", won="0.00", bets=2)
    make_day(alice, ON, wagered="100.00", won="70.00", bets=4)
    bob = make_player(
        "bob",
        segment="WINNING",
        tier="GOLD",
        tags=["beta"],
        total_wagered=Decimal(20000),
        total_won=Decimal(25000),
        total_sessions=40,
        total_bets=800,
        last_deposit_at=None,
        days_from=ON - timedelta(days=29),
    )
    make_day(bob, ON - timedelta(days=29), wagered="50.00", won="20.00", bets=3)
    make_day(bob, ON - timedelta(days=7), wagered="30.00", won="60.00", bets=2)
    nothing = dict.fromkeys(["total_deposited", "total_wagered", "total_won"], Decimal(0))
    make_player("dave", segment="NEW", total_sessions=0, last_deposit_at=None, **nothing)
    erin = {"total_wagered": Decimal(200_000), "total_won": Decimal(190_000), "total_sessions": 400}
    make_player("erin", segment="VIP", tier="PLATINUM", country="AT", bonus_abuse_score=45, **erin)
    make_player("frank", **losing, bonus_abuse_score=85)
    restrict(make_player("carol", **losing))
    for segment, mean in (("LOSING", "600"), ("WINNING", "500"), ("VIP", "500"), ("NEW", "90")):
        set_baseline(segment, mean)


def outcome_of(verdict: str | None, reasons: list[dict[str, Any]] | None, amount: Decimal | None) -> str:
    code = reasons[0]["code"] if reasons else ""
    return "" if verdict is None else " ".join(filter(None, [verdict, code, f"{amount:.2f}"]))


def difference(case: Case, found: str) -> str:
    return f"line {case.number}: {case.outcome or 'no match'}, not {found or 'no match'}"


def test_there_are_enough_lines_and_no_two_are_the_same() -> None:
    told = {(case.player_id, json.dumps(case.conditions), json.dumps(case.reward)) for case in CASES}

    assert len(told) == len(CASES) > 120


def test_every_line_holds_for_the_player_alone() -> None:
    wrong = []
    for case in CASES:
        tried = try_rule(rule=case.rule, player_id=case.player_id, on=ON)
        found = outcome_of(tried.verdict, tried.reasons, tried.amount_given)
        wrong += [] if found == case.outcome else [difference(case, found)]

    assert not wrong, "\n".join(wrong)


def test_every_line_holds_among_all_players() -> None:
    wrong = []
    for case in CASES:
        run = new_run()
        allocate_now([validate_rule(case.rule)], run=run)
        row = RuleAllocation.objects.filter(run_id=run.pk, player_id=case.player_id).first()
        found = outcome_of(row.verdict, row.reasons, row.amount_given) if row else ""
        wrong += [] if found == case.outcome else [difference(case, found)]

    assert not wrong, "\n".join(wrong)


def test_every_line_holds_among_all_players_and_all_lines_in_one_evaluation() -> None:
    rules = [validate_rule(case.rule) for case in CASES]
    run = new_run(kind=RunKind.TEST)
    fill_facts(run_id=run.pk, on=ON, columns=needed_columns(rules))

    match_rules(rules, run_id=run.pk)

    matches = RuleMatch.objects.filter(run_id=run.pk).values_list("rule_number", "player_id", "amount")
    amounts = {(number, player_id): amount for number, player_id, amount in matches}
    for case in CASES:
        key = case.number, case.player_id
        assert (key in amounts) == bool(case.outcome), case
        if case.outcome.startswith("APPROVED"):
            assert f"APPROVED {amounts[key]:.2f}" == case.outcome, case
