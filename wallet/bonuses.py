"""Bonus money: crediting one player with conditions, and how far its wagering is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.money import CENT, parse_amount, round_to_cent
from players.models import GameCategory
from wallet.ledger import Posted, post_operation
from wallet.models import CurrencyType, Lot, TransactionType
from wallet.postings import check_currency_amount, credit_posting

WAGERING_MULTIPLE_MAX = Decimal(1000)


def add_bonus_balance(
    *,
    player_id: str,
    amount: object,
    wagering_requirement: Decimal,
    expiry: timedelta | None,
    key: str,
    actor: str,
    on: date | None = None,
    at: datetime | None = None,
    max_bet: Decimal | None = None,
    eligible_games: list[str] | None = None,
    description: str = "",
    promotional_value: Decimal | None = None,
    expected_cost: Decimal = Decimal(0),
) -> Posted:
    """Credit bonus money as a lot of its own; the stake to be wagered is `wagering_requirement` × amount.

    Raises InvalidInputError for the amount and the terms, and the errors of `post_operation`.
    """
    money = check_currency_amount(currency=CurrencyType.BONUS, amount=amount)
    _check_terms(wagering_requirement=wagering_requirement, expiry=expiry, max_bet=max_bet)
    _check_games(eligible_games)
    at = at or timezone.now()
    posting = credit_posting(
        key=key,
        kind="ADD_BONUS_BALANCE",
        player_id=player_id,
        currency=CurrencyType.BONUS,
        amount=money,
        on=on or timezone.localdate(at),
        transaction_type=TransactionType.BONUS_ISSUED,
        promotional_value=money if promotional_value is None else promotional_value,
        expected_cost=expected_cost,
        expires_at=at + expiry if expiry else None,
        wagering_required=round_to_cent(money * wagering_requirement),
        max_bet=max_bet,
        eligible_games=eligible_games,
        description=description,
        asked={"on": on, "expiry": expiry},
    )
    return post_operation([posting], at=at, actor=actor)[0]


def _check_terms(*, wagering_requirement: Decimal, expiry: timedelta | None, max_bet: Decimal | None) -> None:
    if not (wagering_requirement.is_finite() and 0 <= wagering_requirement <= WAGERING_MULTIPLE_MAX):
        raise InvalidInputError(
            f"wagering_requirement is {wagering_requirement}: a multiple of 0 to {WAGERING_MULTIPLE_MAX} is needed",
            field="wagering_requirement",
        )
    if expiry is not None and expiry <= timedelta(0):
        raise InvalidInputError("the expiry must lie in the future: give more than 0 hours", field="expiry_hours")
    if max_bet is not None:
        parse_amount(max_bet, name="max_bet")


def _check_games(eligible_games: list[str] | None) -> None:
    if eligible_games is None:
        return
    known = set(GameCategory.objects.values_list("code", flat=True))
    unknown = [game for game in eligible_games if game not in known]
    if unknown or not eligible_games:
        found = f"names {unknown[0]!r}" if unknown else "is empty"
        raise InvalidInputError(
            f"eligible_games {found}: some of {', '.join(sorted(known))} are needed, or none given for all games",
            field="eligible_games",
        )


def check_wagering_progress(*, player_id: str, bonus_id: int) -> Decimal:
    """Return how much of a bonus lot's requirement is wagered, in percent 0–100. Raises NotFoundError.

    Rounded down to two decimals, so that 100 means done.
    """
    lot = Lot.objects.filter(pk=bonus_id, player_id=player_id, currency_type=CurrencyType.BONUS).first()
    if lot is None:
        raise NotFoundError(f"player {player_id!r} has no bonus {bonus_id}", player_id=player_id, bonus_id=bonus_id)
    if not lot.wagering_required:
        return Decimal(100)
    percent: Decimal = (100 * lot.wagering_completed / lot.wagering_required).quantize(CENT, rounding=ROUND_DOWN)
    return min(Decimal(100), percent)
