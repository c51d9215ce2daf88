"""Closing a bet: its payout is shared, or its stake given back, and what it counts as wagering is counted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.errors import InvalidInputError
from core.expressions import run_statement
from core.money import parse_amount
from players.models import CreditPurpose
from wallet.bets.errors import BetClosedError, BetNotFoundError
from wallet.bets.placing import bet_key
from wallet.bets.winnings import Payer, Payout, Share, share_payout, share_refund
from wallet.bonus_life import record_wagering
from wallet.counted_wagers import has_counted, take_back_void
from wallet.ledger import lock_players, post_operation
from wallet.models import Bet, BetStake, BetStatus, BonusStatus, CurrencyType, Lot, TransactionType
from wallet.policies import BONUS_WINNINGS_TO
from wallet.postings import Posting


@dataclass(frozen=True, slots=True, kw_only=True)
class _Closing:
    """How a bet is closed: the status it comes to, and what the ledger calls what comes back."""

    status: BetStatus
    act: str
    kind: str
    purpose: CreditPurpose
    transaction_type: TransactionType
    description: str


_SETTLING = _Closing(
    status=BetStatus.SETTLED,
    act="settle",
    kind="SETTLE_BET",
    purpose=CreditPurpose.SETTLEMENT,
    transaction_type=TransactionType.WIN,
    description="Payout of bet",
)
_VOIDING = _Closing(
    status=BetStatus.VOID,
    act="void",
    kind="VOID_BET",
    purpose=CreditPurpose.REFUND,
    transaction_type=TransactionType.REVERSAL,
    description="Stake of void bet",
)


@transaction.atomic
def settle_bet(*, bet_id: str, payout: object, actor: str, at: datetime | None = None) -> Bet:
    """Settle an open bet with what it paid, stake included and 0 where it lost; return it with the split.

    `real_payout` is the platform's to pay. The stake counts towards the requirements now; a bonus that is met or played
    away ends. The same payout again returns the first answer. Raises InvalidInputError, BetNotFoundError and
    BetClosedError with the figures.
    """
    paid = parse_amount(payout, name="payout", positive=False)
    if paid < 0:
        raise InvalidInputError(f"payout is {paid}: at least 0 is needed", field="payout")
    bet = _lock_bet(bet_id)
    if bet.status == BetStatus.SETTLED and bet.payout == paid:
        return bet
    _check_open(bet)
    at = at or timezone.now()
    stakes = _stakes_of(bet)
    shared = share_payout(
        paid, stake=bet.stake, payers=[_payer(one, at=at) for one in stakes], winnings_to=BONUS_WINNINGS_TO.value()
    )
    _close(bet, _SETTLING, shared, payout=paid, actor=actor, at=at)
    _count_wagering(bet, stakes, at=at)
    return bet


@transaction.atomic
def void_bet(*, bet_id: str, actor: str, at: datetime | None = None) -> Bet:
    """Give an open bet's stake back; it counts as wagering no more. Voiding it again returns the first answer.

    A bonus that has ended meanwhile takes nothing back; of a completed one the stake is real money within its cap.
    Raises BetNotFoundError and BetClosedError.
    """
    bet = _lock_bet(bet_id)
    if bet.status == BetStatus.VOID:
        return bet
    _check_open(bet)
    at = at or timezone.now()
    stakes = _stakes_of(bet)
    completed = {one.lot_id for one in stakes if one.lot.status == BonusStatus.COMPLETED}
    shared = share_refund([_payer(one, at=at) for one in stakes], completed=completed, real_stake=bet.real_stake)
    _close(bet, _VOIDING, shared, payout=None, actor=actor, at=at)
    reported = take_back_void(bet_id=bet.bet_id, player_id=bet.player_id, at=at)
    record_wagering(reported, player_ids=[bet.player_id], at=at)
    return bet


def _lock_bet(bet_id: str) -> Bet:
    bet = Bet.objects.filter(bet_id=bet_id).first()
    if bet is None:
        raise BetNotFoundError(f"there is no bet {bet_id!r}", bet_id=bet_id)
    lock_players([bet.player_id])
    bet.refresh_from_db()
    return bet


def _check_open(bet: Bet) -> None:
    if bet.status != BetStatus.OPEN:
        paid = f" with a payout of {bet.payout}" if bet.status == BetStatus.SETTLED else ""
        raise BetClosedError(
            f"bet {bet.bet_id!r} is {bet.status}{paid} since {bet.closed_at:%Y-%m-%d %H:%M}",
            bet_id=bet.bet_id,
            status=bet.status,
            payout=None if bet.payout is None else str(bet.payout),
        )


def _stakes_of(bet: Bet) -> list[BetStake]:
    return list(bet.stakes.select_related("lot").order_by("pk"))


def _payer(stake: BetStake, *, at: datetime) -> Payer:
    lot = stake.lot
    return Payer(
        lot_id=lot.pk,
        amount=stake.amount,
        is_active=lot.status == BonusStatus.ACTIVE and (lot.expires_at is None or lot.expires_at > at),
        is_forfeited=lot.status == BonusStatus.FORFEITED,
        room=None if lot.max_conversion is None else lot.max_conversion - lot.converted,
    )


def _close(bet: Bet, closing: _Closing, shared: Payout, *, payout: Decimal | None, actor: str, at: datetime) -> None:
    """Close the bet by a claim, pay back what comes back, and count what became real against the caps."""
    bet.status, bet.payout, bet.closed_at = closing.status, payout, at
    bet.real_payout, bet.bonus_payout = shared.real, shared.bonus
    claimed = Bet.objects.filter(pk=bet.pk, status=BetStatus.OPEN).update(
        status=bet.status,
        payout=payout,
        closed_at=at,
        real_payout=bet.real_payout,
        bonus_payout=bet.bonus_payout,
    )
    if claimed != 1:
        raise BetClosedError(f"bet {bet.bet_id!r} was closed meanwhile", bet_id=bet.bet_id)
    paying_back = [share for share in shared.shares if share.paid_back]
    if paying_back:
        post_operation([_back_posting(share, bet, closing) for share in paying_back], at=at, actor=actor)
    _store_shares(bet, shared.shares)
    paid_by = BetStake.objects.filter(bet=bet, amount__gt=0).values("lot_id")
    Lot.objects.filter(pk__in=paid_by).update(open_bets=F("open_bets") - 1)


def _back_posting(share: Share, bet: Bet, closing: _Closing) -> Posting:
    return Posting(
        operation_key=bet_key(bet.bet_id, closing.act),
        operation_kind=closing.kind,
        account_key=bet.player_id,
        purpose=closing.purpose,
        transaction_type=closing.transaction_type,
        currency_type=CurrencyType.BONUS,
        amount=share.paid_back,
        lot_id=share.lot_id,
        description=f"{closing.description} {bet.bet_id}",
        reference_id=bet.bet_id,
    )


def _store_shares(bet: Bet, shares: Sequence[Share]) -> None:
    run_statement(
        """
        WITH share AS (
            SELECT * FROM unnest(%s::bigint[], %s::numeric[], %s::numeric[]) s (lot_id, paid_back, converted)
        ),
        lots AS (
            UPDATE wallet_lots l SET converted = l.converted + s.converted FROM share s
            WHERE l.id = s.lot_id AND s.converted > 0
        )
        UPDATE wallet_bet_stakes k SET paid_back = s.paid_back, converted = s.converted FROM share s
        WHERE k.bet_id = %s AND k.lot_id = s.lot_id
        """,
        [
            [share.lot_id for share in shares],
            [share.paid_back for share in shares],
            [share.converted for share in shares],
            bet.pk,
        ],
    )


def _count_wagering(bet: Bet, stakes: Sequence[BetStake], *, at: datetime) -> None:
    if stakes and has_counted(bet_id=bet.bet_id, player_id=bet.player_id):
        # Reported before it was placed: what it counts is counted.
        bet.stakes.update(contribution=0)
        stakes = []
    record_wagering({one.lot_id: one.contribution for one in stakes}, player_ids=[bet.player_id], at=at)
