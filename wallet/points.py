"""Loyalty points, reward points and tickets: crediting one player and spending."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NotRequired, TypedDict, Unpack

from django.utils import timezone

from players.models import CreditPurpose
from wallet.ledger import Posted, post_operation
from wallet.models import CurrencyType, TransactionType
from wallet.points_expiry import points_expire_at
from wallet.postings import Posting, check_currency_amount, credit_posting

_CREDIT_TYPES = {CurrencyType.LP: TransactionType.LP_EARNED}
_SPEND_TYPES = {
    CurrencyType.LP: TransactionType.LP_REDEEMED,
    CurrencyType.RP: TransactionType.RP_REDEEMED,
    CurrencyType.BONUS: TransactionType.WAGER,
    CurrencyType.TICKETS: TransactionType.TICKETS_USED,
}


class Credit(TypedDict):
    """What a one-off credit is made of; `source` is shown in the player's statement.

    `promotional_value` is what it counts towards the reward caps and, unless `expected_cost` says less, towards profit
    safety, in money; without `expires_at` the currency's own policy holds.
    """

    player_id: str
    amount: object
    source: str
    key: str
    actor: str
    on: NotRequired[date | None]
    at: NotRequired[datetime | None]
    promotional_value: NotRequired[Decimal]
    expected_cost: NotRequired[Decimal | None]
    expires_at: NotRequired[datetime | None]


def add_loyalty_points(**credit: Unpack[Credit]) -> Posted:
    """Credit loyalty points as a lot of their own.

    Raises InvalidInputError for the amount and the errors of `post_operation`.
    """
    return _credit(currency=CurrencyType.LP, kind="ADD_LOYALTY_POINTS", **credit)


def add_reward_points(**credit: Unpack[Credit]) -> Posted:
    """Credit reward points, as `add_loyalty_points` does."""
    return _credit(currency=CurrencyType.RP, kind="ADD_REWARD_POINTS", **credit)


def add_tickets(**credit: Unpack[Credit]) -> Posted:
    """Credit whole tickets, as `add_loyalty_points` does; they expire only where `expires_at` is given."""
    return _credit(currency=CurrencyType.TICKETS, kind="ADD_TICKETS", **credit)


def _credit(
    *,
    currency: CurrencyType,
    kind: str,
    player_id: str,
    amount: object,
    source: str,
    key: str,
    actor: str,
    on: date | None = None,
    at: datetime | None = None,
    promotional_value: Decimal = Decimal(0),
    expected_cost: Decimal | None = None,
    expires_at: datetime | None = None,
) -> Posted:
    units = check_currency_amount(currency=currency, amount=amount)
    earned_on = on or timezone.localdate(at)
    posting = credit_posting(
        key=key,
        kind=kind,
        player_id=player_id,
        currency=currency,
        amount=units,
        on=earned_on,
        transaction_type=_CREDIT_TYPES.get(currency, TransactionType.REWARD),
        promotional_value=promotional_value,
        expected_cost=promotional_value if expected_cost is None else expected_cost,
        expires_at=expires_at or points_expire_at(currency=currency, earned_on=earned_on),
        description=source,
        asked={"on": on, "expires_at": expires_at},
    )
    return post_operation([posting], at=at, actor=actor)[0]


def deduct_balance(
    *,
    player_id: str,
    currency: str,
    amount: object,
    key: str,
    actor: str,
    description: str = "",
    at: datetime | None = None,
) -> Posted:
    """Spend from a player's lots, earliest expiry first.

    Raises InsufficientBalanceError with both figures, InvalidInputError, and the errors of `post_operation`.
    """
    spent = check_currency_amount(currency=currency, amount=amount)
    posting = Posting(
        operation_key=key,
        operation_kind="DEDUCT_BALANCE",
        account_key=player_id,
        purpose=CreditPurpose.SPEND,
        transaction_type=_SPEND_TYPES[CurrencyType(currency)],
        currency_type=currency,
        amount=-spent,
        description=description,
    )
    return post_operation([posting], at=at, actor=actor)[0]
