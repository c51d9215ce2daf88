"""Tier rows: ranges of points earned without gap or overlap. Each tier ends one point below the next."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from core.errors import InvalidInputError, NotFoundError
from players import policies
from players.models import Tier

LP_MIN_MAX = 2_000_000_000
BENEFIT_NUMBER_MAX = Decimal(1_000_000)
# Formulas of rules read these, so they must be numbers; other benefits are for people to read.
NUMERIC_BENEFITS = ("cashback_multiplier", "lp_multiplier", "free_plays", "tournament_tickets")

# What holds for a tier of that level until staff save its threshold.
ENVIRONMENT_THRESHOLDS = {
    "SILVER": policies.TIER_SILVER_LP,
    "GOLD": policies.TIER_GOLD_LP,
    "PLATINUM": policies.TIER_PLATINUM_LP,
}

TierCheck = Callable[[Sequence[Tier]], None]
# What floors above ask of tiers: they may import this one, not the other way round.
_CHECKS: list[TierCheck] = []

_LEVEL = re.compile(r"[A-Z][A-Z0-9_]{0,29}")


def require_of_tiers(check: TierCheck) -> None:
    """Ask a floor above before tiers are saved: the check gets all as they would be, and raises to refuse them."""
    if check not in _CHECKS:
        _CHECKS.append(check)


def threshold_of(tier: Tier) -> int:
    """Return the points from which the tier is reached: staff's threshold, or the policy of the documented name."""
    policy = None if tier.is_saved_by_staff else ENVIRONMENT_THRESHOLDS.get(tier.tier_level)
    return tier.lp_min if policy is None else policy.value()


def current_tiers() -> list[Tier]:
    """Return the tiers from the lowest up, each with the range that holds now; nothing is written."""
    tiers = list(Tier.objects.all())
    for tier in tiers:
        tier.lp_min = threshold_of(tier)
    tiers.sort(key=lambda tier: tier.lp_min)
    for tier in tiers:
        tier.lp_max = end_of(tier, tiers)
    return tiers


@transaction.atomic
def save_tier(
    *, tier_id: int | None, tier_level: str, lp_min: int, lp_max: int | None = None, benefits: Mapping[str, Any]
) -> Tier:
    """Add a tier (no `tier_id`) or change one, and move the ends of its neighbours; staff's threshold then holds.

    `lp_max` may be left out: it follows from the next tier. Raises InvalidInputError where a gap, an overlap or another
    order of the tiers would come about, NotFoundError, and what is required of tiers besides; then nothing is changed.
    """
    _lock_tiers()
    tier, ranked = _changed_tiers(tier_id, tier_level, lp_min, benefits)
    tier.is_saved_by_staff = True
    _check_given_end(tier, lp_max, ranked)
    for one in ranked:
        one.lp_max = end_of(one, ranked)
    _write(ranked)
    return tier


def check_tier(*, tier_id: int | None, tier_level: str, lp_min: int, benefits: Mapping[str, Any]) -> None:
    """Raise the errors that saving this would raise now; forms ask first, to speak at the field."""
    _changed_tiers(tier_id, tier_level, lp_min, benefits)


def tiers_as_changed(*, tier_id: int | None, tier_level: str, lp_min: int, benefits: Mapping[str, Any]) -> list[Tier]:
    """Return all tiers in order as saving this would leave them; nothing is written. Raises what saving would raise."""
    return _changed_tiers(tier_id, tier_level, lp_min, benefits)[1]


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


def _changed_tiers(
    tier_id: int | None, tier_level: str, lp_min: int, benefits: Mapping[str, Any]
) -> tuple[Tier, list[Tier]]:
    """Return the tier as it would be, and with it all tiers in order."""
    tiers = current_tiers()
    tier = _checked_tier(tiers, tier_id, tier_level, lp_min)
    tier.tier_level, tier.lp_min, tier.benefits = tier_level, lp_min, checked_benefits(benefits)
    ranked = sorted(tiers if tier.pk else [*tiers, tier], key=lambda one: one.lp_min)
    for check in _CHECKS:
        check(ranked)
    return tier, ranked


def _checked_tier(tiers: Sequence[Tier], tier_id: int | None, tier_level: str, lp_min: int) -> Tier:
    tier = _tier_of(tiers, tier_id)
    _check_level(tier, tier_level, tiers)
    _check_threshold(tier, lp_min, tiers)
    return tier


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
            f"tier_level is {level!r}: players carry the level {tier.tier_level}, so it keeps its name",
            field="tier_level",
        )
    if not _LEVEL.fullmatch(level):
        raise InvalidInputError(
            f"tier_level is {level!r}: up to 30 capital letters, digits and underscores are needed, such as DIAMOND",
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
        f"lp_max is {lp_max}: points {min(lp_max, end) + 1} to {max(lp_max, end)} {fault}; {end} is right",
        field="lp_max",
    )


def _write(ranked: Sequence[Tier]) -> None:
    """Store all ranges. A threshold may pass through its neighbour's old one, so the stored ones step aside first."""
    Tier.objects.update(lp_max=None, lp_min=LP_MIN_MAX + F("pk"))
    for tier in ranked:
        tier.save()
