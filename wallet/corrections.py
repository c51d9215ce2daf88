"""Corrections: nothing is ever changed in the ledger; what was wrong is put right by an operation of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.utils import timezone

from core.errors import ConflictError, NotFoundError, RefusedError
from core.expressions import fetch_rows
from core.money import round_to_cent
from players.models import CreditPurpose
from wallet.ledger import Posted, earlier_result, lock_players, post_operation
from wallet.models import BetStake, BetStatus, BonusStatus, CurrencyType, LotKind, Operation, TransactionType
from wallet.policies import REFUND_GRACE_DAYS
from wallet.postings import Posting, check_currency_amount, check_text_field

REVERSE, TAKE_BACK, ADJUST = "REVERSE", "TAKE_BACK", "ADJUST_BALANCE"
REASON_LENGTH_MAX = 200
# These have an undoing of their own, or none: a bet is voided, a completed bonus is the player's real money.
_NOT_REVERSIBLE = (REVERSE, TAKE_BACK, "PLACE_BET", "SETTLE_BET", "VOID_BET", "COMPLETE_BONUS")


class AlreadyReversedError(ConflictError):
    """Raised for a second reversal of the same operation; names the first."""

    code = "already_reversed"


class NotReversibleError(RefusedError):
    """Raised for an operation of a kind that is not undone by a reversal."""

    code = "not_reversible"


class CreditSpentError(RefusedError):
    """Raised when less remains of a credit than its reversal would take; `details` carries both figures."""

    code = "credit_spent"


class NothingLeftError(RefusedError):
    """Raised when nothing remains of what an operation credited."""

    code = "nothing_left"


class _Movement(NamedTuple):
    """What one entry of an operation moved in one lot, and what has become of the lot."""

    currency: str
    amount: Decimal
    lot_id: int
    remaining: Decimal
    lot_amount: Decimal
    promotional_value: Decimal
    expected_cost: Decimal
    status: str
    expires_at: datetime | None
    is_own_lot: bool

    @property
    def is_open(self) -> bool:
        return self.status in {BonusStatus.PENDING, BonusStatus.ACTIVE}


@transaction.atomic
def reverse_operation(
    *, operation_id: int, reason: str, key: str, actor: str, at: datetime | None = None
) -> list[Posted]:
    """Undo an operation, once: take back what it credited, give back to the lots what it took.

    What comes back to a lot whose time has passed makes a lot of its own, to be spent within REFUND_GRACE_DAYS.
    Raises NotFoundError, AlreadyReversedError, NotReversibleError, CreditSpentError with the figures where a credit is
    partly spent, and the errors of `post_operation`.
    """
    at = at or timezone.now()
    operation, earlier = _lock_operation(operation_id, act=REVERSE, reason=reason, key=key)
    if earlier is not None:
        return earlier
    _check_reversible(operation)
    movements = _movements_of(operation)
    _check_unspent(operation, movements)
    postings = [
        _taking_back(one, one.amount, operation=operation, kind=REVERSE, reason=reason, key=key)
        if one.amount > 0
        else _giving_back(one, operation=operation, reason=reason, key=key, at=at)
        for one in movements
    ]
    return post_operation(postings, at=at, actor=actor, inputs=_inputs(operation_id, act=REVERSE, reason=reason))


@transaction.atomic
def take_back_remaining(
    *, operation_id: int, reason: str, key: str, actor: str, at: datetime | None = None
) -> list[Posted]:
    """Take back what is left of the lots that an operation credited; what was spent stays spent.

    Raises NotFoundError, NothingLeftError, and the errors of `post_operation`.
    """
    operation, earlier = _lock_operation(operation_id, act=TAKE_BACK, reason=reason, key=key)
    if earlier is not None:
        return earlier
    takings = _takings([one for one in _movements_of(operation) if one.amount > 0])
    if not takings:
        raise NothingLeftError(
            f"nothing is left of what operation {operation_id} credited to player {operation.player_id}",
            operation_id=operation_id,
            player_id=operation.player_id,
        )
    postings = [
        _taking_back(one, amount, operation=operation, kind=TAKE_BACK, reason=reason, key=key)
        for one, amount in takings
    ]
    return post_operation(postings, at=at, actor=actor, inputs=_inputs(operation_id, act=TAKE_BACK, reason=reason))


def adjust_balance(
    *,
    player_id: str,
    currency: str,
    amount: object,
    reason: str,
    key: str,
    actor: str,
    at: datetime | None = None,
) -> Posted:
    """Add to a balance or take from it, earliest expiry first, to put right what no other operation can.

    `amount` is signed. Raises InvalidInputError, InsufficientBalanceError and the errors of `post_operation`.
    """
    at = at or timezone.now()
    adjusted = check_currency_amount(currency=currency, amount=amount, positive=False)
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    posting = Posting(
        operation_key=key,
        operation_kind=ADJUST,
        account_key=player_id,
        purpose=CreditPurpose.ADJUSTMENT,
        transaction_type=TransactionType.ADJUSTMENT,
        currency_type=currency,
        amount=adjusted,
        lot_kind=LotKind.ADJUSTMENT,
        granted_on=timezone.localdate(at),
        description=reason,
    )
    return post_operation([posting], at=at, actor=actor)[0]


def _lock_operation(operation_id: int, *, act: str, reason: str, key: str) -> tuple[Operation, list[Posted] | None]:
    """Return the operation with its player locked, and what the same request has already come to."""
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    operation = Operation.objects.filter(pk=operation_id).first()
    if operation is None:
        raise NotFoundError(f"there is no operation {operation_id}", operation_id=operation_id)
    lock_players([operation.player_id])
    return operation, earlier_result(key=key, inputs=_inputs(operation_id, act=act, reason=reason))


def _inputs(operation_id: int, *, act: str, reason: str) -> dict[str, Any]:
    return {"act": act, "operation_id": operation_id, "reason": reason}


def _check_reversible(operation: Operation) -> None:
    if operation.kind in _NOT_REVERSIBLE:
        raise NotReversibleError(
            f"operation {operation.pk} is a {operation.kind}: it is not undone by a reversal", kind=operation.kind
        )
    reversal = Operation.objects.filter(reverses=operation).first()
    if reversal is not None:
        raise AlreadyReversedError(
            f"operation {operation.pk} was reversed by operation {reversal.pk} at {reversal.created_at:%Y-%m-%d %H:%M}",
            operation_id=operation.pk,
            reversed_by=reversal.pk,
        )


def _movements_of(operation: Operation) -> list[_Movement]:
    sql = """
        SELECT e.currency_type, m.amount, l.id, l.remaining, l.amount, l.promotional_value, l.expected_cost, l.status,
               l.expires_at, l.operation_id = e.operation_id
        FROM transactions e
        JOIN wallet_lots l ON l.player_id = e.player_id AND l.currency_type = e.currency_type
        JOIN wallet_lot_movements m ON m.lot_id = l.id AND m.entry_id = e.id
        WHERE e.player_id = %s AND e.created_at = %s AND e.operation_id = %s ORDER BY e.number, m.id
    """
    rows = fetch_rows(sql, [operation.player_id, operation.created_at, operation.pk])
    return [_Movement(*row) for row in rows]


def _check_unspent(operation: Operation, movements: Sequence[_Movement]) -> None:
    credited: dict[int, Decimal] = {}
    for one in movements:
        credited[one.lot_id] = credited.get(one.lot_id, Decimal(0)) + one.amount
        if credited[one.lot_id] > one.remaining:
            raise CreditSpentError(
                f"operation {operation.pk} credited {credited[one.lot_id]} {one.currency}, {one.remaining} of it "
                "remains: take back what remains instead",
                credited=str(credited[one.lot_id]),
                remaining=str(one.remaining),
                currency=one.currency,
            )
    _check_not_played([lot_id for lot_id, amount in credited.items() if amount > 0])


def _check_not_played(lot_ids: Sequence[int]) -> None:
    """Refuse to undo a bonus that has paid a stake, though it came back: what it won meanwhile is real money."""
    played = BetStake.objects.filter(lot__in=lot_ids, amount__gt=0).exclude(bet__status=BetStatus.VOID)
    stake = played.select_related("bet").first()
    if stake is not None:
        raise CreditSpentError(
            f"bonus {stake.lot_id} has been played: it paid {stake.amount} of bet {stake.bet.bet_id!r}; take back what "
            "remains instead",
            bonus_id=stake.lot_id,
            bet_id=stake.bet.bet_id,
        )


def _takings(movements: Sequence[_Movement]) -> list[tuple[_Movement, Decimal]]:
    """Return what each credited movement still has to give, where several share a lot from first to last."""
    left = {one.lot_id: one.remaining for one in movements}
    takings = []
    for one in movements:
        amount = min(one.amount, left[one.lot_id])
        left[one.lot_id] -= amount
        if amount:
            takings.append((one, amount))
    return takings


def _taking_back(one: _Movement, amount: Decimal, *, operation: Operation, kind: str, reason: str, key: str) -> Posting:
    """Take from a lot and free the caps of as much; a lot of the operation's own ends."""
    share = amount / one.lot_amount
    return Posting(
        operation_key=key,
        operation_kind=kind,
        account_key=operation.player_id,
        purpose=CreditPurpose.REVERSAL,
        transaction_type=TransactionType.REVERSAL,
        currency_type=one.currency,
        amount=-amount,
        lot_id=one.lot_id,
        lot_status_after=BonusStatus.CANCELLED if one.is_own_lot and amount == one.remaining else None,
        end_reason=reason,
        promotional_value=round_to_cent(one.promotional_value * share),
        expected_cost=round_to_cent(one.expected_cost * share),
        reverses_id=operation.pk if kind == REVERSE else None,
        description=reason,
        reference_id=str(operation.pk),
    )


def _giving_back(one: _Movement, *, operation: Operation, reason: str, key: str, at: datetime) -> Posting:
    is_kept = one.is_open and (one.expires_at is None or one.expires_at > at)
    if not is_kept and one.currency == CurrencyType.BONUS:
        raise NotReversibleError(
            f"the bonus {one.lot_id} that paid {-one.amount} has ended ({one.status}): nothing can go back to it",
            bonus_id=one.lot_id,
        )
    return Posting(
        operation_key=key,
        operation_kind=REVERSE,
        account_key=operation.player_id,
        purpose=CreditPurpose.REFUND,
        transaction_type=TransactionType.REVERSAL,
        currency_type=one.currency,
        amount=-one.amount,
        lot_id=one.lot_id if is_kept else None,
        lot_kind=LotKind.REFUND,
        granted_on=timezone.localdate(at),
        expires_at=None if is_kept else at + timedelta(days=REFUND_GRACE_DAYS.value()),
        reverses_id=operation.pk,
        description=reason,
        reference_id=str(operation.pk),
    )
