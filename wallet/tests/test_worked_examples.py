"""The worked examples of docs/wallet.md, done as they are written there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import LoyaltyError
from wallet.bonus_life import settle_due_lots
from wallet.corrections import reverse_operation, take_back_remaining
from wallet.expiry import expire_bonuses
from wallet.ledger import Posted
from wallet.models import Bet, Lot, LoyaltyBalance
from wallet.reconciliation import reconcile
from wallet.tests.bets import bet, paid, settle, split, void
from wallet.tests.factories import AT, credit, give_bonus, make_bob, spend

pytestmark = pytest.mark.django_db

_TEXT = (Path(__file__).parents[2] / "docs" / "wallet.md").read_text()


def worked_examples() -> dict[str, list[list[str]]]:
    """Return the rows of each worked example by its title."""
    found = {}
    for title, table in re.findall(r"^Worked example: (.+)\n\n((?:\|.*\n)+)", _TEXT, re.MULTILINE):
        lines = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in table.splitlines()]
        found[title] = lines[2:]
    return found


EXAMPLES = worked_examples()


@dataclass
class Bob:
    """Does what a row says, the first day at noon, and remembers what came of it."""

    now: datetime = AT
    done: dict[str, Posted] = field(default_factory=dict)
    bets: int = 0
    told: tuple[str, str] = ("", "")

    def do(self, what: str) -> None:
        text, _, refusal = what.partition(" is refused: ")
        self.told = ("", "")
        if not refusal:
            self._act(text)
            return
        with pytest.raises(LoyaltyError) as error:
            self._act(text)
        assert error.value.code == refusal

    def _act(self, text: str) -> None:
        for pattern, act in self._acts().items():
            match = re.fullmatch(pattern, text)
            if match:
                act(*match.groups())
                return
        raise AssertionError(f"nobody knows how to do {text!r}")

    def _acts(self) -> dict[str, Callable[..., None]]:
        return {
            r"credit (\S+)(?: until day (\d))?(?: from day (\d))?": self._credit,
            r"spend (\S+)": self._spend,
            r"reverse the (\w+)": self._reverse,
            r"take back the (\w+)": self._take_back,
            r"day (\d)": self._wait,
            r"bonus (\S+) × (\d+)(?:, cap ([\d.]+))?(?:, (\d+) hours)?": self._bonus,
            r"bet (\S+) with (\S+) real": self._bet,
            r"settle (\S+)": self._settle,
            "void": self._void,
        }

    def _credit(self, amount: str, until: str | None, since: str | None) -> None:
        expires_at = None if until is None else day(until)
        available_at = None if since is None else day(since)
        self.done["credit"] = credit(
            "bob", amount, key=f"credit {amount} {until} {Lot.objects.count()}", at=self.now, expires_at=expires_at,
            available_at=available_at,
        )  # fmt: skip

    def _spend(self, amount: str) -> None:
        self.done["spend"] = spend("bob", amount, key=f"spend {amount} {self.now}", at=self.now)

    def _reverse(self, name: str) -> None:
        operation_id = self.done[name].operation_id or 0
        reverse_operation(operation_id=operation_id, reason="x", key=f"reverse {name}", actor="dana", at=self.now)

    def _take_back(self, name: str) -> None:
        operation_id = self.done[name].operation_id or 0
        key = f"take back {Lot.objects.get().remaining}"
        take_back_remaining(operation_id=operation_id, reason="x", key=key, actor="dana", at=self.now)

    def _wait(self, number: str) -> None:
        self.now = day(number)
        expire_bonuses(at=self.now)
        settle_due_lots(at=self.now)

    def _bonus(self, amount: str, multiple: str, cap: str | None, hours: str | None) -> None:
        give_bonus(
            "bob", amount, wagering_requirement=Decimal(multiple), at=self.now,
            max_conversion=None if cap is None else Decimal(cap),
            expiry=None if hours is None else timedelta(hours=int(hours)),
        )  # fmt: skip

    def _bet(self, stake: str, real: str) -> None:
        self.bets += 1
        self.told = split(bet(f"b{self.bets}", stake, real=real, at=self.now))

    def _settle(self, payout: str) -> None:
        self.told = paid(settle(f"b{self.bets}", payout, at=self.now))

    def _void(self) -> None:
        self.told = paid(void(f"b{self.bets}", at=self.now))


def day(number: str) -> datetime:
    return AT + timedelta(days=int(number) - 1)


def test_the_page_has_its_examples() -> None:
    assert len(EXAMPLES) == 5
    assert sum(len(rows) for rows in EXAMPLES.values()) == 35


@pytest.mark.parametrize("title", [title for title, rows in EXAMPLES.items() if len(rows[0]) == 3])
def test_points_do_what_the_example_says(title: str) -> None:
    make_bob()
    bob = Bob()
    for what, balance, lots in EXAMPLES[title]:
        bob.do(what)
        held = LoyaltyBalance.objects.get().lp_balance
        remaining = " ".join(str(lot.remaining) for lot in Lot.objects.order_by("pk"))
        assert (what, str(held), remaining) == (what, balance, lots)
    reconcile()


@pytest.mark.parametrize("title", [title for title, rows in EXAMPLES.items() if len(rows[0]) == 6])
def test_a_bonus_does_what_the_example_says(title: str) -> None:
    make_bob()
    bob = Bob()
    for what, real, bonus, balance, wagered, status in EXAMPLES[title]:
        bob.do(what)
        lot = Lot.objects.get()
        seen = (*bob.told, str(lot.remaining), str(lot.wagering_completed), lot.status)
        assert (what, *seen) == (what, real, bonus, balance, wagered, status)
    assert Bet.objects.filter(status="OPEN").count() == 0
    reconcile()
