"""Tickets: entering an event with them."""

from __future__ import annotations

from datetime import datetime

from django.utils import timezone

from players.models import CreditPurpose
from wallet.ledger import Posted, post_operation
from wallet.models import CurrencyType, TransactionType
from wallet.postings import Posting, check_currency_amount, check_text_field

EVENT_REFERENCE_LENGTH_MAX = 100


def use_tickets(
    *, player_id: str, tickets: object, event_reference: str, key: str, actor: str, at: datetime | None = None
) -> Posted:
    """Enter an event with a player's tickets, earliest expiry first; the entry carries the event's reference.

    A restricted player does not enter. Raises InvalidInputError for the tickets and the reference (1 to 100
    characters), InsufficientBalanceError with both figures, and the errors of `post_operation`.
    """
    used = check_currency_amount(currency=CurrencyType.TICKETS, amount=tickets)
    check_text_field("event_reference", event_reference, length_max=EVENT_REFERENCE_LENGTH_MAX, is_needed=True)
    posting = Posting(
        operation_key=key,
        operation_kind="USE_TICKETS",
        account_key=player_id,
        purpose=CreditPurpose.BET,
        transaction_type=TransactionType.TICKETS_USED,
        currency_type=CurrencyType.TICKETS,
        amount=-used,
        reference_id=event_reference,
    )
    return post_operation([posting], at=at or timezone.now(), actor=actor)[0]
