"""Whatever is done in whatever order, the ledger agrees with a few lines of plain Python, to the cent."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from wallet.expiry import expire_bonuses
from wallet.ledger import IdempotencyKeyReusedError, InsufficientBalanceError
from wallet.models import Lot
from wallet.points import deduct_balance
from wallet.reconciliation import reconcile
from wallet.tests.factories import AT, balances, credit, make_alice, make_bob

PLAYERS = st.sampled_from(["alice", "bob"])
CURRENCIES = st.sampled_from(["LP", "BONUS", "TICKETS"])
CREDITED_CENTS = st.integers(min_value=1, max_value=1000)
SPENT_CENTS = st.integers(min_value=1, max_value=600)
HOURS = st.none() | st.integers(min_value=1, max_value=48)


@dataclass
class ModelLot:
    player_id: str
    currency: str
    remaining: Decimal
    expires_at: datetime | None
    is_expired: bool = False

    @property
    def status(self) -> str:
        if self.is_expired:
            return "EXPIRED"
        return "COMPLETED" if self.currency == "BONUS" and not self.remaining else "ACTIVE"

    def is_spendable(self, at: datetime) -> bool:
        return self.remaining > 0 and (self.expires_at is None or self.expires_at > at)


@dataclass
class Model:
    """Lots in the order they were made, and what came in and went out."""

    lots: list[ModelLot] = field(default_factory=list)
    credited: Decimal = Decimal(0)
    taken: Decimal = Decimal(0)

    def spendable(self, player_id: str, currency: str, at: datetime) -> list[ModelLot]:
        lots = [
            lot for lot in self.lots if (lot.player_id, lot.currency) == (player_id, currency) and lot.is_spendable(at)
        ]
        return sorted(lots, key=lambda lot: (lot.expires_at is None, lot.expires_at or at))

    def spend(self, player_id: str, currency: str, amount: Decimal, at: datetime) -> None:
        self.taken += amount
        for lot in self.spendable(player_id, currency, at):
            part = min(lot.remaining, amount)
            lot.remaining -= part
            amount -= part

    def expire(self, at: datetime) -> int:
        due = [lot for lot in self.lots if lot.remaining and lot.expires_at is not None and lot.expires_at <= at]
        for lot in due:
            self.taken += lot.remaining
            lot.remaining, lot.is_expired = Decimal(0), True
        return len(due)

    def balances(self, player_id: str) -> dict[str, Decimal]:
        held: dict[str, Decimal] = {}
        for lot in self.lots:
            if lot.player_id == player_id and lot.remaining:
                held[lot.currency] = held.get(lot.currency, Decimal(0)) + lot.remaining
        return held


class LedgerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        make_alice()
        make_bob()
        self.model = Model()
        self.now = AT
        self.calls: list[tuple[dict[str, Any], tuple[int | None, Decimal | None]]] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def _key(self) -> str:
        return f"operation {len(self.calls)}"

    def _do(self, call: dict[str, Any]) -> Any:
        if call["does"] == "credit":
            return credit(
                call["player_id"],
                call["amount"],
                currency=call["currency"],
                key=call["key"],
                at=self.now,
                expires_at=call["expires_at"],
            )
        return deduct_balance(
            player_id=call["player_id"],
            currency=call["currency"],
            amount=call["amount"],
            key=call["key"],
            actor="tests",
            at=self.now,
        )

    def _remember(self, call: dict[str, Any], posted: Any) -> None:
        assert posted.outcome == "POSTED"
        self.calls.append((call, (posted.entry_id, posted.balance_after)))

    @rule(player_id=PLAYERS, currency=CURRENCIES, cents=CREDITED_CENTS, hours=HOURS)
    def credit_lot(self, player_id: str, currency: str, cents: int, hours: int | None) -> None:
        amount = Decimal(cents) if currency == "TICKETS" else Decimal(cents) / 100
        expires_at = None if hours is None else self.now + timedelta(hours=hours)
        call: dict[str, Any] = {"does": "credit", "player_id": player_id, "currency": currency, "amount": str(amount)}
        call |= {"key": self._key(), "expires_at": expires_at}
        self._remember(call, self._do(call))
        self.model.lots.append(ModelLot(player_id, currency, amount, expires_at))
        self.model.credited += amount

    @rule(player_id=PLAYERS, currency=CURRENCIES, first=HOURS, second=HOURS, cents=SPENT_CENTS)
    def credit_twice_and_spend(
        self, player_id: str, currency: str, first: int | None, second: int | None, cents: int
    ) -> None:
        """Have several lots to choose from more often than chance would."""
        self.credit_lot(player_id, currency, cents, first)
        self.credit_lot(player_id, currency, cents, second)
        self.spend(player_id, currency, cents)

    @rule(player_id=PLAYERS, currency=CURRENCIES, cents=SPENT_CENTS)
    def spend(self, player_id: str, currency: str, cents: int) -> None:
        amount = Decimal(cents) if currency == "TICKETS" else Decimal(cents) / 100
        call = {"does": "spend", "player_id": player_id, "currency": currency, "amount": str(amount)}
        call |= {"key": self._key()}
        held = sum((lot.remaining for lot in self.model.spendable(player_id, currency, self.now)), Decimal(0))
        if held < amount:
            with pytest.raises(InsufficientBalanceError) as error:
                self._do(call)
            assert Decimal(error.value.details.get("available", 0)) == held
            return
        self._remember(call, self._do(call))
        self.model.spend(player_id, currency, amount, self.now)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def replay(self, data: st.DataObject) -> None:
        call, first = data.draw(st.sampled_from(self.calls))
        again = self._do(call)
        assert (again.outcome, (again.entry_id, again.balance_after)) == ("REPLAYED", first)

    @precondition(lambda self: self.calls)
    @rule(data=st.data())
    def reuse_key(self, data: st.DataObject) -> None:
        call, _ = data.draw(st.sampled_from(self.calls))
        with pytest.raises(IdempotencyKeyReusedError):
            self._do({**call, "amount": str(Decimal(call["amount"]) + 1)})

    @rule(hours=st.integers(min_value=1, max_value=24))
    def let_time_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def expire(self) -> None:
        assert expire_bonuses(at=self.now) == self.model.expire(self.now)

    @invariant()
    def balances_are_the_models(self) -> None:
        for player_id in ("alice", "bob"):
            if any(lot.player_id == player_id for lot in self.model.lots):
                held = {currency: Decimal(amount) for currency, amount in balances(player_id).items()}
                assert held == self.model.balances(player_id)

    @invariant()
    def lots_are_the_models(self) -> None:
        stored = list(Lot.objects.order_by("id").values_list("player_id", "currency_type", "remaining", "status"))
        assert stored == [(lot.player_id, lot.currency, lot.remaining, lot.status) for lot in self.model.lots]

    @invariant()
    def nothing_is_made_or_lost(self) -> None:
        held = sum((lot.remaining for lot in self.model.lots), Decimal(0))
        assert self.model.credited - self.model.taken == held

    @invariant()
    def the_ledger_proves_itself(self) -> None:
        reconcile()


@pytest.mark.django_db
def test_any_sequence_of_operations_agrees_with_the_model() -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=12,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
