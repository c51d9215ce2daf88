"""The life of a bonus: PENDING → ACTIVE → COMPLETED, EXPIRED, FORFEITED, CANCELLED or LOST, forward only.

Every step is taken with the player locked and by a claim: an update that names the status before must change one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.expressions import fetch_rows, run_statement
from core.runs import ALL_KEYS, KeyRange
from players.models import CreditPurpose
from wallet.bonuses import CLAIM
from wallet.ledger import earlier_result, lock_players, post_operation, record_act
from wallet.models import BonusStatus, CurrencyType, Lot, TransactionType
from wallet.policies import BONUS_TINY_REMAINDER, FORFEIT_BONUS_ON_WITHDRAWAL
from wallet.postings import Posting, check_text_field, posting_row
from wallet.restrictions import keep_refusal, refusing_restriction

REASON_LENGTH_MAX = 200


class BonusEndedError(ConflictError):
    """Raised for a bonus that has ended already; names its status."""

    code = "bonus_ended"


class BonusNotClaimableError(ConflictError):
    """Raised for a claim of a bonus that does not wait for one, or waits no longer."""

    code = "bonus_not_claimable"


def claim_bonus(*, player_id: str, bonus_id: int, actor: str, at: datetime | None = None) -> Lot:
    """Claim a bonus within its claim window; it is active at once, or as soon as its turn has come.

    Raises NotFoundError, BonusNotClaimableError, and PlayerRestrictedError with the refusal kept.
    """
    at = at or timezone.now()
    with transaction.atomic():
        lock_players([player_id])
        bonus = _bonus_of(player_id=player_id, bonus_id=bonus_id)
        restriction = refusing_restriction(player_id=player_id, purpose=CreditPurpose.REDEMPTION, at=at)
        if restriction is None:
            _claim(bonus, at=at)
            return _bonus_of(player_id=player_id, bonus_id=bonus_id)
        refusal = keep_refusal(
            player_id=player_id,
            purpose=CreditPurpose.REDEMPTION,
            restriction=restriction,
            key=f"claim:{bonus_id}",
            currency=CurrencyType.BONUS,
            amount=bonus.remaining,
            actor=actor,
            at=at,
        )
    raise refusal


def _claim(bonus: Lot, *, at: datetime) -> None:
    if bonus.expires_at is not None and bonus.awaits == CLAIM and bonus.expires_at <= at:
        raise BonusNotClaimableError(
            f"bonus {bonus.pk} could be claimed until {bonus.expires_at:%Y-%m-%d %H:%M %Z}", bonus_id=bonus.pk
        )
    waiting = Lot.objects.filter(pk=bonus.pk, status=BonusStatus.PENDING, awaits=CLAIM)
    if waiting.update(awaits=None, expires_at=None) != 1:
        raise BonusNotClaimableError(
            f"bonus {bonus.pk} does not wait for a claim: it is {bonus.status}", bonus_id=bonus.pk, status=bonus.status
        )
    settle_lots([bonus.player_id], at=at)


@transaction.atomic
def release_pending_credits(*, player_id: str, action: str, at: datetime) -> int:
    """Let the pending credits of any currency go that wait for this action of the player; return how many.

    Of a restricted player none go before the restriction has ended; evidence of that is kept. Raises InvalidInputError
    for CLAIM: a claim has its window and is refused to the restricted. Raises NotFoundError.
    """
    check_text_field("action", action, length_max=60, is_needed=True)
    if action == CLAIM:
        raise InvalidInputError(f"action is {CLAIM}: a bonus is claimed by its number", field="action")
    lock_players([player_id])
    waiting = Lot.objects.filter(player_id=player_id, status=BonusStatus.PENDING, awaits=action)
    is_refused = _keep_refused_releases(waiting, player_id=player_id, actor=action, at=at)
    # The action has happened all the same: what it lets go waits for the end of the restriction alone.
    released = waiting.update(awaits=None)
    settle_lots([player_id], at=at)
    return 0 if is_refused else released


def _keep_refused_releases(waiting: QuerySet[Lot], *, player_id: str, actor: str, at: datetime) -> bool:
    """Tell whether the player may not be given what waits, and keep the evidence."""
    restriction = refusing_restriction(player_id=player_id, purpose=CreditPurpose.REDEMPTION, at=at)
    if restriction is None:
        return False
    for lot in waiting:
        keep_refusal(
            player_id=player_id,
            purpose=CreditPurpose.REDEMPTION,
            restriction=restriction,
            key=f"release:{lot.pk}",
            currency=lot.currency_type,
            amount=lot.remaining,
            actor=actor,
            at=at,
        )
    return True


@transaction.atomic
def cancel_bonus(
    *, player_id: str, bonus_id: int, reason: str, key: str, actor: str, at: datetime | None = None
) -> Lot:
    """End a pending or active bonus by hand. Bets it helped to pay still settle, as real money within its cap.

    Raises NotFoundError, BonusEndedError, and the errors of `post_operation`.
    """
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    lock_players([player_id])
    inputs = {"act": "CANCEL_BONUS", "bonus_id": bonus_id, "reason": reason}
    bonus = _bonus_of(player_id=player_id, bonus_id=bonus_id)
    if earlier_result(key=key, inputs=inputs) is None:
        _check_not_ended(bonus)
        end = _End(status=BonusStatus.CANCELLED, transaction_type=TransactionType.BONUS_CANCELLED, kind="CANCEL_BONUS")
        _end_bonuses(
            [bonus],
            end,
            player_id=player_id,
            reason=reason,
            key=key,
            actor=actor,
            at=at or timezone.now(),
            inputs=inputs,
        )
    return _bonus_of(player_id=player_id, bonus_id=bonus_id)


@transaction.atomic
def forfeit_on_withdrawal(*, player_id: str, withdrawal_id: str, actor: str, at: datetime | None = None) -> list[Lot]:
    """Forfeit the active bonuses whose requirement is not met, where FORFEIT_BONUS_ON_WITHDRAWAL says so; return them.

    The same withdrawal again returns the same bonuses. They and their winnings end, those of bets still open included;
    real money and what it wins are never touched.
    """
    check_text_field("withdrawal_id", withdrawal_id, length_max=100, is_needed=True)
    lock_players([player_id])
    inputs = {"act": "FORFEIT_BONUSES", "withdrawal_id": withdrawal_id, "player_id": player_id}
    key = f"forfeit:{withdrawal_id}"
    reason = f"Withdrawal {withdrawal_id}"
    if earlier_result(key=key, inputs=inputs) is None and FORFEIT_BONUS_ON_WITHDRAWAL.value():
        bonuses = [bonus for bonus in _open_bonuses(player_id) if bonus.wagering_completed < bonus.wagering_required]
        end = _End(
            status=BonusStatus.FORFEITED, transaction_type=TransactionType.BONUS_FORFEITED, kind="FORFEIT_BONUSES"
        )
        _end_bonuses(
            bonuses,
            end,
            player_id=player_id,
            reason=reason,
            key=key,
            actor=actor,
            at=at or timezone.now(),
            inputs=inputs,
        )
    forfeited = Lot.objects.filter(player_id=player_id, status=BonusStatus.FORFEITED, end_reason=reason)
    return list(forfeited.order_by("pk"))


def _open_bonuses(player_id: str) -> list[Lot]:
    return list(
        Lot.objects.filter(player_id=player_id, currency_type=CurrencyType.BONUS, status=BonusStatus.ACTIVE).order_by(
            "pk"
        )
    )


class _End(NamedTuple):
    """How bonuses end: the status they come to, and what the ledger calls it."""

    status: BonusStatus
    transaction_type: TransactionType
    kind: str


def _end_bonuses(
    bonuses: Sequence[Lot],
    end: _End,
    *,
    player_id: str,
    reason: str,
    key: str,
    actor: str,
    at: datetime,
    inputs: dict[str, Any],
) -> None:
    """End bonuses of one locked player; what they hold leaves the balance, one that holds nothing just ends."""
    postings = [
        Posting(
            operation_key=key,
            operation_kind=end.kind,
            account_key=bonus.player_id,
            purpose=CreditPurpose.EXPIRY,
            transaction_type=end.transaction_type,
            currency_type=CurrencyType.BONUS,
            amount=-bonus.remaining,
            lot_id=bonus.pk,
            lot_status_after=end.status,
            end_reason=reason,
            description=reason,
        )
        for bonus in bonuses
        if bonus.remaining
    ]
    empty = Lot.objects.filter(pk__in=[bonus.pk for bonus in bonuses if not bonus.remaining])
    empty.update(status=end.status, end_reason=reason, ended_by=actor, closed_at=at)
    if postings:
        post_operation(postings, at=at, actor=actor, inputs=inputs)
    else:
        record_act(key=key, kind=end.kind, player_id=player_id, inputs=inputs, actor=actor, at=at)
        settle_lots([player_id], at=at)


def _check_not_ended(bonus: Lot) -> None:
    if bonus.status not in {BonusStatus.PENDING, BonusStatus.ACTIVE}:
        raise BonusEndedError(
            f"bonus {bonus.pk} has ended already: it is {bonus.status}", bonus_id=bonus.pk, status=bonus.status
        )


def _bonus_of(*, player_id: str, bonus_id: int) -> Lot:
    bonus = Lot.objects.filter(pk=bonus_id, player_id=player_id, currency_type=CurrencyType.BONUS).first()
    if bonus is None:
        raise NotFoundError(f"player {player_id!r} has no bonus {bonus_id}", player_id=player_id, bonus_id=bonus_id)
    return bonus


def settle_lots(player_ids: Sequence[str], *, at: datetime) -> None:
    """Carry the lots of locked players on: empty bonuses end, due credits and the next in turn become active."""
    fetch_rows("SELECT wallet_settle_lots(%s, %s)", [sorted(player_ids), at])


@transaction.atomic
def settle_due_lots(*, at: datetime, keys: KeyRange = ALL_KEYS) -> int:
    """Make every pending credit active whose date or turn has come; return of how many players."""
    in_range, params = keys.condition("l.player_id")
    rows = fetch_rows(
        f"""
        SELECT p.player_id FROM players p WHERE p.player_id IN (
            SELECT l.player_id FROM wallet_lots l WHERE l.status = 'PENDING' AND l.awaits IS NULL AND {in_range}
              AND (SELECT true FROM wallet_due_lots(l.player_id, %s) LIMIT 1)
        ) ORDER BY p.player_id FOR NO KEY UPDATE
        """,
        [*params, at],
    )
    settle_lots([player_id for (player_id,) in rows], at=at)
    return len(rows)


def record_wagering(contributions: dict[int, Decimal], *, player_ids: Sequence[str], at: datetime) -> None:
    """Count stakes towards the requirements of active bonuses, by lot, and complete those that are met.

    What is below zero is taken back. The players must be locked. A bonus past its expiry counts and completes no more,
    swept by the night or not.
    """
    run_statement(
        """
        UPDATE wallet_lots l SET wagering_completed = greatest(0, l.wagering_completed + c.amount)
        FROM unnest(%s::bigint[], %s::numeric[]) c (lot_id, amount)
        WHERE l.id = c.lot_id AND l.status = 'ACTIVE' AND coalesce(l.expires_at > %s, true) AND c.amount <> 0
        """,
        [list(contributions), list(contributions.values()), at],
    )
    if player_ids:
        complete_bonuses(player_ids, at=at)
        settle_lots(player_ids, at=at)


def show_progress(player_ids: Sequence[str]) -> int:
    """Have the balances of locked players say what their active bonuses counted; return of how many that changed.

    For bonuses that go on: what ends or begins one, settling the lots, does this and more.
    """
    return run_statement(
        """
        UPDATE loyalty_balances b SET bonus_wagering_completed = a.completed
        FROM (
            SELECT l.player_id, sum(l.wagering_completed) AS completed FROM wallet_lots l
            WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE') AND l.status = 'ACTIVE'
              AND l.player_id = ANY (%s)
            GROUP BY l.player_id
        ) a
        WHERE b.player_id = a.player_id AND b.bonus_wagering_completed <> a.completed
        """,
        [list(player_ids)],
    )


# A bonus that is met and waits for the player's age or identity to be known has been met in time, whenever it converts.
# What is left converts up to the cap; what lies beyond it goes. Bets still open are settled as real money within what
# the cap then leaves.
_COMPLETE_SQL = """
    WITH met AS MATERIALIZED (
        SELECT l.id, l.player_id, l.remaining, least(l.remaining, l.max_conversion - l.converted) AS convertible,
               l.max_conversion
        FROM wallet_lots l
        WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE') AND l.status = 'ACTIVE'
          AND l.wagering_required > 0 AND l.remaining > 0 AND l.player_id = ANY (%s)
          AND (coalesce(l.expires_at > %s, true) OR l.wagering_completed >= l.wagering_required)
          AND (l.wagering_completed >= l.wagering_required
               OR l.open_bets = 0 AND l.remaining <= %s AND l.remaining < l.amount)
          AND (SELECT true FROM refused_players('CONVERSION', %s) x WHERE x.player_id = l.player_id LIMIT 1) IS NULL
    ),
    leg AS (
        SELECT m.*, 'BONUS_CONVERTED' AS transaction_type, m.convertible AS amount, 'Requirement met' AS description
        FROM met m WHERE m.convertible > 0
        UNION ALL
        SELECT m.*, 'BONUS_FORFEITED', m.remaining - m.convertible, 'Beyond the conversion cap'
        FROM met m WHERE m.remaining > m.convertible
    ),
    posted AS MATERIALIZED (
        SELECT * FROM wallet_post(
            (SELECT array_agg({posting} ORDER BY l.player_id, l.id, l.transaction_type) FROM leg l),
            %s, 'wagering', NULL)
        WHERE outcome = 'POSTED'
    ),
    told AS (
        INSERT INTO outbox_events (topic, key, payload)
        SELECT 'bonus.converted', 'bonus.converted:' || p.lot_id,
               jsonb_build_object('player_id', p.account_key, 'bonus_id', p.lot_id, 'amount', (-p.amount)::text,
                                  'transaction_id', p.entry_id)
        FROM posted p JOIN leg l ON l.id = p.lot_id AND -l.amount = p.amount AND l.transaction_type = 'BONUS_CONVERTED'
    )
    SELECT count(DISTINCT lot_id) FROM posted
"""
_COMPLETION = posting_row(
    operation_key="'complete:' || l.id",
    operation_kind="'COMPLETE_BONUS'",
    input_hash="sha256(('complete:' || l.id)::bytea)",
    account_key="l.player_id",
    purpose="'SETTLEMENT'",
    transaction_type="l.transaction_type",
    currency_type="'BONUS'",
    amount="-l.amount",
    lot_id="l.id",
    lot_status_after="'COMPLETED'",
    end_reason="l.description",
    description="l.description",
)


def complete_bonuses(player_ids: Sequence[str], *, at: datetime) -> int:
    """Convert what is left of the bonuses of locked players that are met, or played down to a remainder.

    Return how many bonuses were completed.
    """
    sql = _COMPLETE_SQL.format(posting=_COMPLETION)
    return int(fetch_rows(sql, [list(player_ids), at, BONUS_TINY_REMAINDER.value(), at, at])[0][0])


@transaction.atomic
def complete_met_bonuses(*, at: datetime, keys: KeyRange = ALL_KEYS) -> int:
    """Convert the bonuses that were met before it was known who the player is; return how many."""
    in_range, params = keys.condition("l.player_id")
    rows = fetch_rows(
        f"""
        SELECT p.player_id FROM players p WHERE p.player_id IN (
            SELECT l.player_id FROM wallet_lots l
            WHERE l.currency_type = 'BONUS' AND l.status IN ('PENDING', 'ACTIVE') AND l.status = 'ACTIVE'
              AND l.wagering_required > 0 AND l.remaining > 0 AND l.wagering_completed >= l.wagering_required
              AND {in_range}
        ) ORDER BY p.player_id FOR NO KEY UPDATE
        """,
        params,
    )
    player_ids = [player_id for (player_id,) in rows]
    completed = complete_bonuses(player_ids, at=at) if player_ids else 0
    settle_lots(player_ids, at=at)
    return completed
