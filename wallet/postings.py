"""What is asked of the ledger: signed movements, checked before they reach the posting core."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from typing import Any

from core.errors import InvalidInputError
from core.money import parse_amount
from core.strict_json import JSONRefusedError, check_text, is_storable
from players.models import CreditPurpose
from wallet.models import CurrencyType, LotKind, TransactionType


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One signed movement to post. Fields as the database type `wallet_posting`; `amount` is signed.

    `asked` is not stored: it holds what the caller was asked for and these fields do not tell, and counts as input.
    """

    operation_key: str
    operation_kind: str
    account_key: str
    purpose: str
    transaction_type: str
    currency_type: str
    amount: Decimal
    lot_id: int | None = None
    lot_status_after: str | None = None
    lot_kind: str | None = None
    share_key: str | None = None
    granted_on: date | None = None
    promotional_value: Decimal = Decimal(0)
    expected_cost: Decimal = Decimal(0)
    available_at: datetime | None = None
    awaits: str | None = None
    takes_turn: bool = False
    active_hours: int | None = None
    expires_at: datetime | None = None
    wagering_required: Decimal = Decimal(0)
    wagering_basis: str | None = None
    max_bet: Decimal | None = None
    max_conversion: Decimal | None = None
    eligible_games: list[str] | None = None
    end_reason: str | None = None
    rule_number: int | None = None
    decision_id: int | None = None
    reverses_id: int | None = None
    description: str = ""
    reference_id: str = ""
    metadata: dict[str, Any] | None = None
    asked: dict[str, Any] | None = None


_COLUMNS = [
    name
    for field in fields(Posting)
    for name in ([field.name, "input_hash"] if field.name == "operation_kind" else [field.name])
    if name != "asked"
]


def posting_row(**columns: str) -> str:
    """Return SQL that makes a `wallet_posting` of the expressions given by column; what is not given is NULL.

    Raises TypeError for a column that the type does not have.
    """
    unknown = columns.keys() - set(_COLUMNS)
    if unknown:
        raise TypeError(f"a posting has no column {', '.join(sorted(unknown))}")
    return f"ROW({', '.join(columns.get(name, 'NULL') for name in _COLUMNS)})::wallet_posting"


# These follow from when a request comes and from how safety values it then; a retry is the same request all the same.
_FOLLOWING = {"granted_on", "available_at", "expires_at", "promotional_value", "expected_cost"}
_LENGTHS_MAX = {
    "operation_key": 200,
    "operation_kind": 40,
    "share_key": 40,
    "description": 500,
    "reference_id": 100,
    "awaits": 60,
    "end_reason": 200,
}
_NEEDED = ("operation_key", "operation_kind")
_TERMS = ("promotional_value", "expected_cost", "wagering_required", "max_bet", "max_conversion")


def credit_posting(
    *,
    key: str,
    kind: str,
    player_id: str,
    currency: str,
    amount: Decimal,
    on: date,
    lot_kind: str = LotKind.MANUAL,
    purpose: str = CreditPurpose.PROMOTION,
    transaction_type: str = TransactionType.REWARD,
    **terms: Any,
) -> Posting:
    """Return a posting that credits a new lot; `terms` are the lot's conditions."""
    return Posting(
        operation_key=key,
        operation_kind=kind,
        account_key=player_id,
        purpose=purpose,
        transaction_type=transaction_type,
        currency_type=currency,
        amount=amount,
        lot_kind=lot_kind,
        granted_on=on,
        **terms,
    )


def check_currency_amount(*, currency: str, amount: object, positive: bool = True) -> Decimal:
    """Return an amount of a known currency; tickets must be whole. Raises InvalidInputError."""
    if currency not in CurrencyType.values:
        raise InvalidInputError(f"currency {currency!r} is unknown; one of {', '.join(CurrencyType.values)} is needed")
    parsed = parse_amount(amount, positive=positive)
    if currency == CurrencyType.TICKETS and parsed != parsed.to_integral_value():
        raise InvalidInputError(f"amount is {parsed}: tickets are whole", field="amount")
    return parsed


def check_postings(postings: Sequence[Posting]) -> None:
    """Raise InvalidInputError for what the posting core cannot post, naming the field."""
    for posting in postings:
        _check_amounts(posting)
        _check_words(posting)
    _check_owners(postings)
    _check_choice_of_lots(postings)


def _check_amounts(posting: Posting) -> None:
    if check_currency_amount(currency=posting.currency_type, amount=posting.amount, positive=False) == 0:
        raise InvalidInputError("amount is 0: a posting adds or takes something", field="amount")
    for name in _TERMS:
        value = getattr(posting, name)
        if value is not None and not (value.is_finite() and value >= 0):
            raise InvalidInputError(f"{name} is {value}: a decimal of at least 0 is needed", field=name)


def _check_words(posting: Posting) -> None:
    if posting.purpose not in CreditPurpose.values:
        # Restrictions are looked up by purpose, so one that nobody knows would pass them all.
        needed = ", ".join(CreditPurpose.values)
        raise InvalidInputError(f"purpose is {posting.purpose!r}: one of {needed} is needed", field="purpose")
    for name, length_max in _LENGTHS_MAX.items():
        check_text_field(name, getattr(posting, name) or "", length_max=length_max, is_needed=name in _NEEDED)
    try:
        check_text(posting.metadata)
    except JSONRefusedError as error:
        raise InvalidInputError(f"metadata: {error}", field="metadata") from None


def check_text_field(name: str, text: str, *, length_max: int, is_needed: bool = False) -> None:
    """Raise InvalidInputError for text that is missing, too long or cannot be stored."""
    if is_needed and not text:
        raise InvalidInputError(f"{name} is empty: 1 to {length_max} characters are needed", field=name)
    if len(text) > length_max:
        raise InvalidInputError(f"{name} has {len(text)} characters: at most {length_max} can be stored", field=name)
    if not is_storable(text):
        raise InvalidInputError(f"{name} holds a character that cannot be stored", field=name)


def _check_owners(postings: Sequence[Posting]) -> None:
    owners: dict[str, str] = {}
    for posting in postings:
        owner = owners.setdefault(posting.operation_key, posting.account_key)
        if owner != posting.account_key:
            raise InvalidInputError(
                f"the key {posting.operation_key!r} names postings of {owner} and of {posting.account_key}: "
                "an operation is one player's",
                field="operation_key",
            )


def _check_choice_of_lots(postings: Sequence[Posting]) -> None:
    named: set[tuple[str, str]] = set()
    left_open: set[tuple[str, str]] = set()
    for posting in postings:
        if posting.amount < 0:
            choice = left_open if posting.lot_id is None else named
            choice.add((posting.account_key, posting.currency_type))
    for player_id, currency in named & left_open:
        raise InvalidInputError(
            f"the set takes {currency} of {player_id} from named lots and from any: post them apart", field="lot_id"
        )


def inputs_hash(inputs: dict[str, Any]) -> bytes:
    """Return the hash of what a caller asked for where the postings follow from what the ledger holds."""
    return hashlib.sha256(json.dumps(sorted(inputs.items()), default=_exactly).encode()).digest()


def input_hashes(postings: Sequence[Posting]) -> dict[str, bytes]:
    """Return for each operation key the hash of what its caller asked for: all its postings, in order."""
    by_key = sorted(postings, key=lambda posting: posting.operation_key)
    return {
        key: hashlib.sha256(json.dumps([_asked(one) for one in group], default=_exactly).encode()).digest()
        for key, group in groupby(by_key, key=lambda posting: posting.operation_key)
    }


def _asked(posting: Posting) -> list[tuple[str, Any]]:
    return sorted((name, value) for name, value in asdict(posting).items() if name not in _FOLLOWING)


def _exactly(value: object) -> str:
    """Write 5, 5.0 and 5.00 alike."""
    return format(value.normalize(), "f") if isinstance(value, Decimal) else str(value)
