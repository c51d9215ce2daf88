"""Credits by hand: promotional grants that staff and integrators make, under the same caps as the rules' rewards."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, RefusedError
from core.money import round_to_cent
from safety import policies
from safety.caps import check_reward_caps
from safety.control_groups import global_holdout, is_globally_held_out
from safety.expected_value import Reward, calculate_expected_value
from safety.models import Contamination, ViolationPath
from safety.pools import Pool, active_pools, count_into_pool, lock_pools, pool_room, pools_of_player
from safety.profitability import RewardTerms, cost_rate, currency_value
from safety.violations import record_violation
from wallet.bonuses import add_bonus_balance
from wallet.ledger import PlayerRestrictedError, Posted, lock_players
from wallet.models import CurrencyType, Operation
from wallet.points import add_loyalty_points, add_reward_points, add_tickets
from wallet.postings import check_currency_amount


class CapExceededError(RefusedError):
    """Raised when a credit is worth more than the caps leave; `details` carries both figures."""

    code = "cap_exceeded"


class UnprofitableCreditError(RefusedError):
    """Raised when a credit would cost more than is expected from the player, where credits by hand must not."""

    code = "unprofitable"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Credit:
    """A credit by hand under judgement: to whom, what it is worth, under which key, who asks and on which way."""

    player_id: str
    key: str
    value: Decimal
    reward: Reward
    actor: str
    path: ViolationPath
    on: date


_REWARD_TYPES = {
    CurrencyType.LP: "LOYALTY_POINTS",
    CurrencyType.RP: "REWARD_POINTS",
    CurrencyType.TICKETS: "TICKETS",
}
_ADDING = {
    CurrencyType.LP: add_loyalty_points,
    CurrencyType.RP: add_reward_points,
    CurrencyType.TICKETS: add_tickets,
}


def credit_points(
    *,
    player_id: str,
    amount: object,
    source: str,
    key: str,
    actor: str,
    currency: CurrencyType = CurrencyType.LP,
    path: ViolationPath = ViolationPath.SERVICE,
) -> Posted:
    """Credit loyalty points, reward points or tickets by hand; they count towards the caps by their unit value.

    Raises CapExceededError, UnprofitableCreditError where credits by hand must be profitable, and what `wallet.points`
    raises.
    """
    points = check_currency_amount(currency=currency, amount=amount)
    value = round_to_cent(points * currency_value(currency))
    terms = RewardTerms(reward_type=_REWARD_TYPES[currency])
    return _under_caps(
        lambda: _ADDING[currency](
            player_id=player_id, amount=points, source=source, key=key, actor=actor, promotional_value=value
        ),
        _Credit(
            player_id=player_id,
            key=key,
            value=value,
            reward=Reward(amount=points, terms=terms),
            actor=actor,
            path=path,
            on=timezone.localdate(),
        ),
    )


def credit_bonus(
    *,
    player_id: str,
    amount: object,
    wagering_requirement: Decimal,
    key: str,
    actor: str,
    eligible_games: list[str] | None = None,
    claim_within: timedelta | None = None,
    awaits: str | None = None,
    path: ViolationPath = ViolationPath.SERVICE,
    **terms: Any,
) -> Posted:
    """Credit bonus money by hand; it counts towards the caps in full, and towards later profit safety by its cost.

    `terms` are the further ones of `wallet.bonuses.add_bonus_balance`. Raises CapExceededError,
    UnprofitableCreditError where credits by hand must be profitable, InvalidInputError for a bonus that waits for a
    claim and an action at once, and what `add_bonus_balance` raises.
    """
    money = check_currency_amount(currency=CurrencyType.BONUS, amount=amount)
    if claim_within and awaits:
        raise InvalidInputError(
            f"awaits is {awaits!r} and there is a claim window: a bonus waits for one of both", field="awaits"
        )
    judged = RewardTerms(
        reward_type="BONUS_BALANCE",
        wagering_requirement=wagering_requirement,
        eligible_games=tuple(eligible_games) if eligible_games else None,
        max_conversion=terms.get("max_conversion"),
    )
    return _under_caps(
        lambda: add_bonus_balance(
            player_id=player_id,
            amount=money,
            wagering_requirement=wagering_requirement,
            key=key,
            actor=actor,
            eligible_games=eligible_games,
            claim_within=claim_within,
            awaits=awaits,
            promotional_value=money,
            expected_cost=_expected_cost(money, judged=judged),
            **terms,
        ),
        _Credit(
            player_id=player_id,
            key=key,
            value=money,
            reward=Reward(amount=money, terms=judged),
            actor=actor,
            path=path,
            on=timezone.localdate(),
        ),
    )


def _expected_cost(money: Decimal, *, judged: RewardTerms) -> Decimal:
    """Return what a bonus would cost from a player of whose games nothing is known: the dearest it can be."""
    cost = round_to_cent(money * cost_rate(judged))
    return cost if judged.max_conversion is None or not judged.is_wagered else min(cost, judged.max_conversion)


def _under_caps(credit: Callable[[], Posted], asked: _Credit) -> Posted:
    """Make a credit with the player and then the pools locked, so that two at once cannot both take the last of a cap.

    One to a player of the global control group is marked as its contamination. A refusal is raised once the transaction
    is committed: it is evidence and must stay.
    """
    refusal: RefusedError | None = None
    with transaction.atomic():
        lock_players([asked.player_id])
        pools = _pools_of(asked)
        # A replay posts nothing, so nothing stands in its way.
        if not Operation.objects.filter(key=asked.key).exists():
            refusal = _refusal(asked, pools=pools)
        if refusal is None:
            try:
                return _post(credit, asked, pools=pools)
            except PlayerRestrictedError as error:
                refusal = error
    raise refusal


def _pools_of(asked: _Credit) -> list[Pool]:
    """Return the groups whose shared caps the credit counts towards, locked."""
    lock_pools()
    pools = active_pools()
    return pools_of_player(pools, player_id=asked.player_id, on=asked.on) if pools else []


def _post(credit: Callable[[], Posted], asked: _Credit, *, pools: Iterable[Pool]) -> Posted:
    posted = credit()
    if posted.outcome == "POSTED":
        for pool in pools:
            count_into_pool(pool, on=asked.on, value=asked.value)
        if is_globally_held_out(asked.player_id):
            _mark_contamination(posted, player_id=asked.player_id, value=asked.value, actor=asked.actor)
    return posted


def _refusal(asked: _Credit, *, pools: Iterable[Pool]) -> RefusedError | None:
    """Return the first thing in safety that refuses a credit, kept as a violation; None where nothing does."""
    refusals = (_beyond_margin(asked), _beyond_cap(asked), *(_beyond_pool(asked, pool) for pool in pools))
    found = next((refusal for refusal in refusals if refusal is not None), None)
    if found is not None:
        _record(asked, code=_CODES[type(found)] if "pool" not in found.details else "POOL_CAP", figures=found.details)
    return found


def _beyond_margin(asked: _Credit) -> UnprofitableCreditError | None:
    """Ask whether it is profitable, where credits by hand are asked; where staff only want to know, list it."""
    asking = policies.MANUAL_CREDITS_PROFITABILITY.value()
    if asking == "off":
        return None
    found = calculate_expected_value(player_id=asked.player_id, reward=asked.reward, on=asked.on)
    if found.is_profitable:
        return None
    figures = {
        "expected_cost": str(found.expected_cost),
        "granted_before": str(found.granted_cost),
        "expected_margin": str(found.expected_margin),
        "missing": found.cost_unknown or found.margin_unknown,
    }
    if asking == "warn":
        _record(asked, code="UNPROFITABLE", figures=figures, is_refused=False)
        return None
    return UnprofitableCreditError(
        f"player {asked.player_id}: a cost of {found.expected_cost} with {found.granted_cost} granted before "
        f"is not below the expected margin of {found.expected_margin}",
        **figures,
    )


def _beyond_cap(asked: _Credit) -> CapExceededError | None:
    room = check_reward_caps(player_id=asked.player_id, on=asked.on)
    if asked.value <= room:
        return None
    return CapExceededError(
        f"player {asked.player_id} may be granted {room} more on {asked.on}, {asked.value} was asked for",
        player_id=asked.player_id,
        room=str(room),
        value=str(asked.value),
    )


def _beyond_pool(asked: _Credit, pool: Pool) -> CapExceededError | None:
    room = pool_room(pool, on=asked.on)
    if asked.value <= room.left:
        return None
    return CapExceededError(
        f"{pool.name} together may be granted {room.left} more of {room.limit} per {room.window} on {asked.on}, "
        f"{asked.value} was asked for",
        player_id=asked.player_id,
        pool=pool.name,
        window=room.window,
        limit=str(room.limit),
        room=str(room.left),
        value=str(asked.value),
    )


_CODES: dict[type[RefusedError], str] = {CapExceededError: "CAP", UnprofitableCreditError: "UNPROFITABLE"}


def _record(asked: _Credit, *, code: str, figures: Mapping[str, Any], is_refused: bool = True) -> None:
    record_violation(
        player_id=asked.player_id,
        code=code,
        path=asked.path,
        on=asked.on,
        figures=figures,
        amount=asked.reward.amount,
        operation_key=asked.key,
        actor=asked.actor,
        is_refused=is_refused,
    )


def _mark_contamination(posted: Posted, *, player_id: str, value: Decimal, actor: str) -> None:
    """Keep that a control player was given something: beside the posting, whose hash of inputs a retry must meet."""
    Contamination.objects.create(
        player_id=player_id,
        operation_id=posted.operation_id,  # type: ignore[misc]  # what was posted has one
        salt=global_holdout().salt,
        money_value=value,
        actor=actor,
        credited_on=timezone.localdate(),
    )
