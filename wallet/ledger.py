"""The way into the posting core from Python: one operation, or a set of them, under one lock."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from core.expressions import fetch_rows
from core.money import parse_amount
from players.models import CreditPurpose, Player
from wallet.models import CurrencyType, LotKind, TransactionType


class IdempotencyKeyReusedError(ConflictError):
    """Raised when a key was used before with other inputs; the first operation stands."""

    code = "idempotency_key_reused"


class InsufficientBalanceError(RefusedError):
    """Raised when a debit is larger than what the player can spend; `details` carries both figures."""

    code = "insufficient_balance"


class PlayerRestrictedError(RefusedError):
    """Raised when a restriction of the player forbids the credit; the refusal is kept as evidence."""

    code = "player_restricted"


class LotUnavailableError(RefusedError):
    """Raised when the named lot is not the player's or holds less than the debit."""

    code = "lot_unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Posting:
    """One signed movement to post. Fields as the database type `wallet_posting`; `amount` is signed."""

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
    expires_at: datetime | None = None
    wagering_required: Decimal = Decimal(0)
    max_bet: Decimal | None = None
    max_conversion: Decimal | None = None
    eligible_games: list[str] | None = None
    rule_number: int | None = None
    decision_id: int | None = None
    description: str = ""
    reference_id: str = ""
    metadata: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of one posting. `entry_id` and balances are None for a replay or a refusal."""

    outcome: str
    reason: str | None
    details: dict[str, Any] | None
    operation_id: int | None
    entry_id: int | None
    lot_id: int | None
    balance_before: Decimal | None
    balance_after: Decimal | None


def input_hash(posting: Posting) -> bytes:
    """Return the hash of what a caller asked for; times that follow from `at` are left out, so that a retry is equal."""
    asked = {name: value for name, value in asdict(posting).items() if name not in {"available_at", "expires_at"}}
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=str).encode()).digest()


def post(postings: Sequence[Posting], *, at: datetime, actor: str, run_id: int | None = None) -> list[Posted]:
    """Post a set of movements under one lock; refused ones are returned, not raised.

    Raises NotFoundError for an unknown player; then nothing is written.
    """
    _check_players(postings)
    rows = [_as_json(posting) for posting in postings]
    sql = """
        SELECT outcome, reason, details, operation_id, entry_id, lot_id, balance_before, balance_after
        FROM wallet_post(
            (SELECT array_agg(jsonb_populate_record(NULL::wallet_posting, x.item) ORDER BY x.ordinality)
             FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY x (item, ordinality)),
            %s, %s, %s)
        ORDER BY ordinal
    """
    with transaction.atomic():
        results = fetch_rows(sql, [json.dumps(rows, default=str), at, actor, run_id])
    return [_posted(*row) for row in results]


def post_operation(postings: Sequence[Posting], *, at: datetime | None = None, actor: str) -> list[Posted]:
    """Post one operation and raise the named error if it was refused; a replay returns the first result.

    Raises IdempotencyKeyReusedError, PlayerRestrictedError, InsufficientBalanceError, LotUnavailableError, NotFoundError.
    The evidence of a refusal is committed although the error is raised, unless an outer transaction is rolled back.
    """
    results = post(postings, at=at or timezone.now(), actor=actor)
    for posting, result in zip(postings, results, strict=True):
        if result.outcome == "REFUSED" and result.reason is not None:
            raise _refusal(posting, result)
    return [_first_result(posting, result) for posting, result in zip(postings, results, strict=True)]


def _first_result(posting: Posting, result: Posted) -> Posted:
    """Read what the first call with this key posted, where this one was a replay."""
    if result.outcome != "REPLAYED":
        return result
    sql = """
        SELECT 'REPLAYED', NULL, NULL, e.operation_id, e.id, m.lot_id, e.balance_before, e.balance_after
        FROM transactions e
        JOIN wallet_operations o ON o.id = e.operation_id AND o.created_at = e.created_at
        LEFT JOIN wallet_lot_movements m ON m.entry_id = e.id
        WHERE o.id = %s AND e.player_id = %s AND e.currency_type = %s AND e.amount = %s ORDER BY e.number LIMIT 1
    """
    rows = fetch_rows(sql, [result.operation_id, posting.account_key, posting.currency_type, posting.amount])
    return _posted(*rows[0])


def _posted(*row: Any) -> Posted:
    values = dict(zip((field.name for field in fields(Posted)), row, strict=True))
    if isinstance(values["details"], str):
        values["details"] = json.loads(values["details"])
    return Posted(**values)


def _as_json(posting: Posting) -> dict[str, Any]:
    return {**asdict(posting), "input_hash": "\\x" + input_hash(posting).hex()}


def _check_players(postings: Sequence[Posting]) -> None:
    wanted = {posting.account_key for posting in postings}
    known = set(Player.objects.filter(player_id__in=wanted).values_list("player_id", flat=True))
    if unknown := sorted(wanted - known):
        raise NotFoundError(f"there is no player {unknown[0]!r}", player_id=unknown[0])


def _refusal(posting: Posting, result: Posted) -> Exception:
    details = {"player_id": posting.account_key, "currency": posting.currency_type, **(result.details or {})}
    details["amount"] = str(posting.amount)
    match result.reason:
        case "KEY_REUSED":
            return IdempotencyKeyReusedError(
                f"the key {posting.operation_key!r} was already used with other inputs; use a new key", **details
            )
        case "RESTRICTED":
            return PlayerRestrictedError(
                f"player {posting.account_key} is restricted ({details.get('restriction')}): this credit is refused",
                **details,
            )
        case "BALANCE_SHORT":
            return InsufficientBalanceError(
                f"player {posting.account_key} can spend {details.get('available', 0)} {posting.currency_type}, "
                f"{-posting.amount} was asked for",
                **details,
            )
        case _:
            return LotUnavailableError(
                f"lot {posting.lot_id} of player {posting.account_key} does not hold {-posting.amount} "
                f"{posting.currency_type}",
                **details,
            )


def check_currency_amount(*, currency: str, amount: object) -> Decimal:
    """Return a positive amount of a known currency; tickets must be whole. Raises InvalidInputError."""
    if currency not in CurrencyType.values:
        raise InvalidInputError(f"currency {currency!r} is unknown; one of {', '.join(CurrencyType.values)} is needed")
    parsed = parse_amount(amount)
    if currency == CurrencyType.TICKETS and parsed != parsed.to_integral_value():
        raise InvalidInputError(f"amount is {parsed}: tickets are whole", field="amount")
    return parsed


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


def lock_players(player_ids: Sequence[str]) -> None:
    """Take the posting core's lock on players, in key order, for checks that must hold until the posting commits."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM players WHERE player_id = ANY (%s) ORDER BY player_id FOR NO KEY UPDATE",
            [sorted(set(player_ids))],
        )
