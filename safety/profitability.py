"""Profit safety: a reward is given only if what it is expected to cost stays below the margin expected from the player.

expected margin = wager per active day × active days in the horizon × retention multiplier × house edge
expected cost   = money value, less the margin expected while a wagering requirement is met, not below a floor share
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.db.models import BooleanField, Case, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Round
from django.db.models.lookups import GreaterThan, LessThan

from core.errors import NotFoundError
from core.expressions import Quotient, run_statement
from players.models import GameCategory
from safety import policies
from safety.models import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue

DEFAULT_CATEGORY = "other"
_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)
FAMILIES = {
    "BONUS_BALANCE": RewardFamily.BONUS,
    "FREE_PLAY": RewardFamily.BONUS,
    "CASHBACK": RewardFamily.CASHBACK,
    "LOYALTY_POINTS": RewardFamily.LP,
}
CURRENCIES = {
    "BONUS_BALANCE": "BONUS",
    "FREE_PLAY": "BONUS",
    "CASHBACK": "BONUS",
    "LOYALTY_POINTS": "LP",
    "REWARD_POINTS": "RP",
    "TICKETS": "TICKETS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardTerms:
    """What safety must know of a reward: its type, the wagering multiple, the games that count (None: all), and whether
    it is paid as cash.
    """

    reward_type: str
    wagering_requirement: Decimal = Decimal(0)
    eligible_games: tuple[str, ...] | None = None
    is_cash: bool = False

    @property
    def family(self) -> RewardFamily:
        """The family its retention multiplier is kept under."""
        return FAMILIES.get(self.reward_type, RewardFamily.OTHER)


def get_house_edge(game_type: str) -> Decimal:
    """Return the house edge of a game category, a share of the stake. Raises NotFoundError."""
    edge = GameCategory.objects.filter(code=game_type).values_list("house_edge_rate", flat=True).first()
    if edge is None:
        raise NotFoundError(f"there is no game category {game_type!r}", game_type=game_type)
    return edge


def unit_value(terms: RewardTerms) -> Decimal:
    """Return what one unit of the reward is worth in money; perks, which credit nothing, are worth 0."""
    if terms.is_cash:
        return Decimal(1)
    currency = CURRENCIES.get(terms.reward_type)
    return Decimal(0) if currency is None else currency_value(currency)


def currency_value(currency: str) -> Decimal:
    """Return what one unit of a currency is worth in money.

    Where staff removed the value a unit counts as 1: points that cost nothing would pass every cap.
    """
    value = UnitValue.objects.filter(currency_type=currency).values_list("money_value", flat=True).first()
    return Decimal(1) if value is None else value


def cost_rate(terms: RewardTerms) -> Decimal:
    """Return the expected cost of one unit of money value, between the floor share and 1.

    While a bonus is wagered the house keeps its edge on the turnover needed; a category that counts half needs twice
    the turnover. The player is assumed to choose the eligible category that is cheapest for them.
    """
    if not terms.wagering_requirement or CURRENCIES.get(terms.reward_type) != "BONUS":
        return Decimal(1)
    kept = terms.wagering_requirement * _cheapest_edge_per_counted_stake(terms.eligible_games)
    return max(1 - kept, policies.BONUS_COST_FLOOR_RATE.value())


def _cheapest_edge_per_counted_stake(eligible_games: tuple[str, ...] | None) -> Decimal:
    categories = GameCategory.objects.filter(contribution_weight__gt=0)
    if eligible_games is not None:
        categories = categories.filter(code__in=eligible_games)
    edges = [edge / weight for edge, weight in categories.values_list("house_edge_rate", "contribution_weight")]
    return min(edges, default=Decimal(0))


def expected_cost_expression() -> Combinable:
    """Return the expected cost of the columns `amount`, `unit_value` and `cost_rate`, to the cent.

    A requirement that the abuse score raises is not counted in the reward's favour.
    """
    return Round(F("amount") * F("unit_value") * F("cost_rate"), precision=2, output_field=_MONEY)


def margin_inputs() -> dict[str, Combinable]:
    """Return by name what the expected margin is the product of."""
    horizon_share = Value(Decimal(policies.PROFIT_HORIZON_DAYS.value()) / 30, output_field=_EXACT)
    return {
        "wager_per_active_day": _wager_per_active_day(),
        "active_days": _active_days_in_30() * horizon_share,
        "retention_multiplier": _retention_multiplier(),
        "house_edge": Coalesce(F("house_edge_rate"), Value(get_house_edge(DEFAULT_CATEGORY)), output_field=_EXACT),
    }


def expected_margin_expression() -> Combinable:
    """Return the margin expected from the player over the horizon, from their facts and the column `reward_family`."""
    wager, *shares = margin_inputs().values()
    margin = wager
    for share in shares:
        margin = margin * share
    return Round(margin, precision=2, output_field=_MONEY)


def _wager_per_active_day() -> Combinable:
    """Return the mean stake of an active day, little history shrunk towards the segment's mean.

    Known daily rows count per active day of the last 30; where only totals are known, a session counts as a day.
    """
    weight = Value(policies.PRIOR_WEIGHT_DAYS.value(), output_field=_EXACT)
    wager = Case(When(_HAS_DAYS, then=F("total_wagered_30d")), default=F("total_wagered"), output_field=_EXACT)
    counted = Case(When(_HAS_DAYS, then=F("active_days_30d")), default=F("total_sessions"), output_field=_EXACT)
    days = Coalesce(counted, Value(0), output_field=_EXACT)
    # A turnover of no counted day says nothing about a day.
    own = Case(When(Q(GreaterThan(days, Value(0))), then=wager), default=Value(0), output_field=_EXACT)
    return Coalesce(
        Quotient(Coalesce(own, Value(0), output_field=_EXACT) + weight * _segment_mean(), days + weight),
        Value(0),
        output_field=_EXACT,
    )


_HAS_DAYS = Q(active_days_30d__gt=0)


def _active_days_in_30() -> Combinable:
    prior = Value(policies.EXPECTED_ACTIVE_DAYS_PRIOR.value(), output_field=_EXACT)
    weight = Value(policies.PRIOR_WEIGHT_DAYS.value(), output_field=_EXACT)
    # A quotient in numeric: days, and Decimal(30) as it is sent, are integers to PostgreSQL.
    shrunk = Quotient(
        F("active_days_30d") * Value(Decimal(30), output_field=_EXACT) + prior * weight,
        Value(Decimal(30), output_field=_EXACT) + weight,
    )
    return Coalesce(shrunk, prior, output_field=_EXACT)


def _segment_mean() -> Combinable:
    means = SegmentBaseline.objects.values_list("segment", "wager_per_active_day")
    whens = [When(segment=segment, then=Value(mean, output_field=_EXACT)) for segment, mean in means]
    return Case(*whens, default=Value(Decimal(0)), output_field=_EXACT)


def _retention_multiplier() -> Combinable:
    rows = RetentionMultiplier.objects.values_list("reward_family", "segment", "multiplier")
    by_family: dict[str, list[When]] = {}
    for family, segment, multiplier in rows:
        when = When(segment=segment, then=Value(multiplier, output_field=_EXACT))
        by_family.setdefault(family, []).append(when)
    none = Value(Decimal(1), output_field=_EXACT)
    whens = [
        When(reward_family=family, then=Case(*of_segments, default=none, output_field=_EXACT))
        for family, of_segments in by_family.items()
    ]
    return Case(*whens, default=none, output_field=_EXACT)


def is_profitable_expression() -> Combinable:
    """Return whether the cost of everything granted in the horizon, this reward included, is below the margin.

    What cannot be computed is not profitable.
    """
    is_below = LessThan(F("granted_cost") + F("given_cost_run") + F("expected_cost"), F("expected_margin"))
    return Coalesce(is_below, Value(value=False), output_field=BooleanField())


def refresh_segment_baselines(*, on: date) -> None:
    """Measure what an ordinary player of each segment stakes per session, in one scan, and store it."""
    run_statement(
        """
        INSERT INTO safety_segment_baselines (segment, wager_per_active_day, players, as_of)
        SELECT p.segment, round(sum(m.total_wagered) / greatest(sum(m.total_sessions), 1), 2), count(*), %s
        FROM players p JOIN player_metrics m ON m.player_id = p.player_id
        WHERE m.total_wagered > 0 AND m.total_sessions > 0
        GROUP BY p.segment
        ON CONFLICT (segment) DO UPDATE
        SET wager_per_active_day = excluded.wager_per_active_day, players = excluded.players, as_of = excluded.as_of
        """,
        [on],
    )
