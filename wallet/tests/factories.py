"""Credits and figures of the cast's wallets, with fixed values."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.policies import save_policy
from players.models import CreditPurpose, Player
from players.tests.factories import AT, ON, make_alice, make_bob, make_carol
from wallet.bonuses import add_bonus_balance
from wallet.ledger import Posted, post_operation
from wallet.models import LedgerEntry, Lot, LoyaltyBalance
from wallet.points import deduct_balance
from wallet.postings import Posting, credit_posting

__all__ = [
    "AT",
    "LATER",
    "ON",
    "balances",
    "credit",
    "debit_posting",
    "give_bonus",
    "let_bonuses_run_in_parallel",
    "lp_posting",
    "make_alice",
    "make_bob",
    "make_bob_with_bonus",
    "make_carol",
    "remaining",
    "spend",
    "statement",
]

LATER = datetime(2026, 1, 31, tzinfo=UTC)


def credit(
    player_id: str, amount: str, *, currency: str = "LP", key: str = "credit", at: datetime = AT, **terms: Any
) -> Posted:
    """Credit a lot of its own."""
    posting = credit_posting(
        key=key, kind="TEST", player_id=player_id, currency=currency, amount=Decimal(amount), on=ON, **terms
    )
    return post_operation([posting], at=at, actor="tests")[0]


def give_bonus(player_id: str, amount: str, *, key: str = "bonus", **terms: Any) -> Posted:
    """Credit bonus money to be wagered ten times within 48 hours."""
    given = {"wagering_requirement": Decimal(10), "expiry": timedelta(hours=48), "at": AT, "actor": "tests", **terms}
    return add_bonus_balance(player_id=player_id, amount=amount, key=key, **given)


def let_bonuses_run_in_parallel() -> None:
    """Have no bonus wait for the one before it."""
    save_policy(name="BONUS_TURNS", value="PARALLEL", saved_by=None)


def make_bob_with_bonus() -> Player:
    """Return bob, who has a bonus of 50.00 with 500.00 to wager until 23 December, noon."""
    bob = make_bob()
    give_bonus("bob", "50.00")
    return bob


def balances(player_id: str) -> dict[str, str]:
    """Return the balances that are not zero."""
    row = LoyaltyBalance.objects.get(player_id=player_id)
    held = {
        "LP": row.lp_balance,
        "RP": row.rp_balance,
        "BONUS": row.bonus_balance,
        "TICKETS": Decimal(row.tickets_balance),
    }
    return {currency: str(amount) for currency, amount in held.items() if amount}


def remaining(player_id: str) -> list[tuple[str, str]]:
    """Return what remains of each lot, with its status, in the order they were made."""
    lots = Lot.objects.filter(player_id=player_id).order_by("id")
    return [(str(lot.remaining), lot.status) for lot in lots]


def statement(player_id: str) -> list[tuple[int, str, str, str, str]]:
    """Return number, currency, amount, balance before and after of each entry."""
    entries = LedgerEntry.objects.filter(player_id=player_id).order_by("number")
    return [(e.number, e.currency_type, str(e.amount), str(e.balance_before), str(e.balance_after)) for e in entries]


def debit_posting(player_id: str, amount: str, *, key: str, currency: str = "LP", **fields: Any) -> Posting:
    return Posting(
        operation_key=key,
        operation_kind="TEST",
        account_key=player_id,
        purpose=CreditPurpose.SPEND,
        transaction_type="LP_REDEEMED",
        currency_type=currency,
        amount=-Decimal(amount),
        **fields,
    )


def lp_posting(player_id: str, amount: str, *, key: str, **fields: Any) -> Posting:
    return credit_posting(
        key=key, kind="TEST", player_id=player_id, currency="LP", amount=Decimal(amount), on=ON, **fields
    )


def spend(player_id: str, amount: str, *, key: str = "spend", currency: str = "LP", at: Any = AT) -> Any:
    return deduct_balance(player_id=player_id, currency=currency, amount=amount, key=key, actor="tests", at=at)
