"""Bonus money: crediting one player with conditions, and how far its wagering is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from typing import Any

from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.money import CENT, parse_amount, round_to_cent
from players.models import GameCategory
from wallet.ledger import Posted, post_operation
from wallet.models import CurrencyType, Lot, TransactionType, WageringBasis
from wallet.policies import BONUS_TURNS, WAGERING_BASIS
from wallet.postings import Posting, check_currency_amount, credit_posting

WAGERING_MULTIPLE_MAX = Decimal(1000)
EXPIRY_HOURS_MAX = 24 * 3650
# What a bonus awaits that the player must claim.
CLAIM = "CLAIM"


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
    deposit: Decimal = Decimal(0),
    wagering_basis: str | None = None,
    max_bet: Decimal | None = None,
    max_conversion: Decimal | None = None,
    eligible_games: list[str] | None = None,
    claim_within: timedelta | None = None,
    awaits: str | None = None,
    available_at: datetime | None = None,
    description: str = "",
    promotional_value: Decimal | None = None,
    expected_cost: Decimal | None = None,
) -> Posted:
    """Credit bonus money as a lot of its own.

    The stake to be wagered is `wagering_requirement` × the bonus, or × deposit and bonus by the basis (WAGERING_BASIS
    unless given). It may be played for `expiry` (whole hours) from when it is active: at once, or once it is claimed
    within `claim_within`, once the action `awaits` has happened, from `available_at`, and when its turn has come.

    Without `promotional_value` it counts towards the caps in full, without `expected_cost` as dear as that.

    Raises InvalidInputError for the amount and the terms, JurisdictionLimitError, and the errors of `post_operation`.
    """
    money = check_currency_amount(currency=CurrencyType.BONUS, amount=amount)
    at = at or timezone.now()
    on_date = on or timezone.localdate(at)
    value = money if promotional_value is None else promotional_value
    posting = bonus_posting(
        player_id=player_id,
        amount=money,
        wagering_requirement=wagering_requirement,
        expiry_hours=_whole_hours(expiry, name="expiry_hours"),
        key=key,
        kind="ADD_BONUS_BALANCE",
        on=on_date,
        deposit=deposit,
        wagering_basis=wagering_basis,
        max_bet=max_bet,
        max_conversion=max_conversion,
        eligible_games=eligible_games,
        awaits=CLAIM if claim_within else awaits,
        available_at=available_at,
        description=description,
        promotional_value=value,
        expected_cost=value if expected_cost is None else expected_cost,
        expires_at=at + claim_within if claim_within else None,
        asked={"on": on, "claim_within": claim_within, "available_at": available_at},
    )
    return post_operation([posting], at=at, actor=actor)[0]


def bonus_posting(
    *,
    player_id: str,
    amount: Decimal,
    wagering_requirement: Decimal,
    expiry_hours: int | None,
    key: str,
    kind: str,
    on: date,
    deposit: Decimal = Decimal(0),
    wagering_basis: str | None = None,
    max_bet: Decimal | None = None,
    max_conversion: Decimal | None = None,
    eligible_games: list[str] | None = None,
    **terms: Any,
) -> Posting:
    """Return the posting of a bonus: its requirement as an amount, its basis and turn as the policies have them now.

    `expiry_hours` count from when the bonus becomes active; `terms` are those of `credit_posting`. Raises
    InvalidInputError.
    """
    check_bonus_terms(wagering_requirement=wagering_requirement, expiry_hours=expiry_hours)
    for name, most in (("max_bet", max_bet), ("max_conversion", max_conversion)):
        if most is not None:
            parse_amount(most, name=name)
    _check_games(eligible_games)
    basis = _checked_basis(wagering_basis)
    base = bonus_base(amount, deposit=deposit, wagering_basis=basis)
    required = round_to_cent(base * wagering_requirement)
    return credit_posting(
        key=key,
        kind=kind,
        player_id=player_id,
        currency=CurrencyType.BONUS,
        amount=amount,
        on=on,
        transaction_type=TransactionType.BONUS_ISSUED,
        active_hours=expiry_hours,
        takes_turn=required > 0 and BONUS_TURNS.value() == "ONE_AT_A_TIME",
        wagering_required=required,
        wagering_basis=basis,
        max_bet=max_bet,
        max_conversion=max_conversion,
        eligible_games=eligible_games,
        **terms,
    )


def bonus_base(amount: Decimal, *, deposit: Decimal = Decimal(0), wagering_basis: str | None = None) -> Decimal:
    """Return of which amount a bonus's requirement is a multiple. Raises InvalidInputError."""
    basis = _checked_basis(wagering_basis)
    return amount + parse_amount(deposit, name="deposit", positive=False) * (basis == WageringBasis.DEPOSIT_AND_BONUS)


def _checked_basis(given: str | None) -> str:
    basis = WAGERING_BASIS.value() if given is None else given
    if basis not in WageringBasis.values:
        needed = ", ".join(WageringBasis.values)
        raise InvalidInputError(f"wagering_basis is {basis!r}: one of {needed} is needed", field="wagering_basis")
    return basis


def _whole_hours(window: timedelta | None, *, name: str) -> int | None:
    if window is None:
        return None
    hours, rest = divmod(window, timedelta(hours=1))
    if rest:
        raise InvalidInputError(f"{name} is {window}: whole hours are needed", field=name)
    return hours


def check_bonus_terms(*, wagering_requirement: Decimal, expiry_hours: int | None = None) -> None:
    """Raise InvalidInputError for a requirement or an expiry that no bonus can have."""
    if not (wagering_requirement.is_finite() and 0 <= wagering_requirement <= WAGERING_MULTIPLE_MAX):
        raise InvalidInputError(
            f"wagering_requirement is {wagering_requirement}: a multiple of 0 to {WAGERING_MULTIPLE_MAX} is needed",
            field="wagering_requirement",
        )
    if expiry_hours is not None and not 0 < expiry_hours <= EXPIRY_HOURS_MAX:
        raise InvalidInputError(
            f"the expiry must lie in the future: 1 to {EXPIRY_HOURS_MAX} hours are needed", field="expiry_hours"
        )


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
    """Return how much of a bonus lot's requirement is wagered, in percent 0–100. Raises NotFoundError."""
    lot = Lot.objects.filter(pk=bonus_id, player_id=player_id, currency_type=CurrencyType.BONUS).first()
    if lot is None:
        raise NotFoundError(f"player {player_id!r} has no bonus {bonus_id}", player_id=player_id, bonus_id=bonus_id)
    return wagering_percent(lot)


def wagering_percent(lot: Lot) -> Decimal:
    """Return how much of a bonus's requirement is wagered, in percent 0–100, rounded down so that 100 means done."""
    if not lot.wagering_required:
        return Decimal(100)
    percent: Decimal = (100 * lot.wagering_completed / lot.wagering_required).quantize(CENT, rounding=ROUND_DOWN)
    return min(Decimal(100), percent)
