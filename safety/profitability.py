"""Profit safety: a reward is given only if what it is expected to cost stays below the margin expected from the player.

expected margin = wager per active day × active days in the horizon × retention multiplier × house edge
expected cost   = money value, less the margin expected while a wagering requirement is met, not below a floor share and
                  not above what can become real money; see `safety.costs`

What cannot be computed is unknown, and what is unknown is refused.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from django.db.models import BooleanField, Case, CharField, DecimalField, F, Q, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Round
from django.db.models.lookups import GreaterThan, LessThan, LessThanOrEqual

from core.constants import constant
from core.errors import NotFoundError
from core.expressions import Quotient, run_statement
from players.models import GameCategory, PlayerSegment
from safety import policies
from safety.costs import (
    CURRENCIES,
    RewardTerms,
    cost_rate,
    cost_rate_expression,
    cost_terms,
    counted_sql,
    counted_value,
    currency_value,
    edge_kept_expression,
    expected_cost_expression,
    own_edge_sql,
    own_stake_edge_sql,
    share_kept_expression,
    unit_value,
)
from safety.edges import DEFAULT_CATEGORY, default_house_edge
from safety.models import RetentionMultiplier, RewardFamily, SegmentBaseline

__all__ = [
    "CURRENCIES",
    "DEFAULT_CATEGORY",
    "MARGIN_INPUTS",
    "RewardTerms",
    "cost_rate",
    "cost_rate_expression",
    "cost_terms",
    "counted_sql",
    "counted_value",
    "currency_value",
    "default_house_edge",
    "edge_kept_expression",
    "expected_cost_expression",
    "expected_margin_expression",
    "get_house_edge",
    "is_profitable_expression",
    "margin_inputs",
    "margin_of_inputs",
    "own_edge_sql",
    "own_play",
    "own_stake_edge_sql",
    "refresh_segment_baselines",
    "share_kept_expression",
    "unit_value",
    "unknown_margin_expression",
]

MARGIN_INPUTS = ("wager_per_active_day", "active_days", "retention_multiplier", "house_edge")
_MONEY = DecimalField(max_digits=18, decimal_places=2)
_EXACT = DecimalField(max_digits=38, decimal_places=10)


def get_house_edge(game_type: str) -> Decimal:
    """Return the house edge of a game category, a share of the stake. Raises NotFoundError."""
    edge = GameCategory.objects.filter(code=game_type).values_list("house_edge_rate", flat=True).first()
    if edge is None:
        raise NotFoundError(f"there is no game category {game_type!r}", game_type=game_type)
    return edge


def margin_inputs() -> dict[str, Combinable]:
    """Return by name what the expected margin is the product of."""
    horizon_share = Value(Decimal(policies.PROFIT_HORIZON_DAYS.value()) / 30, output_field=_EXACT)
    return {
        "wager_per_active_day": _wager_per_active_day(),
        "active_days": _active_days_in_30() * horizon_share,
        "retention_multiplier": _retention_factor(),
        "house_edge": _house_edge(),
    }


def expected_margin_expression() -> Combinable:
    """Return the margin expected from the player over the horizon, from their facts and the column `reward_family`."""
    return _product(margin_inputs())


def margin_of_inputs() -> Combinable:
    """Return the same from columns that hold the inputs, by their names."""
    return _product({name: F(name) for name in MARGIN_INPUTS})


def _product(inputs: dict[str, Combinable]) -> Combinable:
    wager, *shares = inputs.values()
    margin = wager
    for share in shares:
        margin = margin * share
    return Round(margin, precision=2, output_field=_MONEY)


def unknown_margin_expression() -> Combinable:
    """Return in words what is missing to tell the margin, from columns that hold the inputs; empty where nothing is."""
    words = {
        "wager_per_active_day": "the player's segment",
        "retention_multiplier": "the retention multiplier of the segment",
        "house_edge": "the house edge of the player's games",
        "active_days": "the active days",
    }
    whens = [When(**{f"{name}__isnull": True}, then=Value(missing)) for name, missing in words.items()]
    return Case(*whens, default=Value(""), output_field=CharField())


def _house_edge() -> Combinable:
    default = default_house_edge()
    if default is None:
        return F("house_edge_rate")
    return Coalesce(F("house_edge_rate"), Value(default), output_field=_EXACT)


def own_play() -> dict[str, Combinable]:
    """Return by name what is known of a player's play, and the mean of their segment that it is shrunk towards."""
    wager = Case(When(_HAS_DAYS, then=F("total_wagered_30d")), default=F("total_wagered"), output_field=_EXACT)
    counted = Case(When(_HAS_DAYS, then=F("active_days_30d")), default=F("total_sessions"), output_field=_EXACT)
    days = Coalesce(counted, Value(0), output_field=_EXACT)
    # A turnover of no counted day says nothing about a day.
    own = Case(When(Q(GreaterThan(days, Value(0))), then=wager), default=Value(0), output_field=_EXACT)
    return {
        "own_wager": Coalesce(own, Value(0), output_field=_EXACT),
        "own_days": days,
        "segment_mean": _segment_mean(),
    }


def _wager_per_active_day() -> Combinable:
    """Return the mean stake of an active day, little history shrunk towards the segment's mean.

    Known daily rows count per active day of the last 30; where only totals are known, a session counts as a day.
    """
    weight = Value(policies.PRIOR_WEIGHT_DAYS.value(), output_field=_EXACT)
    own = own_play()
    shrunk = Quotient(own["own_wager"] + weight * own["segment_mean"], own["own_days"] + weight)
    # Nothing known and nothing to shrink towards is nothing to expect; of no known segment it stays unknown.
    return Case(
        When(segment__in=PlayerSegment.values, then=Coalesce(shrunk, Value(0), output_field=_EXACT)),
        default=None,
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
    whens = [When(segment=segment, then=Value(mean, output_field=_EXACT)) for segment, mean in _segment_means()]
    return Case(*whens, default=Value(Decimal(0)), output_field=_EXACT)


@constant("safety_segment_baselines")
def _segment_means() -> list[tuple[str, Decimal]]:
    return list(SegmentBaseline.objects.values_list("segment", "wager_per_active_day"))


def _retention_factor() -> Combinable:
    """Return by how much the margin is multiplied: with all the player brings, or with what rewards add to it alone."""
    if policies.PROFIT_BASIS.value() == "TOTAL":
        return _retention_multiplier()
    added = _retention_multiplier() - Value(Decimal(1), output_field=_EXACT)
    # Greatest leaves out what is unknown, which must stay so.
    return Case(
        When(Q(GreaterThan(added, Value(0))), then=added),
        When(Q(LessThanOrEqual(added, Value(0))), then=Value(Decimal(0))),
        default=None,
        output_field=_EXACT,
    )


def _retention_multiplier() -> Combinable:
    by_family: dict[str, list[When]] = {}
    for family, segment, multiplier in _retention_multipliers():
        when = When(segment=segment, then=Value(multiplier, output_field=_EXACT))
        by_family.setdefault(family, []).append(when)
    whens = []
    for family in RewardFamily.values:
        # Everything else moves nobody unless staff say so; a family that should have a figure and has none is unknown.
        missing = Value(Decimal(1), output_field=_EXACT) if family == RewardFamily.OTHER else None
        of_segments = Case(*by_family.get(family, []), default=missing, output_field=_EXACT)
        whens.append(When(reward_family=family, then=of_segments))
    return Case(*whens, default=None, output_field=_EXACT)


@constant("safety_retention_multipliers")
def _retention_multipliers() -> list[tuple[str, str, Decimal]]:
    return list(RetentionMultiplier.objects.values_list("reward_family", "segment", "multiplier"))


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
