"""What an incentive breaks of a profile: the one definition for saving rules, running them and credits by hand.

What depends on the player, indicators of harm, a VIP's approval and the month's promotions, is looked at when it is
given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, NamedTuple

from core.constants import constant
from core.money import CENT
from players.models import GameCategory, LimitKind, LimitSeverity
from safety.jurisdictions.profiles import Limit, Profile


@dataclass(frozen=True, slots=True, kw_only=True)
class Incentive:
    """What a profile must know of something to be given.

    `turnover_multiple` is the whole turnover required ÷ the bonus, as `least_turnover` returns it; `amount_max` the
    most it gives at once, None where that is open; `eligible_games` None: every game; `expiry_hours` None: for ever.
    """

    reward_type: str
    is_bonus_money: bool
    turnover_multiple: Decimal = Decimal(0)
    amount_max: Decimal | None = None
    eligible_games: tuple[str, ...] | None = None
    expiry_hours: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A limit that an incentive breaks. `key` names what of it, `suggestion` what would be right."""

    jurisdiction: str
    version: int
    limit: Limit
    key: str
    message: str
    suggestion: str

    def as_reason(self) -> dict[str, Any]:
        """Return it as the figures of a reason, with the version of the profile that it was judged by."""
        most = {} if self.limit.value is None else {"most": float_free(self.limit.value)}
        named = {"jurisdiction": self.jurisdiction, "version": self.version, "limit": self.limit.kind.value}
        return {**named, **most, "says": self.message, "clause": self.limit.clause}

    def __str__(self) -> str:
        return f"{self.message} in {self.jurisdiction} ({self.limit.clause}): {self.suggestion}"


def float_free(value: Decimal) -> str:
    """Return an exact number as text, for JSON."""
    return f"{value.normalize():f}"


class Game(NamedTuple):
    """A game category: its product type, empty where it is not known, and how much of a stake counts, 0–1."""

    product: str
    contribution_weight: Decimal


Games = Mapping[str, Game]


@constant("game_categories")
def known_games() -> dict[str, Game]:
    """Return every game category by its code."""
    rows = GameCategory.objects.values_list("code", "product", "contribution_weight")
    return {code: Game(product, weight) for code, product, weight in rows}


def least_turnover(required: Decimal, *, eligible_games: Iterable[str] | None, games: Games) -> Decimal:
    """Return the stakes that meet a requirement at least, both × the bonus: on the eligible game that counts most.

    Infinite where no eligible game counts. Rounded up to two decimals.
    """
    if not required:
        return Decimal(0)
    best = _best_weight(eligible_games, games)
    return (required / best).quantize(CENT, rounding=ROUND_CEILING) if best else Decimal("Infinity")


def _best_weight(eligible_games: Iterable[str] | None, games: Games) -> Decimal:
    eligible = games if eligible_games is None else eligible_games
    return max((games[game].contribution_weight for game in eligible if game in games), default=Decimal(0))


def violations(
    incentive: Incentive,
    *,
    profile: Profile,
    on: date,
    games: Games,
    severity: LimitSeverity = LimitSeverity.BINDING,
) -> list[Violation]:
    """Return every limit of the profile on a business date that the incentive breaks."""
    limits = profile.limits_on(on, severity=severity)
    return [
        Violation(
            jurisdiction=profile.code,
            version=profile.version,
            limit=limits[kind],
            key=key,
            message=message,
            suggestion=suggestion,
        )
        for kind, key, message, suggestion in _broken(incentive, limits, games)
    ]


_Broken = tuple[LimitKind, str, str, str]


def _broken(incentive: Incentive, limits: Mapping[LimitKind, Limit], games: Games) -> Iterator[_Broken]:
    if LimitKind.PROMOTIONS_FORBIDDEN in limits:
        yield LimitKind.PROMOTIONS_FORBIDDEN, "type", "nothing may be given", "leave this jurisdiction out"
    forbidden = limits.get(LimitKind.REWARD_TYPES_FORBIDDEN)
    if forbidden and incentive.reward_type in forbidden.names:
        named = ", ".join(forbidden.names)
        yield forbidden.kind, "type", f"{incentive.reward_type} may not be given", f"none of {named}"
    if incentive.is_bonus_money:
        yield from _broken_by_bonus(incentive, limits, games)
        if LimitKind.SINGLE_PRODUCT in limits:
            yield from _broken_by_products(incentive, games)


def _broken_by_bonus(incentive: Incentive, limits: Mapping[LimitKind, Limit], games: Games) -> Iterator[_Broken]:
    requirement = limits.get(LimitKind.WAGERING_REQUIREMENT_MAX)
    if requirement and requirement.value is not None and incentive.turnover_multiple > requirement.value:
        most, asked = float_free(requirement.value), float_free(incentive.turnover_multiple)
        message = f"a turnover of {asked} × the bonus is required, at most {most} × may be"
        best = _best_weight(incentive.eligible_games, games)
        right = float_free((requirement.value * best).quantize(CENT, rounding=ROUND_FLOOR))
        counting = "" if best == 1 else f", as no more than {float_free(best)} of a stake counts"
        yield requirement.kind, "wagering_requirement", message, f"{right} or less{counting}"
    largest = limits.get(LimitKind.BONUS_AMOUNT_MAX)
    if largest and largest.value is not None and (incentive.amount_max is None or incentive.amount_max > largest.value):
        most = float_free(largest.value)
        given = "any amount" if incentive.amount_max is None else float_free(incentive.amount_max)
        yield largest.kind, "amount", f"{given} may be given, at most {most} is allowed", f"{most} or less"
    shortest, hours = limits.get(LimitKind.VALIDITY_HOURS_MIN), incentive.expiry_hours
    if shortest and shortest.value is not None and hours is not None and hours < shortest.value:
        least = float_free(shortest.value)
        message = f"it may be played for {hours} hours, at least {least} are needed"
        yield shortest.kind, "expiry_hours", message, f"{least} or more"


def _broken_by_products(incentive: Incentive, games: Games) -> Iterator[_Broken]:
    """An incentive is for one type of product, unless it is free: without a requirement, on every game."""
    if incentive.eligible_games is None and not incentive.turnover_multiple:
        return
    eligible = tuple(games) if incentive.eligible_games is None else incentive.eligible_games
    types = sorted({_product_of(code, games) for code in eligible})
    if len(types) > 1:
        message = f"it mixes product types: {', '.join(types)}"
        yield LimitKind.SINGLE_PRODUCT, "eligible_games", message, _one_type(games)


def _product_of(code: str, games: Games) -> str:
    """Return the type of a game category; one of unknown type is a type of its own."""
    return (games[code].product if code in games else "") or f"{code} of unknown type"


def _one_type(games: Games) -> str:
    by_type: dict[str, list[str]] = {}
    for code, game in sorted(games.items()):
        if game.product:
            by_type.setdefault(game.product, []).append(code)
    offers = "; or ".join(f"{', '.join(codes)} ({product})" for product, codes in sorted(by_type.items()))
    return f"name games of one type: {offers}" if offers else "set the product types of the game categories"
