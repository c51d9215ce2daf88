"""Placing a bet: the stake is split, bonus money is taken, and the platform is told how much real money to take."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from core.errors import InvalidInputError
from core.money import parse_amount
from players.models import CreditPurpose, GameCategory
from wallet.bets.funding import Funding, Part, Purse, Stake, fund_stake
from wallet.bonus_life import settle_lots
from wallet.ledger import IdempotencyKeyReusedError, lock_players, post_operation
from wallet.models import Bet, BetStake, BonusStatus, CurrencyType, Lot, TransactionType, WageringBasis
from wallet.policies import BET_FUNDS_ORDER
from wallet.postings import Posting, check_text_field, inputs_hash
from wallet.restrictions import keep_refusal, refusing_restriction

BET_ID_LENGTH_MAX = 100


def place_bet(
    *,
    bet_id: str,
    player_id: str,
    stake: object,
    real_available: object,
    category: str,
    actor: str,
    at: datetime | None = None,
) -> Bet:
    """Take a bet and return it with the split: `real_stake` is the platform's to take, `bonus_stake` was taken here.

    `real_available` is the real money the player has at the platform. The same bet with the same inputs again returns
    the first answer. Raises InvalidInputError, NotFoundError, InsufficientFundsError, MaxBetExceededError,
    GameNotEligibleError, IdempotencyKeyReusedError, and PlayerRestrictedError with the refusal kept; then nothing else
    is written.
    """
    at = at or timezone.now()
    asked = _asked(stake=stake, real_available=real_available, category=category)
    check_text_field("bet_id", bet_id, length_max=BET_ID_LENGTH_MAX, is_needed=True)
    input_hash = inputs_hash(
        {"player": player_id, "stake": asked.amount, "real": asked.real_available, "category": category}
    )
    with transaction.atomic():
        lock_players([player_id])
        earlier = _earlier_bet(bet_id, input_hash)
        if earlier is not None:
            return earlier
        restriction = refusing_restriction(player_id=player_id, purpose=CreditPurpose.BET, at=at)
        if restriction is None:
            return _place(bet_id, asked, player_id=player_id, input_hash=input_hash, actor=actor, at=at)
        refusal = keep_refusal(
            player_id=player_id,
            purpose=CreditPurpose.BET,
            restriction=restriction,
            key=bet_key(bet_id, "place"),
            currency=CurrencyType.BONUS,
            amount=-asked.amount,
            actor=actor,
            at=at,
        )
    raise refusal


def bet_key(bet_id: str, act: str) -> str:
    """Return the key of the operation that posts an act of a bet."""
    return f"bet:{act}:{bet_id}"


def _asked(*, stake: object, real_available: object, category: str) -> Stake:
    amount = parse_amount(stake, name="stake")
    available = parse_amount(real_available, name="real_available", positive=False)
    if available < 0:
        raise InvalidInputError(f"real_available is {available}: at least 0 is needed", field="real_available")
    weights: dict[str, Decimal] = dict(GameCategory.objects.values_list("code", "contribution_weight"))
    if category not in weights:
        known = ", ".join(sorted(weights))
        raise InvalidInputError(
            f"game_category {category!r} is unknown; one of {known} is needed", field="game_category"
        )
    return Stake(amount=amount, real_available=available, category=category, weight=weights[category])


def _earlier_bet(bet_id: str, input_hash: bytes) -> Bet | None:
    earlier = Bet.objects.filter(bet_id=bet_id).first()
    if earlier is not None and bytes(earlier.input_hash) != input_hash:
        raise IdempotencyKeyReusedError(
            f"bet {bet_id!r} was placed with other inputs: {earlier.stake} by player {earlier.player_id} in "
            f"{earlier.game_category}; a new bet needs a new id",
            bet_id=bet_id,
        )
    return earlier


def _place(bet_id: str, asked: Stake, *, player_id: str, input_hash: bytes, actor: str, at: datetime) -> Bet:
    settle_lots([player_id], at=at)
    funding = fund_stake(asked, _purses_of(player_id, at=at), order=BET_FUNDS_ORDER.value())
    paying = [part for part in funding.parts if part.amount]
    # Before the money goes: a bonus that holds nothing and waits for no bet would have ended.
    Lot.objects.filter(pk__in=[part.lot_id for part in paying]).update(open_bets=F("open_bets") + 1)
    if paying:
        postings = [_stake_posting(part, bet_id=bet_id, player_id=player_id) for part in paying]
        post_operation(postings, at=at, actor=actor)
    return _store(bet_id, asked, funding, player_id=player_id, input_hash=input_hash, at=at)


def _purses_of(player_id: str, *, at: datetime) -> list[Purse]:
    """Return the player's playable bonuses, the first to expire first."""
    bonuses = Lot.objects.filter(
        Q(expires_at=None) | Q(expires_at__gt=at),
        player_id=player_id,
        currency_type=CurrencyType.BONUS,
        status=BonusStatus.ACTIVE,
    ).order_by(F("expires_at").asc(nulls_last=True), "pk")
    return [
        Purse(
            lot_id=bonus.pk,
            remaining=bonus.remaining,
            max_bet=bonus.max_bet,
            eligible_games=None if bonus.eligible_games is None else tuple(bonus.eligible_games),
            counts_whole_stake=bonus.wagering_basis == WageringBasis.DEPOSIT_AND_BONUS,
            is_wagering=bonus.wagering_completed < bonus.wagering_required,
        )
        for bonus in bonuses
    ]


def _stake_posting(part: Part, *, bet_id: str, player_id: str) -> Posting:
    return Posting(
        operation_key=bet_key(bet_id, "place"),
        operation_kind="PLACE_BET",
        account_key=player_id,
        purpose=CreditPurpose.BET,
        transaction_type=TransactionType.WAGER,
        currency_type=CurrencyType.BONUS,
        amount=-part.amount,
        lot_id=part.lot_id,
        description=f"Stake of bet {bet_id}",
        reference_id=bet_id,
    )


def _store(bet_id: str, asked: Stake, funding: Funding, *, player_id: str, input_hash: bytes, at: datetime) -> Bet:
    bet = Bet.objects.create(
        bet_id=bet_id,
        player_id=player_id,
        game_category=asked.category,
        contribution_weight=asked.weight,
        stake=asked.amount,
        real_stake=funding.real,
        bonus_stake=asked.amount - funding.real,
        real_available=asked.real_available,
        input_hash=input_hash,
        placed_at=at,
    )
    BetStake.objects.bulk_create(
        BetStake(bet=bet, lot_id=part.lot_id, amount=part.amount, contribution=part.contribution)
        for part in funding.parts
    )
    return bet
