"""What an option gives beyond what its points are worth: that much no cap and no margin has counted yet.

Points counted by their unit value when they were granted. An option that gives more for them gives the rest as any
other grant does, and so it is counted: towards the caps, and towards the profit safety of later rewards.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.money import ZERO, round_to_cent
from rewards.models import RedemptionGives, RedemptionOption
from safety.profitability import RewardTerms, cost_rate, counted_value, currency_value
from wallet.models import CurrencyType


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionWorth:
    """Money: what the points of one order are worth, what it gives, and what that is expected to cost."""

    points: Decimal
    gift: Decimal
    cost: Decimal

    @property
    def surplus_value(self) -> Decimal:
        """What the caps have not counted yet."""
        return max(self.gift - self.points, ZERO)

    @property
    def surplus_cost(self) -> Decimal:
        """What profit safety has not counted yet."""
        return max(self.cost - self.points, ZERO)


def worth_of(option: RedemptionOption) -> OptionWorth:
    """Return what an order of an option is worth; a benefit has no amount, and what it costs nobody has said."""
    points = round_to_cent(option.cost * currency_value(option.cost_currency))
    if option.amount is None:
        return OptionWorth(points=points, gift=ZERO, cost=ZERO)
    terms = terms_of(option)
    currency = CurrencyType.BONUS if option.gives == RedemptionGives.BONUS else CurrencyType.TICKETS
    gift = option.amount * currency_value(currency)
    cost = counted_value(gift * cost_rate(terms))
    if terms.is_wagered and option.max_conversion is not None:
        cost = min(cost, option.max_conversion)
    return OptionWorth(points=points, gift=counted_value(gift), cost=cost)


def terms_of(option: RedemptionOption) -> RewardTerms:
    """Return what an option gives as safety sees it."""
    if option.gives != RedemptionGives.BONUS:
        return RewardTerms(reward_type="TICKETS")
    return RewardTerms(
        reward_type="BONUS_BALANCE",
        wagering_requirement=option.wagering_requirement,
        eligible_games=tuple(option.eligible_games) if option.eligible_games else None,
        max_conversion=option.max_conversion,
    )
