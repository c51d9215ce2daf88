"""From which money a stake is paid, and what it counts towards: arithmetic alone, nothing is read or written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, round_to_cent
from wallet.bets.errors import GameNotEligibleError, InsufficientFundsError, MaxBetExceededError


@dataclass(frozen=True, slots=True, kw_only=True)
class Purse:
    """An active bonus a stake may be paid from. `eligible_games` None: every category."""

    lot_id: int
    remaining: Decimal
    max_bet: Decimal | None
    eligible_games: tuple[str, ...] | None
    counts_whole_stake: bool
    is_wagering: bool

    def takes(self, category: str) -> bool:
        """Tell whether the bonus may be played in a category."""
        return self.eligible_games is None or category in self.eligible_games


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a stake has to do with one bonus: how much of it the bonus pays, and how much counts as wagering."""

    lot_id: int
    amount: Decimal
    contribution: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Funding:
    """How a stake is paid: `real` and the bonuses' parts add up to it."""

    real: Decimal
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """A bet to be paid: the stake, the real money the platform holds, and the game with its contribution weight."""

    amount: Decimal
    real_available: Decimal
    category: str
    weight: Decimal


def fund_stake(stake: Stake, purses: Sequence[Purse], *, order: str) -> Funding:
    """Split a stake over real money and the purses, in their order, by the order of funds (BET_FUNDS_ORDER).

    A bonus counts what it paid itself; one on the basis of deposit and bonus also what real money paid. Raises
    InsufficientFundsError, GameNotEligibleError and MaxBetExceededError, each with the figures.
    """
    eligible = [purse for purse in purses if purse.takes(stake.category)]
    bonus_available = sum((purse.remaining for purse in eligible), ZERO)
    real = _real_part(stake, bonus_available=bonus_available, order=order)
    bonus = stake.amount - real
    if real > stake.real_available or bonus > bonus_available:
        raise _shortage(stake, purses, bonus_available=bonus_available, order=order)
    paid = _paid_by(eligible, bonus)
    whole = next((purse for purse in eligible if purse.counts_whole_stake and purse.is_wagering), None)
    involved = [purse for purse in eligible if purse.lot_id in paid or purse is whole]
    _check_max_bet(stake, involved)
    return Funding(
        real=real,
        parts=tuple(
            _part(purse, paid=paid.get(purse.lot_id, ZERO), real=real if purse is whole else ZERO, weight=stake.weight)
            for purse in involved
        ),
    )


def _real_part(stake: Stake, *, bonus_available: Decimal, order: str) -> Decimal:
    match order:
        case "REAL_ONLY":
            return stake.amount
        case "BONUS_ONLY":
            return ZERO
        case "BONUS_FIRST":
            return stake.amount - min(stake.amount, bonus_available)
        case _:
            return min(stake.amount, stake.real_available)


def _paid_by(purses: Sequence[Purse], bonus: Decimal) -> dict[int, Decimal]:
    paid = {}
    for purse in purses:
        part = min(purse.remaining, bonus)
        if part > 0:
            paid[purse.lot_id] = part
            bonus -= part
    return paid


def _part(purse: Purse, *, paid: Decimal, real: Decimal, weight: Decimal) -> Part:
    counted = paid + real if purse.is_wagering else ZERO
    return Part(lot_id=purse.lot_id, amount=paid, contribution=round_to_cent(counted * weight))


def _check_max_bet(stake: Stake, purses: Sequence[Purse]) -> None:
    limited = [purse for purse in purses if purse.max_bet is not None and stake.amount > purse.max_bet]
    if limited:
        purse = min(limited, key=lambda purse: purse.max_bet or ZERO)
        raise MaxBetExceededError(
            f"the stake of {stake.amount} is above {purse.max_bet}, the largest bet with bonus {purse.lot_id}",
            stake=str(stake.amount),
            max_bet=str(purse.max_bet),
            bonus_id=purse.lot_id,
        )


def _shortage(
    stake: Stake, purses: Sequence[Purse], *, bonus_available: Decimal, order: str
) -> GameNotEligibleError | InsufficientFundsError:
    held = sum((purse.remaining for purse in purses), ZERO)
    real_usable = ZERO if order == "BONUS_ONLY" else stake.real_available
    if order != "REAL_ONLY" and real_usable + held >= stake.amount > real_usable + bonus_available:
        games = sorted(
            {game for purse in purses for game in purse.eligible_games or () if not purse.takes(stake.category)}
        )
        return GameNotEligibleError(
            f"bonus money may not be played in {stake.category}, only in {', '.join(games)}",
            game_category=stake.category,
            eligible_games=games,
        )
    return InsufficientFundsError(
        f"the stake is {stake.amount}; by {order} there is {real_usable} of real money and "
        f"{ZERO if order == 'REAL_ONLY' else bonus_available} of bonus money for it",
        stake=str(stake.amount),
        real_available=str(stake.real_available),
        bonus_available=str(bonus_available),
        order=order,
    )
