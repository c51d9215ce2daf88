"""Ordering from the catalogue: points out and the gift in, as one wallet operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.errors import NotFoundError, RefusedError
from players.models import CreditPurpose
from rewards.models import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.redemption.events import announce
from rewards.redemption.obstacles import obstacles, standing_of
from rewards.redemption.worth import terms_of, worth_of
from safety.credit_checks import Credit, beyond_limits
from safety.expected_value import Reward
from safety.jurisdictions.violations import Incentive
from safety.models import ViolationPath
from safety.pools import Pool, count_into_pool, locked_pools_of
from wallet.bonuses import bonus_posting
from wallet.jurisdictions import keep_jurisdiction_refusal
from wallet.ledger import (
    ACTOR_LENGTH_MAX,
    IdempotencyKeyReusedError,
    JurisdictionLimitError,
    PlayerRestrictedError,
    Posted,
    lock_players,
    post_operation,
)
from wallet.models import CurrencyType, LotKind, TransactionType
from wallet.postings import Posting, check_text_field, credit_posting

KIND = "REDEEM"
KEY_LENGTH_MAX = 200
_REDEEMED = {CurrencyType.LP: TransactionType.LP_REDEEMED, CurrencyType.RP: TransactionType.RP_REDEEMED}


def order_redemption(
    *, player_id: str, option_code: str, key: str, actor: str, at: datetime | None = None
) -> RedemptionOrder:
    """Order one piece of an option; bonus money and tickets are there at once, a benefit waits for its fulfilment.

    The same key and inputs return the first order, marked `is_replay`. Raises NotFoundError, IdempotencyKeyReusedError,
    OptionInactiveError, OptionNotOnSaleError, TierTooLowError, OrderLimitReachedError, OutOfStockError,
    CapExceededError for what is given beyond the worth of the points, JurisdictionLimitError, InsufficientBalanceError
    and PlayerRestrictedError; then nothing is written but the evidence of a cap, a restriction or a jurisdiction.
    """
    at = at or timezone.now()
    check_text_field("key", key, length_max=KEY_LENGTH_MAX, is_needed=True)
    check_text_field("actor", actor, length_max=ACTOR_LENGTH_MAX, is_needed=True)
    with transaction.atomic():
        # Lock, then look: the player for the limit and the points, the option last for the stock.
        lock_players([player_id])
        earlier = _earlier_order(player_id=player_id, option_code=option_code, key=key)
        if earlier is not None:
            return earlier
        pools = _pools_of_surplus(option_code, player_id=player_id, on=timezone.localdate(at))
        option = _locked_option(option_code)
        surplus = _surplus(option, player_id=player_id, key=key, actor=actor, at=at)
        refusal = _kept_refusal(option, surplus, pools=pools, at=at)
        if refusal is None:
            try:
                posted = post_operation(_postings(option, player_id=player_id, key=key, at=at), at=at, actor=actor)
            except (JurisdictionLimitError, PlayerRestrictedError) as error:
                refusal = error
            else:
                for pool in pools:
                    count_into_pool(pool, on=surplus.on, value=surplus.value)
                return _record(option, posted, player_id=player_id, key=key, actor=actor, at=at)
    # Raised once the transaction is committed: the refusal is evidence and must stay.
    raise refusal


def _kept_refusal(
    option: RedemptionOption, surplus: Credit, *, pools: Sequence[Pool], at: datetime
) -> RefusedError | None:
    """Return what refuses the order and was kept as evidence: a jurisdiction's limit or a cap; raise anything else."""
    standing = standing_of(surplus.player_id, at=at)
    refusal = next(obstacles(option, standing, at=at), None)
    if isinstance(refusal, JurisdictionLimitError):
        _keep_jurisdictions_word(
            refusal, option, player_id=surplus.player_id, key=surplus.key, actor=surplus.actor, at=at
        )
        return refusal
    if refusal is not None:
        raise refusal
    # Of a restricted player the posting core refuses, and keeps that.
    return None if standing.restriction or not surplus.value else beyond_limits(surplus, pools=pools)


def _pools_of_surplus(option_code: str, *, player_id: str, on: date) -> list[Pool]:
    """Return the groups that the surplus of an option counts towards, locked before the option: see `safety.pools`."""
    option = RedemptionOption.objects.filter(code=option_code).first()
    if option is None or not worth_of(option).surplus_value:
        return []
    return locked_pools_of(player_id=player_id, on=on)


def _surplus(option: RedemptionOption, *, player_id: str, key: str, actor: str, at: datetime) -> Credit:
    """Return as a credit what the option gives beyond the worth of its points, which has passed no cap yet."""
    terms = terms_of(option)
    return Credit(
        player_id=player_id,
        key=key,
        value=worth_of(option).surplus_value,
        reward=Reward(amount=option.amount or option.cost, terms=terms),
        incentive=Incentive(reward_type=terms.reward_type, is_bonus_money=option.gives == RedemptionGives.BONUS),
        actor=actor,
        path=ViolationPath.SERVICE,
        on=timezone.localdate(at),
    )


def _keep_jurisdictions_word(
    refusal: JurisdictionLimitError, option: RedemptionOption, *, player_id: str, key: str, actor: str, at: datetime
) -> None:
    keep_jurisdiction_refusal(
        player_id=player_id,
        key=key,
        purpose=CreditPurpose.REDEMPTION,
        currency=option.cost_currency if option.amount is None else option.gives,
        amount=option.cost if option.amount is None else option.amount,
        says=refusal.message,
        details=refusal.details,
        actor=actor,
        at=at,
    )


def _earlier_order(*, player_id: str, option_code: str, key: str) -> RedemptionOrder | None:
    order = RedemptionOrder.objects.select_related("option").filter(key=key).first()
    if order is None:
        return None
    if (order.player_id, order.option.code) != (player_id, option_code):
        raise IdempotencyKeyReusedError(
            f"the key {key!r} was already used by player {order.player_id} to order {order.option.code}; use a new key",
            player_id=order.player_id,
            option_code=order.option.code,
        )
    order.is_replay = True
    return order


def _locked_option(option_code: str) -> RedemptionOption:
    option = RedemptionOption.objects.select_for_update(no_key=True).filter(code=option_code).first()
    if option is None:
        raise NotFoundError(f"there is no redemption option {option_code!r}", option_code=option_code)
    return option


def _postings(option: RedemptionOption, *, player_id: str, key: str, at: datetime) -> list[Posting]:
    """Return the debit, and the credit of what the wallet itself gives; the two share one fate."""
    payment = Posting(
        operation_key=key,
        operation_kind=KIND,
        account_key=player_id,
        purpose=CreditPurpose.SPEND,
        transaction_type=_REDEEMED[CurrencyType(option.cost_currency)],
        currency_type=option.cost_currency,
        amount=-option.cost,
        description=option.name,
        reference_id=option.code,
    )
    if option.amount is None:
        # Without a credit that a restriction could refuse, the payment itself is the redemption.
        return [replace(payment, purpose=CreditPurpose.REDEMPTION)]
    return [payment, _gift(option, option.amount, player_id=player_id, key=key, at=at)]


def _gift(option: RedemptionOption, amount: Decimal, *, player_id: str, key: str, at: datetime) -> Posting:
    """Return the credit; towards caps and margin counts what it is worth beyond the points, which counted before."""
    worth = worth_of(option)
    credited: dict[str, Any] = {
        "player_id": player_id,
        "amount": amount,
        "key": key,
        "kind": KIND,
        "on": timezone.localdate(at),
        "lot_kind": LotKind.REDEMPTION,
        "purpose": CreditPurpose.REDEMPTION,
        "description": option.name,
        "reference_id": option.code,
        "promotional_value": worth.surplus_value,
        "expected_cost": worth.surplus_cost,
    }
    if option.gives == RedemptionGives.BONUS:
        return bonus_posting(
            wagering_requirement=option.wagering_requirement,
            expiry_hours=option.expiry_hours,
            max_bet=option.max_bet,
            max_conversion=option.max_conversion,
            eligible_games=option.eligible_games,
            **credited,
        )
    expires_at = at + timedelta(hours=option.expiry_hours) if option.expiry_hours else None
    return credit_posting(currency=CurrencyType.TICKETS, expires_at=expires_at, **credited)


def _record(
    option: RedemptionOption, posted: list[Posted], *, player_id: str, key: str, actor: str, at: datetime
) -> RedemptionOrder:
    gift = posted[1:]
    order = RedemptionOrder.objects.create(
        key=key,
        option=option,
        player_id=player_id,
        option_name=option.name,
        option_description=option.description,
        cost_currency=option.cost_currency,
        cost=option.cost,
        gives=option.gives,
        amount=option.amount,
        terms=_terms(option),
        operation_id=cast(int, posted[0].operation_id),
        lot_id=gift[0].lot_id if gift else None,
        ordered_by=actor,
        ordered_at=at,
        **_first_status(option, actor=actor, at=at),
    )
    RedemptionOption.objects.filter(pk=option.pk).update(ordered=F("ordered") + 1)
    announce(order, RedemptionStatus.ORDERED, option_code=option.code)
    if order.status == RedemptionStatus.FULFILLED:
        announce(order, RedemptionStatus.FULFILLED, option_code=option.code)
    return order


def _first_status(option: RedemptionOption, *, actor: str, at: datetime) -> dict[str, Any]:
    if option.gives == RedemptionGives.BENEFIT:
        return {"status": RedemptionStatus.ORDERED}
    return {"status": RedemptionStatus.FULFILLED, "fulfilled_at": at, "fulfilled_by": actor}


def _terms(option: RedemptionOption) -> dict[str, Any]:
    """Return the conditions of the gift as they stood; a benefit has none."""
    named = {"expiry_hours": option.expiry_hours} if option.gives != RedemptionGives.BENEFIT else {}
    if option.gives != RedemptionGives.BONUS:
        return named
    amounts = {name: getattr(option, name) for name in ("wagering_requirement", "max_bet", "max_conversion")}
    texts = {name: None if value is None else str(value) for name, value in amounts.items()}
    return {**named, **texts, "eligible_games": option.eligible_games}
