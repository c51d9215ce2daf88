"""Bets: the platform asks how a stake is to be paid, and tells what came of it."""

from wallet.bets.errors import (
    BetClosedError,
    BetNotFoundError,
    GameNotEligibleError,
    InsufficientFundsError,
    MaxBetExceededError,
)
from wallet.bets.placing import place_bet
from wallet.bets.settling import settle_bet, void_bet

__all__ = [
    "BetClosedError",
    "BetNotFoundError",
    "GameNotEligibleError",
    "InsufficientFundsError",
    "MaxBetExceededError",
    "place_bet",
    "settle_bet",
    "void_bet",
]
