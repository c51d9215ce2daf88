"""Tier rows: ranges of points earned without gap or overlap. Each tier ends one point below the next."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection, transaction

from core.errors import InvalidInputError, NotFoundError
from players.models import Tier

LP_MIN_MAX = 2_000_000_000
BENEFIT_NUMBER_MAX = Decimal(1_000_000)
# Formulas of rules read these, so they must be numbers; other benefits are for people to read.
NUMERIC_BENEFITS = ("cashback_multiplier", "lp_multiplier", "free_plays", "tournament_tickets")

_LEVEL = re.compile(r"[A-Z][A-Z0-9_]{0,29}")


@transaction.atomic
def save_tier(
    *, tier_id: int | None, tier_level: str, lp_min: int, lp_max: int | None = None, benefits: Mapping[str, Any]
) -> Tier:
    """Add a tier (no `tier_id`) or change one, and move the ends of its neighbours; staff's threshold then holds.

    `lp_max` may be left out: it follows from the next tier. Raises InvalidInputError where a gap, an overlap or another order
    of the tiers would come about, and NotFoundError; then nothing is changed.
    """
    _lock_tiers()
    tiers = list(Tier.objects.order_by("lp_min"))
    tier = _tier_of(tiers, tier_id)
    _check_level(tier, tier_level, tiers)
    _check_threshold(tier, lp_min, tiers)
    tier.tier_level, tier.lp_min, tier.benefits = tier_level, lp_min, checked_benefits(benefits)
    tier.is_saved_by_staff = True
    ranked = sorted(tiers if tier.pk else [*tiers, tier], key=lambda one: one.lp_min)
    _check_given_end(tier, lp_max, ranked)
    tier.lp_max = end_of(tier, ranked)
    tier.save()
    _move_ends(ranked)
    return tier


def end_of(tier: Tier, ranked: Sequence[Tier]) -> int | None:
    """Return the last whole point of a tier among all tiers in order; None for the top one."""
    following = [other for other in ranked if other.lp_min > tier.lp_min]
    return following[0].lp_min - 1 if following else None


def checked_benefits(benefits: Mapping[str, Any]) -> dict[str, Any]:
    """Return the benefits; raises InvalidInputError where one that formulas read is no number."""
    for name in NUMERIC_BENEFITS:
        if name in benefits and not _is_benefit_number(benefits[name]):
            raise InvalidInputError(
                f"benefits.{name} is {benefits[name]!r}: a number from 0 to {BENEFIT_NUMBER_MAX} is needed",
                field=f"benefits.{name}",
            )
    return dict(benefits)


def _is_benefit_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return False
    return number.is_finite() and 0 <= number <= BENEFIT_NUMBER_MAX


def _lock_tiers() -> None:
    """Let one save at a time look at all the ranges; readers are not held up."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE tiers IN SHARE ROW EXCLUSIVE MODE")


def _tier_of(tiers: Sequence[Tier], tier_id: int | None) -> Tier:
    if tier_id is None:
        return Tier()
    for tier in tiers:
        if tier.pk == tier_id:
            return tier
    raise NotFoundError(f"there is no tier {tier_id}", tier_id=tier_id)


def _check_level(tier: Tier, level: str, tiers: Sequence[Tier]) -> None:
    if tier.pk and level != tier.tier_level:
        raise InvalidInputError(
            f"tier_level is {level!r}: players carry the level {tier.tier_level}, so it keeps its name", field="tier_level"
        )
    if not _LEVEL.fullmatch(level):
        raise InvalidInputError(
            f"tier_level is {level!r}: up to 30 capital letters, digits and underscores are needed, for example DIAMOND",
            field="tier_level",
        )
    if not tier.pk and any(other.tier_level == level for other in tiers):
        raise InvalidInputError(f"there is a tier {level} already", field="tier_level")


def _check_threshold(tier: Tier, lp_min: int, tiers: Sequence[Tier]) -> None:
    if not 0 <= lp_min <= LP_MIN_MAX:
        raise InvalidInputError(f"lp_min is {lp_min}: points from 0 to {LP_MIN_MAX} are needed", field="lp_min")
    others = [other for other in tiers if other.pk != tier.pk]
    if lp_min and not any(other.lp_min == 0 for other in others):
        raise InvalidInputError(
            f"lp_min is {lp_min}: points from 0 to {lp_min - 1} would have no tier, so the lowest tier starts at 0",
            field="lp_min",
        )
    for other in others:
        if other.lp_min == lp_min:
            raise InvalidInputError(
                f"lp_min is {lp_min}: {other.tier_level} starts there, the ranges would overlap", field="lp_min"
            )
        if tier.pk and (other.lp_min < lp_min) != (other.lp_min < tier.lp_min):
            raise InvalidInputError(
                f"lp_min is {lp_min}: {tier.tier_level} would change places with {other.tier_level} ({other.lp_min})",
                field="lp_min",
            )


def _check_given_end(tier: Tier, lp_max: int | None, ranked: Sequence[Tier]) -> None:
    end = end_of(tier, ranked)
    if lp_max is None or lp_max == end:
        return
    if end is None:
        raise InvalidInputError(f"lp_max is {lp_max}: the top tier has no end, leave it out", field="lp_max")
    fault = "would have no tier" if lp_max < end else "would have two tiers"
    raise InvalidInputError(
        f"lp_max is {lp_max}: points {min(lp_max, end) + 1} to {max(lp_max, end)} {fault}; {end} is right", field="lp_max"
    )


def _move_ends(ranked: Sequence[Tier]) -> None:
    for tier in ranked:
        end = end_of(tier, ranked)
        if tier.lp_max != end:
            tier.lp_max = end
            tier.save(update_fields=["lp_max"])
