"""House edges as the expected margin reckons with them: of each category, whole or less the points that play earns.

A share of the stake. The cost of a bonus knows the whole edge alone, for stakes of bonus money earn no points.
"""

from __future__ import annotations

from decimal import Decimal

from core.constants import constant
from players.models import GameCategory, Tier
from safety import policies
from safety.costs import currency_value
from safety.earn_rates import highest_multiplier
from wallet.models import CurrencyType

DEFAULT_CATEGORY = "other"


def margin_edges() -> dict[str, Decimal]:
    """Return by category what the house keeps of a stake; at least 0 where points from play are taken off.

    A point counts as at the highest tier, by its unit value and the share that is redeemed.
    """
    rates = _rates()
    if not policies.PROFIT_LESS_POINTS_FROM_PLAY.value():
        return {code: edge for code, (edge, _) in rates.items()}
    point = _highest_multiplier() * currency_value(CurrencyType.LP) * policies.POINTS_REDEEMED_RATE.value()
    return {code: max(edge - points * point, Decimal(0)) for code, (edge, points) in rates.items()}


def default_house_edge() -> Decimal | None:
    """Return the edge that holds where a player's games are not known; None where staff left none."""
    return margin_edges().get(DEFAULT_CATEGORY)


@constant("game_categories")
def _rates() -> dict[str, tuple[Decimal, Decimal]]:
    rows = GameCategory.objects.values_list("code", "house_edge_rate", "lp_per_unit_staked")
    return {code: (edge, points) for code, edge, points in rows}


@constant("tiers")
def _highest_multiplier() -> Decimal:
    return highest_multiplier(Tier.objects.all())
