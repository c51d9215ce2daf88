"""Loyalty points, reward points and tickets: crediting one player and spending."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal

from django.utils import timezone

from players.models import CreditPurpose
from wallet.ledger import Posted, post_operation
from wallet.models import CurrencyType, TransactionType
from wallet.postings import Posting, check_currency_amount, credit_posting

_SPEND_TYPES = {
    CurrencyType.LP: TransactionType.LP_REDEEMED,
    CurrencyType.RP: TransactionType.RP_REDEEMED,
    CurrencyType.BONUS: TransactionType.WAGER,
    CurrencyType.TICKETS: TransactionType.TICKETS_USED,
}


def add_loyalty_points(
    *,
    player_id: str,
    amount: object,
    source: str,
    key: str,
    actor: str,
    on: date | None = None,
    at: datetime | None = None,
    promotional_value: Decimal = Decimal(0),
    expires_at: datetime | None = None,
) -> Posted:
    """Credit loyalty points as a lot of their own; `source` is shown in the player's statement.

    `promotional_value` is what the points count towards the reward caps, in money.

    Raises InvalidInputError for the amount and the errors of `post_operation`.
    """
    points = check_currency_amount(currency=CurrencyType.LP, amount=amount)
    posting = credit_posting(
        key=key,
        kind="ADD_LOYALTY_POINTS",
        player_id=player_id,
        currency=CurrencyType.LP,
        amount=points,
        on=on or timezone.localdate(at),
        transaction_type=TransactionType.LP_EARNED,
        promotional_value=promotional_value,
        expires_at=expires_at,
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
