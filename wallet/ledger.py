"""The way into the posting core from Python: one operation, or a set of them, under one lock."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import DataError, IntegrityError, transaction
from django.utils import timezone
from psycopg.errors import CheckViolation, ForeignKeyViolation, UniqueViolation

from core.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from core.expressions import fetch_rows
from players.models import CreditPurpose
from wallet.jurisdictions import JURISDICTION_GUARD, BrokenLimit, keep_jurisdiction_refusal
from wallet.jurisdictions import JurisdictionLimitError as JurisdictionLimitError  # noqa: PLC0414  told among its errors
from wallet.models import Operation
from wallet.postings import Posting, check_postings, check_text_field, input_hashes, inputs_hash

ACTOR_LENGTH_MAX = 150


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
class Posted:
    """What became of one posting. `entry_id` and balances are None for a refusal."""

    outcome: str
    reason: str | None
    details: dict[str, Any] | None
    operation_id: int | None
    entry_id: int | None
    lot_id: int | None
    balance_before: Decimal | None
    balance_after: Decimal | None


def post(
    postings: Sequence[Posting],
    *,
    at: datetime,
    actor: str,
    run_id: int | None = None,
    inputs: dict[str, Any] | None = None,
) -> list[Posted]:
    """Post a set of movements under one lock; refused ones are returned, not raised.

    A replayed one comes back with what its first call posted. `inputs` is what was asked for where the postings of
    the one operation follow from what the ledger holds; else the postings themselves are. Raises InvalidInputError for
    what cannot be posted, NotFoundError for an unknown player, and JurisdictionLimitError where a lot would break a
    limit; then nothing is written.
    """
    if not postings:
        return []
    check_postings(postings)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX)
    hashes = input_hashes(postings) if inputs is None else {postings[0].operation_key: inputs_hash(inputs)}
    rows = [{**asdict(one), "input_hash": "\\x" + hashes[one.operation_key].hex()} for one in postings]
    results = _post_rows(json.dumps(rows, default=str), at=at, actor=actor, run_id=run_id)
    return _with_first_results(postings, results)


def post_operation(
    postings: Sequence[Posting], *, at: datetime | None = None, actor: str, inputs: dict[str, Any] | None = None
) -> list[Posted]:
    """Post one operation and raise the named error if it was refused; a replay returns the first result.

    Raises IdempotencyKeyReusedError, PlayerRestrictedError, JurisdictionLimitError, InsufficientBalanceError,
    LotUnavailableError and the errors of `post`. The evidence of a refusal is committed although the error is raised,
    unless an outer transaction is rolled back.
    """
    at = at or timezone.now()
    try:
        results = post(postings, at=at, actor=actor, inputs=inputs)
    except JurisdictionLimitError as error:
        raise _kept(error, postings, actor=actor, at=at) from None
    for posting, result in zip(postings, results, strict=True):
        if result.outcome == "REFUSED" and result.reason is not None:
            raise _refusal(posting, result)
    return results


def _kept(
    error: JurisdictionLimitError, postings: Sequence[Posting], *, actor: str, at: datetime
) -> JurisdictionLimitError:
    """Return the guard's refusal, the evidence of which is stored now that what was begun is rolled back."""
    refused = next(one for one in postings if one.amount > 0 and one.currency_type == error.details["currency"])
    details = {name: value for name, value in error.details.items() if name not in ("player_id", "currency", "amount")}
    keep_jurisdiction_refusal(
        player_id=refused.account_key,
        key=refused.operation_key,
        purpose=CreditPurpose(refused.purpose),
        currency=refused.currency_type,
        amount=refused.amount,
        says=error.message,
        details=details,
        actor=actor,
        at=at,
    )
    return error


def earlier_result(*, key: str, inputs: dict[str, Any]) -> list[Posted] | None:
    """Return what an operation with this key and these inputs posted, or None where there is none yet.

    To be asked with the player locked. Raises IdempotencyKeyReusedError where the key stands for other inputs.
    """
    earlier = Operation.objects.filter(key=key).first()
    if earlier is None:
        return None
    if bytes(earlier.input_hash) != inputs_hash(inputs):
        raise _key_reused(key)
    return [
        Posted(
            outcome="REPLAYED",
            reason=None,
            details=None,
            operation_id=earlier.pk,
            entry_id=entry_id,
            lot_id=lot_id,
            balance_before=before,
            balance_after=after,
        )
        for entry_id, lot_id, before, after in _entries_of(earlier.pk)
    ]


def record_act(*, key: str, kind: str, player_id: str, inputs: dict[str, Any], actor: str, at: datetime) -> None:
    """Store an operation that moved nothing, so that the same request again finds it done.

    The player must be locked.
    """
    Operation.objects.create(
        key=key, kind=kind, player_id=player_id, input_hash=inputs_hash(inputs), actor=actor, created_at=at
    )


def _key_reused(key: str, **details: Any) -> IdempotencyKeyReusedError:
    return IdempotencyKeyReusedError(f"the key {key!r} was already used with other inputs; use a new key", **details)


def _post_rows(rows: str, *, at: datetime, actor: str, run_id: int | None) -> list[Posted]:
    try:
        return _call_core(rows, at=at, actor=actor, run_id=run_id)
    except IntegrityError as error:
        if isinstance(error.__cause__, ForeignKeyViolation):
            raise _unknown_player(error.__cause__) from None
        if isinstance(error.__cause__, CheckViolation) and error.__cause__.diag.constraint_name == JURISDICTION_GUARD:
            raise BrokenLimit.told_by(error.__cause__.diag).as_error() from None
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        # Somebody used a key of ours for another player since we looked; now it can be seen.
        return _call_core(rows, at=at, actor=actor, run_id=run_id)
    except DataError as error:
        raise InvalidInputError(f"the posting cannot be stored: {error}") from error


def _call_core(rows: str, *, at: datetime, actor: str, run_id: int | None) -> list[Posted]:
    sql = """
        SELECT outcome, reason, details, operation_id, entry_id, lot_id, balance_before, balance_after
        FROM wallet_post(
            (SELECT array_agg(jsonb_populate_record(NULL::wallet_posting, x.item) ORDER BY x.ordinality)
             FROM jsonb_array_elements(%s::jsonb) WITH ORDINALITY x (item, ordinality)),
            %s, %s, %s)
        ORDER BY ordinal
    """
    with transaction.atomic():
        return [_posted(*row) for row in fetch_rows(sql, [rows, at, actor, run_id])]


def _posted(*row: Any) -> Posted:
    values = dict(zip((field.name for field in fields(Posted)), row, strict=True))
    if isinstance(values["details"], str):
        values["details"] = json.loads(values["details"], parse_float=str)
    return Posted(**values)


def _unknown_player(cause: ForeignKeyViolation) -> NotFoundError:
    player_id = (cause.diag.message_primary or "").removeprefix("unknown account ")
    return NotFoundError(f"there is no player {player_id!r}", player_id=player_id)


def _with_first_results(postings: Sequence[Posting], results: Sequence[Posted]) -> list[Posted]:
    """Fill in what the first call with a key posted, where this one was a replay."""
    replayed = {result.operation_id for result in results if result.outcome == "REPLAYED"}
    entries = {operation_id: _entries_of(operation_id) for operation_id in replayed if operation_id is not None}
    return [
        result
        if result.operation_id not in entries
        else _first_result(posting, result, next(entries[result.operation_id]))
        for posting, result in zip(postings, results, strict=True)
    ]


def _entries_of(operation_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield entry, credited lot and balances of an operation's postings, in order."""
    sql = """
        SELECT e.id, c.lot_id, e.balance_before, e.balance_after
        FROM wallet_operations o
        JOIN transactions e ON e.player_id = o.player_id AND e.created_at = o.created_at AND e.operation_id = o.id
        LEFT JOIN LATERAL (
            SELECT m.lot_id FROM wallet_lots l JOIN wallet_lot_movements m ON m.lot_id = l.id AND m.entry_id = e.id
            WHERE l.player_id = e.player_id AND e.amount > 0 LIMIT 1
        ) c ON true
        WHERE o.id = %s ORDER BY e.number
    """
    return iter(fetch_rows(sql, [operation_id]))


def _first_result(posting: Posting, result: Posted, entry: tuple[Any, ...]) -> Posted:
    entry_id, lot_id, balance_before, balance_after = entry
    return replace(
        result,
        entry_id=entry_id,
        lot_id=posting.lot_id if lot_id is None else lot_id,
        balance_before=balance_before,
        balance_after=balance_after,
    )


def _refusal(posting: Posting, result: Posted) -> Exception:
    details = {"player_id": posting.account_key, "currency": posting.currency_type, **(result.details or {})}
    details["amount"] = str(posting.amount)
    match result.reason:
        case "KEY_REUSED":
            return _key_reused(posting.operation_key, **details)
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
        case "LOT_ENDED" | "LOT_NOT_ACTIVE":
            return LotUnavailableError(
                f"lot {posting.lot_id} of player {posting.account_key} is {details.get('lot_status')}", **details
            )
        case "LOT_EXPIRED":
            return LotUnavailableError(
                f"lot {posting.lot_id} of player {posting.account_key} expired at {details.get('expired_at')}",
                **details,
            )
        case _:
            return LotUnavailableError(
                f"lot {posting.lot_id} of player {posting.account_key} does not hold {-posting.amount} "
                f"{posting.currency_type}",
                **details,
            )


def lock_players(player_ids: Sequence[str]) -> None:
    """Take the posting core's lock on players, in key order, for checks that must hold until the posting commits.

    Raises NotFoundError for a player nobody knows.
    """
    asked = sorted(set(player_ids))
    sql = "SELECT player_id FROM players WHERE player_id = ANY (%s) ORDER BY player_id FOR NO KEY UPDATE"
    found = {player_id for (player_id,) in fetch_rows(sql, [asked])}
    for player_id in asked:
        if player_id not in found:
            raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
