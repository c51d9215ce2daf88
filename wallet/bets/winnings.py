"""How a payout is shared between real money and the bonuses that helped to pay the stake: arithmetic alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, round_to_cent


@dataclass(frozen=True, slots=True, kw_only=True)
class Payer:
    """A bonus that paid part of a stake. `room` is what may still become real money of it, None without a cap."""

    lot_id: int
    amount: Decimal
    is_active: bool
    is_forfeited: bool
    room: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one bonus gets of a payout: money back, and money that becomes real within its cap."""

    lot_id: int
    paid_back: Decimal
    converted: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """A payout shared out. What neither is real nor comes back lay beyond a cap or belonged to a forfeited bonus."""

    real: Decimal
    shares: tuple[Share, ...]

    @property
    def bonus(self) -> Decimal:
        """Return what comes back to bonuses."""
        return sum((share.paid_back for share in self.shares), ZERO)


def share_payout(payout: Decimal, *, stake: Decimal, payers: Sequence[Payer], winnings_to: str) -> Payout:
    """Share a payout: each bonus has won in proportion to what it paid; the rest was won by real money and stays real.

    What an active bonus has won goes where BONUS_WINNINGS_TO says; of an ended one it is real money up to the cap, of a
    forfeited one nothing. The parts are cut so that no cent is made or lost.
    """
    won = _proportional(payout, stake=stake, parts=[payer.amount for payer in payers])
    shares = tuple(
        _share(payer, won=amount, winnings_to=winnings_to) for payer, amount in zip(payers, won, strict=True)
    )
    real = payout - sum(won, ZERO) + sum((share.converted for share in shares), ZERO)
    return Payout(real=real, shares=shares)


def share_refund(payers: Sequence[Payer], *, completed: set[int], real_stake: Decimal) -> Payout:
    """Share a void bet's stake: back to active bonuses, real within the cap where the bonus was completed meanwhile."""
    shares = tuple(
        Share(
            lot_id=payer.lot_id,
            paid_back=payer.amount if payer.is_active else ZERO,
            converted=_within(payer.amount, payer.room) if payer.lot_id in completed else ZERO,
        )
        for payer in payers
    )
    return Payout(real=real_stake + sum((share.converted for share in shares), ZERO), shares=shares)


def _proportional(payout: Decimal, *, stake: Decimal, parts: Sequence[Decimal]) -> list[Decimal]:
    """Cut payout × part ÷ stake at running totals, so that rounding never adds up."""
    cut, paid, amounts = ZERO, ZERO, []
    for part in parts:
        paid += part
        until = round_to_cent(payout * paid / stake)
        amounts.append(until - cut)
        cut = until
    return amounts


def _share(payer: Payer, *, won: Decimal, winnings_to: str) -> Share:
    back = ZERO
    if payer.is_active and winnings_to == "ALL_TO_BONUS":
        back = won
    elif payer.is_active and winnings_to == "STAKE_TO_BONUS":
        back = min(won, payer.amount)
    converted = ZERO if payer.is_forfeited else _within(won - back, payer.room)
    return Share(lot_id=payer.lot_id, paid_back=back, converted=converted)


def _within(amount: Decimal, room: Decimal | None) -> Decimal:
    return amount if room is None else min(amount, max(room, ZERO))
