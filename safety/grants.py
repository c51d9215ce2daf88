"""Credits by hand: promotional grants that staff and integrators make, under the same caps as the rules' rewards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, RefusedError
from core.money import round_to_cent
from players.action_codes import CODE_SHAPE, is_action_code
from players.models import CreditPurpose
from safety.caps import check_reward_caps
from safety.control_groups import global_holdout, is_globally_held_out
from safety.jurisdictions.granting import refused_grant
from safety.jurisdictions.violations import Incentive
from safety.models import Contamination
from safety.profitability import CURRENCIES, RewardTerms, cost_rate, currency_value
from wallet.bonuses import add_bonus_balance, bonus_base, check_bonus_terms
from wallet.jurisdictions import keep_jurisdiction_refusal
from wallet.ledger import JurisdictionLimitError, PlayerRestrictedError, Posted, lock_players
from wallet.models import CurrencyType, Operation
from wallet.points import add_loyalty_points, add_reward_points, add_tickets
from wallet.postings import check_currency_amount
from wallet.restrictions import refusing_restriction


class CapExceededError(RefusedError):
    """Raised when a credit is worth more than the player's caps leave; `details` carries both figures."""

    code = "cap_exceeded"


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
    *, player_id: str, amount: object, source: str, key: str, actor: str, currency: CurrencyType = CurrencyType.LP
) -> Posted:
    """Credit loyalty points, reward points or tickets by hand; they count towards the caps by their unit value.

    Raises CapExceededError, JurisdictionLimitError, and what `wallet.points` raises.
    """
    points = check_currency_amount(currency=currency, amount=amount)
    value = round_to_cent(points * currency_value(currency))
    return _under_caps(
        lambda: _ADDING[currency](
            player_id=player_id, amount=points, source=source, key=key, actor=actor, promotional_value=value
        ),
        player_id=player_id,
        key=key,
        value=value,
        actor=actor,
        incentive=Incentive(reward_type=_REWARD_TYPES[currency], is_bonus_money=False, amount_max=points),
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
    **terms: Any,
) -> Posted:
    """Credit bonus money by hand; it counts towards the caps in full, and towards later profit safety by its cost.

    `terms` are the further ones of `wallet.bonuses.add_bonus_balance`. Raises CapExceededError, InvalidInputError for a
    bonus that waits for a claim and an action at once or for what no action is called, and what `add_bonus_balance`
    raises.
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
            expected_cost=round_to_cent(money * cost_rate(judged)),
            **terms,
        ),
        player_id=player_id,
        key=key,
        value=money,
        actor=actor,
        incentive=_bonus_incentive(money, wagering_requirement, eligible_games, terms),
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
        turnover_multiple=wagering_requirement * base / money,
        amount_max=money,
        eligible_games=tuple(eligible_games) if eligible_games else None,
        expiry_hours=int(expiry / timedelta(hours=1)) if expiry else None,
    )


def _under_caps(
    credit: Callable[[], Posted], *, player_id: str, key: str, value: Decimal, actor: str, incentive: Incentive
) -> Posted:
    """Make a credit with the player locked, so that two at once cannot both take the last of a cap.

    What the player's jurisdiction forbids is refused, and the refusal kept. A credit to a player of the global control
    group is marked as its contamination.
    """
    refusal: JurisdictionLimitError | PlayerRestrictedError | None = None
    with transaction.atomic():
        lock_players([player_id])
        # A replay posts nothing, so no cap and no limit stands in its way.
        if not Operation.objects.filter(key=key).exists():
            _check_caps(player_id=player_id, value=value, on=timezone.localdate())
            refusal = _against(incentive, player_id=player_id, key=key, value=value, actor=actor)
        if refusal is None:
            try:
                return _credited(credit, player_id=player_id, value=value, actor=actor)
            except (JurisdictionLimitError, PlayerRestrictedError) as error:
                # Raised once the transaction is committed: the refusal is evidence and must stay.
                refusal = error
    raise refusal


def _credited(credit: Callable[[], Posted], *, player_id: str, value: Decimal, actor: str) -> Posted:
    posted = credit()
    if posted.outcome == "POSTED" and is_globally_held_out(player_id):
        _mark_contamination(posted, player_id=player_id, value=value, actor=actor)
    return posted


def _against(
    incentive: Incentive, *, player_id: str, key: str, value: Decimal, actor: str
) -> JurisdictionLimitError | None:
    """Return what the player's jurisdiction has against the credit, kept as evidence; a restriction goes before it."""
    at = timezone.now()
    if refusing_restriction(player_id=player_id, purpose=CreditPurpose.PROMOTION, at=at):
        return None
    found = refused_grant(incentive, player_id=player_id, value=value, on=timezone.localdate(at))
    if found is None:
        return None
    currency = CURRENCIES[incentive.reward_type]
    return keep_jurisdiction_refusal(
        player_id=player_id,
        key=key,
        currency=currency,
        amount=incentive.amount_max or value,
        says=found.says,
        details={**found.details, "money_value": str(value)},
        actor=actor,
        at=at,
    )


def _check_caps(*, player_id: str, value: Decimal, on: date) -> None:
    room = check_reward_caps(player_id=player_id, on=on)
    if value > room:
        raise CapExceededError(
            f"player {player_id} may be granted {room} more on {on}, {value} was asked for",
            player_id=player_id,
            room=str(room),
            value=str(value),
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
