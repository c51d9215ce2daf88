"""Credits by hand: promotional grants that staff and integrators make, under the same caps as the rules' rewards."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, RefusedError
from players.action_codes import CODE_SHAPE, is_action_code
from safety.control_groups import global_holdout, is_globally_held_out
from safety.credit_checks import Credit, refusal_of
from safety.expected_value import Reward
from safety.jurisdictions.violations import Incentive, known_games, least_turnover
from safety.models import Contamination, ViolationPath
from safety.pools import Pool, count_into_pool, locked_pools_of
from safety.profitability import RewardTerms, cost_rate, counted_value, currency_value
from wallet.bonuses import add_bonus_balance, bonus_base, check_bonus_terms
from wallet.ledger import JurisdictionLimitError, PlayerRestrictedError, Posted, lock_players
from wallet.models import CurrencyType, Operation
from wallet.points import add_loyalty_points, add_reward_points, add_tickets
from wallet.postings import check_currency_amount

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
    """Credit loyalty points, reward points or tickets by hand; they count towards caps and profitability by unit value.

    Raises CapExceededError, AbusiveCreditError and UnprofitableCreditError where staff have credits by hand refused for
    that, JurisdictionLimitError, and what `wallet.points` raises.
    """
    points = check_currency_amount(currency=currency, amount=amount)
    worth = points * currency_value(currency)
    terms = RewardTerms(reward_type=_REWARD_TYPES[currency])
    value, cost = counted_value(worth), counted_value(worth * cost_rate(terms))
    return _under_caps(
        lambda: _ADDING[currency](
            player_id=player_id,
            amount=points,
            source=source,
            key=key,
            actor=actor,
            promotional_value=value,
            expected_cost=cost,
        ),
        Credit(
            player_id=player_id,
            key=key,
            value=value,
            reward=Reward(amount=points, terms=terms),
            incentive=Incentive(reward_type=terms.reward_type, is_bonus_money=False, amount_max=points),
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
    AbusiveCreditError and UnprofitableCreditError where staff have credits by hand refused for that, InvalidInputError
    for a bonus that waits for a claim and an action at once or for what no action is called, and what
    `add_bonus_balance` raises.
    """
    money = check_currency_amount(currency=CurrencyType.BONUS, amount=amount)
    if claim_within and awaits:
        raise InvalidInputError(
            f"awaits is {awaits!r} and there is a claim window: a bonus waits for one of both", field="awaits"
        )
    if awaits is not None and not is_action_code(awaits):
        raise InvalidInputError(f"awaits is {awaits!r}, which no action is called: {CODE_SHAPE}", field="awaits")
    judged = RewardTerms(
        reward_type="BONUS_BALANCE",
        wagering_requirement=wagering_requirement,
        eligible_games=tuple(eligible_games) if eligible_games else None,
        max_conversion=terms.get("max_conversion"),
        wagering_basis=terms.get("wagering_basis"),
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
        Credit(
            player_id=player_id,
            key=key,
            value=money,
            reward=Reward(amount=money, terms=judged),
            incentive=_bonus_incentive(money, wagering_requirement, eligible_games, terms),
            actor=actor,
            path=path,
            on=timezone.localdate(),
        ),
    )


def _bonus_incentive(
    money: Decimal, wagering_requirement: Decimal, eligible_games: list[str] | None, terms: dict[str, Any]
) -> Incentive:
    """Return the bonus as jurisdictions see it: the whole turnover it asks for is measured on the bonus."""
    check_bonus_terms(wagering_requirement=wagering_requirement)
    base = bonus_base(money, deposit=terms.get("deposit", Decimal(0)), wagering_basis=terms.get("wagering_basis"))
    expiry = terms.get("expiry")
    return Incentive(
        reward_type="BONUS_BALANCE",
        is_bonus_money=True,
        turnover_multiple=least_turnover(
            wagering_requirement * base / money, eligible_games=eligible_games or None, games=known_games()
        ),
        amount_max=money,
        eligible_games=tuple(eligible_games) if eligible_games else None,
        expiry_hours=int(expiry / timedelta(hours=1)) if expiry else None,
    )


def _expected_cost(money: Decimal, *, judged: RewardTerms) -> Decimal:
    """Return what a bonus would cost from a player of whose games nothing is known: the dearest it can be."""
    cost = counted_value(money * cost_rate(judged))
    return cost if judged.max_conversion is None or not judged.is_wagered else min(cost, judged.max_conversion)


def _under_caps(credit: Callable[[], Posted], asked: Credit) -> Posted:
    """Make a credit with the player and then the pools locked, so that two at once cannot both take the last of a cap.

    One to a player of the global control group is marked as its contamination. A refusal is raised once the transaction
    is committed: it is evidence and must stay.
    """
    refusal: RefusedError | None = None
    with transaction.atomic():
        lock_players([asked.player_id])
        pools = locked_pools_of(player_id=asked.player_id, on=asked.on)
        # A replay posts nothing, so nothing stands in its way.
        if not Operation.objects.filter(key=asked.key).exists():
            refusal = refusal_of(asked, pools=pools)
        if refusal is None:
            try:
                return _post(credit, asked, pools=pools)
            except (JurisdictionLimitError, PlayerRestrictedError) as error:
                refusal = error
    raise refusal


def _post(credit: Callable[[], Posted], asked: Credit, *, pools: Iterable[Pool]) -> Posted:
    posted = credit()
    if posted.outcome == "POSTED":
        for pool in pools:
            count_into_pool(pool, on=asked.on, value=asked.value)
        if is_globally_held_out(asked.player_id):
            _mark_contamination(posted, player_id=asked.player_id, value=asked.value, actor=asked.actor)
    return posted


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
