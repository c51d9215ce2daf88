"""One credit, posted row by row: operation, entry with its hash, lot, movement, balance."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from players.models import CreditPurpose
from wallet.models import LedgerEntry, Lot, LotMovement, LoyaltyBalance, Operation

_COLUMNS = {"LP": "lp_balance", "RP": "rp_balance", "BONUS": "bonus_balance", "TICKETS": "tickets_balance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Credit:
    """What is credited and under which terms."""

    key: str
    kind: str
    purpose: CreditPurpose
    transaction_type: str
    currency: str
    amount: Decimal
    lot_kind: str
    granted_on: date
    value: Decimal = Decimal(0)
    cost: Decimal = Decimal(0)
    wagering: Decimal = Decimal(0)
    expires_at: datetime | None = None
    rule_number: int | None = None
    decision_id: int | None = None


def post_credit(balance: LoyaltyBalance, credit: Credit, *, at: datetime) -> Lot:
    """Write the rows of one credit; the balance row is changed in memory and saved by the caller once."""
    operation = Operation.objects.create(
        key=credit.key, kind=credit.kind, player_id=balance.player_id, input_hash=_hash(credit.key), created_at=at
    )
    column = _COLUMNS[credit.currency]
    before = Decimal(getattr(balance, column))
    balance.head_number += 1
    balance.head_hash = _hash(
        balance.head_hash, balance.player_id, balance.head_number, operation.pk, credit, before, at
    )
    balance.head_at = at
    setattr(balance, column, before + credit.amount)
    if credit.currency == "LP":
        balance.lp_earned += credit.amount
    entry = _create_entry(balance, credit, operation=operation, before=before, at=at)
    lot = _create_lot(balance, credit, operation=operation, at=at)
    LotMovement.objects.create(entry_id=entry.pk, lot=lot, amount=credit.amount)
    return lot


def _create_entry(
    balance: LoyaltyBalance, credit: Credit, *, operation: Operation, before: Decimal, at: datetime
) -> LedgerEntry:
    return LedgerEntry.objects.create(
        player_id=balance.player_id,
        number=balance.head_number,
        operation=operation,
        transaction_type=credit.transaction_type,
        currency_type=credit.currency,
        amount=credit.amount,
        balance_before=before,
        balance_after=before + credit.amount,
        hash=balance.head_hash,
        created_at=at,
    )


def _create_lot(balance: LoyaltyBalance, credit: Credit, *, operation: Operation, at: datetime) -> Lot:
    return Lot.objects.create(
        player_id=balance.player_id,
        operation=operation,
        currency_type=credit.currency,
        kind=credit.lot_kind,
        amount=credit.amount,
        remaining=credit.amount,
        granted_on=credit.granted_on,
        promotional_value=credit.value,
        expected_cost=credit.cost,
        wagering_required=credit.wagering,
        expires_at=credit.expires_at,
        rule_number=credit.rule_number,
        decision_id=credit.decision_id,
        created_at=at,
    )


def _hash(*parts: object) -> bytes:
    return hashlib.sha256(json.dumps([str(part) for part in parts]).encode()).digest()
