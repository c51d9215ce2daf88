"""Bets of bob's, with fixed values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from wallet.bets import place_bet, settle_bet, void_bet
from wallet.models import Bet, Lot
from wallet.tests.factories import AT


def bet(bet_id: str, stake: str, *, real: str = "0.00", at: datetime = AT, **given: Any) -> Bet:
    """Place a bet of bob's on slots."""
    asked = {"player_id": "bob", "category": "slots", "actor": "platform", **given}
    return place_bet(bet_id=bet_id, stake=stake, real_available=real, at=at, **asked)


def settle(bet_id: str, payout: str, *, at: datetime = AT) -> Bet:
    return settle_bet(bet_id=bet_id, payout=payout, actor="platform", at=at)


def void(bet_id: str, *, at: datetime = AT) -> Bet:
    return void_bet(bet_id=bet_id, actor="platform", at=at)


def play(bet_id: str, stake: str, payout: str, *, real: str = "0.00", at: datetime = AT, **given: Any) -> Bet:
    """Place and settle a bet."""
    bet(bet_id, stake, real=real, at=at, **given)
    return settle(bet_id, payout, at=at)


def split(placed: Bet) -> tuple[str, str]:
    """Return real and bonus part of the stake."""
    return str(placed.real_stake), str(placed.bonus_stake)


def paid(settled: Bet) -> tuple[str, str]:
    """Return what is paid as real money and what went back to bonuses."""
    return str(settled.real_payout), str(settled.bonus_payout)


def bonuses(player_id: str = "bob") -> list[tuple[str, str, str]]:
    """Return status, what remains and what is wagered of each bonus, in the order they were made."""
    lots = Lot.objects.filter(player_id=player_id, currency_type="BONUS").order_by("id")
    return [(lot.status, str(lot.remaining), str(lot.wagering_completed)) for lot in lots]
