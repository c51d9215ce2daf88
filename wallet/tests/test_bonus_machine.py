"""Whatever bob bets, wins, voids, cancels or lets expire, his bonuses are what a few lines of plain Python say."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from core.errors import LoyaltyError
from wallet.bonus_life import cancel_bonus, claim_bonus, settle_due_lots
from wallet.expiry import expire_bonuses
from wallet.models import Bet, BetStake, LedgerEntry, Lot, LoyaltyBalance, Operation
from wallet.reconciliation import reconcile
from wallet.tests.bets import bet, settle, void
from wallet.tests.factories import AT, give_bonus, make_bob

ZERO, CENT, TINY = Decimal("0.00"), Decimal("0.01"), Decimal("0.05")
MONEY = st.integers(min_value=1, max_value=3000).map(lambda cents: Decimal(cents) / 100)
PAYOUTS = st.just(ZERO) | st.integers(min_value=0, max_value=9000).map(lambda cents: Decimal(cents) / 100)
MULTIPLES = st.sampled_from([0, 1, 2])
HOURS = st.none() | st.integers(min_value=1, max_value=24)
CAPS = st.none() | MONEY


@dataclass
class ModelBonus:
    status: str
    remaining: Decimal
    credited: Decimal
    required: Decimal
    hours: int | None
    cap: Decimal | None
    max_bet: Decimal | None
    is_whole: bool
    expires_at: datetime | None = None
    awaits_claim: bool = False
    done: Decimal = ZERO
    converted: Decimal = ZERO
    open_bets: int = 0

    def is_live(self, at: datetime) -> bool:
        return self.status == "ACTIVE" and not self.is_over(at)

    def is_over(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at

    def is_queueing(self, at: datetime) -> bool:
        is_open = self.status in {"PENDING", "ACTIVE"} and not self.is_over(at)
        return self.takes_turn and is_open and not self.awaits_claim

    @property
    def takes_turn(self) -> bool:
        return self.required > 0

    def room(self, amount: Decimal) -> Decimal:
        return amount if self.cap is None else min(amount, max(self.cap - self.converted, ZERO))

    def start(self, at: datetime) -> None:
        self.status = "ACTIVE"
        if self.hours is not None:
            self.expires_at = at + timedelta(hours=self.hours)

    def seen(self) -> tuple[Any, ...]:
        return self.status, self.remaining, self.done, self.converted, self.open_bets, self.expires_at


@dataclass
class ModelBet:
    stake: Decimal
    parts: list[tuple[int, Decimal, Decimal]]
    is_open: bool = True


@dataclass
class Model:
    bonuses: list[ModelBonus] = field(default_factory=list)
    bets: list[ModelBet] = field(default_factory=list)

    def settle(self, at: datetime) -> None:
        for bonus in self.bonuses:
            if bonus.status == "ACTIVE" and not bonus.remaining and not bonus.open_bets:
                bonus.status = (
                    "COMPLETED" if bonus.done >= bonus.required else "EXPIRED" if bonus.is_over(at) else "LOST"
                )
        if not any(bonus.takes_turn and bonus.is_live(at) for bonus in self.bonuses):
            for bonus in self.bonuses:
                if bonus.status == "PENDING" and not bonus.awaits_claim:
                    bonus.start(at)
                    return

    def give(self, bonus: ModelBonus, at: datetime) -> None:
        self.settle(at)
        is_taken = bonus.takes_turn and any(
            other.is_queueing(at)
            for other in self.bonuses
        )  # fmt: skip
        self.bonuses.append(bonus)
        if not bonus.awaits_claim and not is_taken:
            bonus.start(at)

    def place(self, stake: Decimal, real_available: Decimal, at: datetime) -> bool:
        """Tell whether the bet is taken."""
        self.settle(at)
        live = [(number, bonus) for number, bonus in enumerate(self.bonuses) if bonus.is_live(at)]
        live.sort(key=lambda pair: (pair[1].expires_at is None, pair[1].expires_at or at, pair[0]))
        real = min(stake, real_available)
        owed, paid = stake - real, {}
        for number, bonus in live:
            paid[number] = min(bonus.remaining, owed)
            owed -= paid[number]
        whole = next((number for number, bonus in live if bonus.is_whole and bonus.done < bonus.required), None)
        parts = []
        for number, bonus in live:
            if paid[number] or number == whole:
                if bonus.max_bet is not None and stake > bonus.max_bet:
                    return False
                counted = paid[number] + (real if number == whole else ZERO)
                parts.append((number, paid[number], counted if bonus.done < bonus.required else ZERO))
        if owed:
            return False
        for number, amount, _ in parts:
            self.bonuses[number].remaining -= amount
            self.bonuses[number].open_bets += bool(amount)
        self.bets.append(ModelBet(stake, parts))
        return True

    def close(self, number: int, at: datetime, *, payout: Decimal | None) -> None:
        """Settle a bet, or void it where there is no payout."""
        bet_, cut, paid = self.bets[number], ZERO, ZERO
        bet_.is_open = False
        for index, amount, contribution in bet_.parts:
            bonus, paid = self.bonuses[index], paid + amount
            if payout is None:
                won, back = amount, amount if bonus.is_live(at) else ZERO
                real = bonus.room(amount) if bonus.status == "COMPLETED" else ZERO
            else:
                until = (payout * paid / bet_.stake).quantize(CENT, rounding=ROUND_HALF_UP)
                won, cut = until - cut, until
                back = min(won, amount) if bonus.is_live(at) else ZERO
                real = bonus.room(won - back)
            bonus.remaining, bonus.credited = bonus.remaining + back, bonus.credited + back
            bonus.converted, bonus.open_bets = bonus.converted + real, bonus.open_bets - bool(amount)
            if payout is not None and bonus.is_live(at):
                bonus.done += contribution
        self._complete(at)
        self.settle(at)

    def _complete(self, at: datetime) -> None:
        for bonus in self.bonuses:
            is_tiny = not bonus.open_bets and bonus.remaining <= TINY and bonus.remaining < bonus.credited
            if bonus.is_live(at) and bonus.required and bonus.remaining and (bonus.done >= bonus.required or is_tiny):
                bonus.converted += bonus.room(bonus.remaining)
                bonus.status, bonus.remaining = "COMPLETED", ZERO

    def expire(self, at: datetime) -> int:
        due = [b for b in self.bonuses if b.status in {"PENDING", "ACTIVE"} and b.remaining and b.is_over(at)]
        if due:
            self.settle(at)
        for bonus in due:
            bonus.status, bonus.remaining = "EXPIRED", ZERO
        if due:
            self.settle(at)
        return len(due)


class BonusMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        make_bob()
        self.model = Model()
        self.now = AT

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def _open_bets(self) -> list[int]:
        return [number for number, bet_ in enumerate(self.model.bets) if bet_.is_open]

    @rule(amount=MONEY, multiple=MULTIPLES, hours=HOURS, cap=CAPS, max_bet=CAPS, is_whole=st.booleans(), claim=HOURS)
    def give(
        self, amount: Decimal, multiple: int, hours: int | None, cap: Decimal | None, max_bet: Decimal | None,
        is_whole: bool, claim: int | None,
    ) -> None:  # fmt: skip
        window = None if claim is None else timedelta(hours=claim)
        give_bonus(
            "bob", str(amount), key=f"bonus {len(self.model.bonuses)}", wagering_requirement=Decimal(multiple),
            expiry=None if hours is None else timedelta(hours=hours), max_conversion=cap, max_bet=max_bet, at=self.now,
            wagering_basis="DEPOSIT_AND_BONUS" if is_whole else "BONUS", claim_within=window,
        )  # fmt: skip
        self.model.give(
            ModelBonus(
                status="PENDING", remaining=amount, credited=amount, required=amount * multiple, hours=hours, cap=cap,
                max_bet=max_bet, is_whole=is_whole, awaits_claim=claim is not None,
                expires_at=None if window is None else self.now + window,
            ),
            self.now,
        )  # fmt: skip

    @rule(stake=MONEY, real=st.just(ZERO) | MONEY)
    def place(self, stake: Decimal, real: Decimal) -> None:
        bet_id, expected = f"bet {len(self.model.bets)}", copy.deepcopy(self.model)
        if expected.place(stake, real, self.now):
            placed = bet(bet_id, str(stake), real=str(real), at=self.now)
            self.model = expected
            assert placed.bonus_stake == sum((amount for _, amount, _ in expected.bets[-1].parts), ZERO)
            return
        before = stored()
        with pytest.raises(LoyaltyError):
            bet(bet_id, str(stake), real=str(real), at=self.now)
        assert stored() == before

    @precondition(lambda self: self._open_bets())
    @rule(data=st.data(), payout=PAYOUTS)
    def settle(self, data: st.DataObject, payout: Decimal) -> None:
        number = data.draw(st.sampled_from(self._open_bets()))
        settle(f"bet {number}", str(payout), at=self.now)
        self.model.close(number, self.now, payout=payout)

    @precondition(lambda self: self._open_bets())
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(self._open_bets()))
        void(f"bet {number}", at=self.now)
        self.model.close(number, self.now, payout=None)

    @precondition(lambda self: self.model.bonuses)
    @rule(data=st.data())
    def cancel_or_claim(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(min_value=0, max_value=len(self.model.bonuses) - 1))
        bonus, bonus_id = self.model.bonuses[number], Lot.objects.order_by("pk")[number].pk
        if bonus.awaits_claim and bonus.status == "PENDING" and not bonus.is_over(self.now):
            claim_bonus(player_id="bob", bonus_id=bonus_id, actor="bob", at=self.now)
            bonus.awaits_claim, bonus.expires_at = False, None
            if not bonus.takes_turn:
                bonus.start(self.now)
            self.model.settle(self.now)
        elif bonus.status in {"PENDING", "ACTIVE"}:
            cancel_bonus(
                player_id="bob", bonus_id=bonus_id, reason="x", key=f"cancel {number}", actor="dana", at=self.now
            )
            bonus.status, bonus.remaining = "CANCELLED", ZERO
            self.model.settle(self.now)
        else:
            before = stored()
            with pytest.raises(LoyaltyError):
                cancel_bonus(player_id="bob", bonus_id=bonus_id, reason="x", key="late", actor="dana", at=self.now)
            assert stored() == before

    @rule(hours=st.integers(min_value=1, max_value=12))
    def let_time_pass(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def night(self) -> None:
        assert expire_bonuses(at=self.now) == self.model.expire(self.now)
        settle_due_lots(at=self.now)
        self.model.settle(self.now)

    @invariant()
    def bonuses_are_the_models(self) -> None:
        columns = ("status", "remaining", "wagering_completed", "converted", "open_bets", "expires_at")
        assert list(Lot.objects.order_by("pk").values_list(*columns)) == [b.seen() for b in self.model.bonuses]

    @invariant()
    def the_balance_is_what_the_bonuses_hold(self) -> None:
        if self.model.bonuses:
            row = LoyaltyBalance.objects.get()
            active = [bonus for bonus in self.model.bonuses if bonus.status == "ACTIVE"]
            assert row.bonus_balance == sum((bonus.remaining for bonus in self.model.bonuses), ZERO)
            assert row.bonus_wagering_required == sum((bonus.required for bonus in active), ZERO)
            assert row.bonus_wagering_completed == sum((bonus.done for bonus in active), ZERO)

    @invariant()
    def no_bonus_becomes_more_real_money_than_its_cap(self) -> None:
        assert all(bonus.cap is None or bonus.converted <= bonus.cap for bonus in self.model.bonuses)

    @invariant()
    def the_ledger_proves_itself(self) -> None:
        reconcile()


def stored() -> tuple[Any, ...]:
    """Return every row that a bet or a bonus could change."""
    tables = (Bet, BetStake, LedgerEntry, Lot, LoyaltyBalance, Operation)
    return tuple(list(table.objects.order_by("pk").values()) for table in tables)


@pytest.mark.django_db
def test_any_life_of_bonuses_agrees_with_the_model() -> None:
    run_state_machine_as_test(
        BonusMachine,
        settings=settings(
            max_examples=20,
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
