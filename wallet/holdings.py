"""What a player holds: balances with what of them can be spent, and bonuses with what they wait for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db.models import Case, IntegerField, QuerySet, Value, When

from core.errors import NotFoundError
from core.expressions import fetch_rows
from players.models import Player
from wallet.models import BonusStatus, CurrencyType, LedgerEntry, Lot, LotMovement, Operation

OPEN_STATUSES = (BonusStatus.ACTIVE, BonusStatus.PENDING)
# What a pending lot waits for beside a claim and an action, which have their own codes.
DATE, TURN = "DATE", "TURN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One currency of a player. What of `balance` is neither spendable nor pending is past its time and will go."""

    currency: str
    balance: Decimal
    spendable: Decimal
    pending: Decimal
    next_expiry_at: datetime | None


_HOLDINGS_SQL = """
    WITH due AS MATERIALIZED (SELECT d.row_id FROM wallet_due_lots(%s, %s) d),
    lot AS MATERIALIZED (
        SELECT l.currency_type, l.remaining, l.expires_at, l.status = 'PENDING' AS is_pending,
               l.ctid IN (SELECT row_id FROM due) AS is_due
        FROM wallet_lots l
        WHERE l.player_id = %s AND l.remaining > 0 AND l.status IN ('PENDING', 'ACTIVE')
          AND (l.status = 'PENDING' OR l.expires_at IS NULL OR l.expires_at > %s)
    )
    SELECT c.code, coalesce(c.balance, 0.00), coalesce(h.spendable, 0.00), coalesce(h.pending, 0.00), h.next_expiry_at
    FROM players p
    LEFT JOIN loyalty_balances b ON b.player_id = p.player_id
    CROSS JOIN LATERAL (VALUES
        (1, 'LP', b.lp_balance), (2, 'RP', b.rp_balance), (3, 'BONUS', b.bonus_balance),
        (4, 'TICKETS', b.tickets_balance::numeric(18, 2))
    ) c (position, code, balance)
    CROSS JOIN LATERAL (
        SELECT sum(l.remaining) FILTER (WHERE l.is_due OR NOT l.is_pending) AS spendable,
               sum(l.remaining) FILTER (WHERE l.is_pending AND NOT l.is_due) AS pending,
               min(l.expires_at) FILTER (WHERE NOT l.is_pending) AS next_expiry_at
        FROM lot l WHERE l.currency_type = c.code
    ) h
    WHERE p.player_id = %s ORDER BY c.position
"""


def holdings_of(player_id: str, *, at: datetime) -> list[Holding]:
    """Return what a player holds of each currency, in one query.

    A pending credit whose date or turn has come counts as spendable: spending carries it on. Raises NotFoundError.
    """
    rows = fetch_rows(_HOLDINGS_SQL, [player_id, at, player_id, at, player_id])
    if not rows:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    names = ("currency", "balance", "spendable", "pending", "next_expiry_at")
    return [Holding(**dict(zip(names, row, strict=True))) for row in rows]


def bonuses_of(player_id: str, *, status: str | None = None) -> QuerySet[Lot]:
    """Return a player's bonuses, open ones first, then the newest. Raises NotFoundError."""
    if not Player.objects.filter(pk=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    bonuses = Lot.objects.filter(player_id=player_id, currency_type=CurrencyType.BONUS)
    if status is not None:
        bonuses = bonuses.filter(status=status)
    ended = Case(When(status__in=OPEN_STATUSES, then=Value(0)), default=Value(1), output_field=IntegerField())
    return bonuses.order_by(ended, "-pk")


def awaited_by(lot: Lot, *, at: datetime) -> str | None:
    """Return what a pending lot waits for: CLAIM, an action's code, DATE or TURN; None where it waits for nothing."""
    if lot.status != BonusStatus.PENDING:
        return None
    if lot.awaits is not None:
        return lot.awaits
    if lot.available_at is not None and lot.available_at > at:
        return DATE
    return TURN if lot.takes_turn else None


def entries_of(operation: Operation) -> QuerySet[LedgerEntry]:
    """Return what an operation posted, found by player and time: entries have no index on their operation."""
    return LedgerEntry.objects.filter(
        player_id=operation.player_id, created_at=operation.created_at, operation=operation
    ).order_by("number")


def movements_of(operation: Operation) -> QuerySet[LotMovement]:
    """Return what an operation moved in which lots, in order."""
    entries = entries_of(operation).order_by().values("pk")
    return (
        LotMovement.objects.filter(lot__player_id=operation.player_id, entry_id__in=entries)
        .select_related("lot")
        .order_by("pk")
    )
