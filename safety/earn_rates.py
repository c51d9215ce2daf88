"""Earn rates: points from play must not be worth more than the house keeps of the stake, unless two people accept it.

worth = points per unit staked × the highest tier's lp_multiplier × the money value of a point, in money per unit staked
loss  = worth − house edge; a rate passes where this is not above 0, or not above what two people accepted

Whatever can raise a loss asks here: rates and edges of categories, the value of a point, and multipliers of tiers, for
which `players.tiers` is told to ask. What makes nothing worse passes, so that figures can be brought down in steps.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.utils import timezone

from core.errors import ConflictError, InvalidInputError, NotFoundError, RefusedError
from core.strict_json import is_storable
from players.models import GameCategory, Tier
from safety.assumption_versions import say_who_assumes
from safety.costs import currency_value
from safety.models import EarnRateAcceptance, UnitValue
from wallet.models import CurrencyType

if TYPE_CHECKING:
    from django.contrib.auth.models import User

log = logging.getLogger(__name__)

POINTS_PER_UNIT_MAX = Decimal("999.999999")
UNIT_VALUE_MAX = Decimal("999999.999999")
# Products of figures with many digits stay exact.
_EXACT = Context(prec=100)
_SIX_PLACES = Decimal("0.000001")
_WORTH_PLACES = Decimal(1).scaleb(-15)
_REASON_LENGTH_MAX = 500


class EarnRateTooHighError(RefusedError):
    """Raised when points from play would be worth more than the house edge; `details` carries all figures."""

    code = "earn_rate_too_high"


class SecondPersonNeededError(RefusedError):
    """Raised when who proposed a rate would also accept it."""

    code = "second_person_needed"


class ProposalOutdatedError(ConflictError):
    """Raised when a proposal is no longer open, or its figures are not what they were; it must be proposed again."""

    code = "proposal_outdated"


@dataclass(frozen=True, slots=True, kw_only=True)
class PointValue:
    """What one point at the plain rate costs the house at most: the highest tier's multiplier × a point's value."""

    lp_multiplier: Decimal
    unit_value: Decimal

    @property
    def money(self) -> Decimal:
        """Money value of what the best tier gets for one point."""
        return _EXACT.multiply(self.lp_multiplier, self.unit_value)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarnRate:
    """The figures of one category; `worth`, `edge` and `loss` in money per unit staked."""

    category: str
    points_per_unit: Decimal
    edge: Decimal
    point: PointValue

    @property
    def worth(self) -> Decimal:
        """What a unit staked earns at the highest tier."""
        return _EXACT.multiply(self.points_per_unit, self.point.money)

    @property
    def loss(self) -> Decimal:
        """By how much it is worth more than the house keeps; below 0 where the house gains."""
        return _EXACT.subtract(self.worth, self.edge)

    @property
    def points_per_unit_max(self) -> Decimal:
        """The highest rate that passes by itself."""
        if not self.point.money:
            return POINTS_PER_UNIT_MAX
        passing = _EXACT.divide(self.edge, self.point.money)
        return min(passing.quantize(_SIX_PLACES, rounding=ROUND_DOWN, context=_EXACT), POINTS_PER_UNIT_MAX)


def highest_multiplier(tiers: Iterable[Tier]) -> Decimal:
    """Return the highest lp_multiplier; a tier that names none multiplies by 1."""
    return max((Decimal(str(tier.benefits.get("lp_multiplier", 1))) for tier in tiers), default=Decimal(1))


def point_value() -> PointValue:
    """Return what a point is worth at most now."""
    return PointValue(lp_multiplier=highest_multiplier(Tier.objects.all()), unit_value=currency_value(CurrencyType.LP))


def rate_of(category: GameCategory, *, point: PointValue) -> EarnRate:
    """Return the figures of a category as given, stored or not."""
    return EarnRate(
        category=category.code,
        points_per_unit=category.lp_per_unit_staked,
        edge=category.house_edge_rate,
        point=point,
    )


def accepted_loss(category: str) -> Decimal | None:
    """Return the loss per unit staked that two people accepted for a category; None where they did not."""
    accepted = EarnRateAcceptance.objects.filter(category=category, accepted_at__isnull=False, ended_at=None).first()
    return accepted.loss if accepted else None


def check_tier_multipliers(tiers: Sequence[Tier]) -> None:
    """Raise EarnRateTooHighError where the tiers, as they would be, make a category's points worth too much."""
    multiplier = highest_multiplier(tiers)
    _check_all(lambda now: replace(now, lp_multiplier=multiplier), field="benefits")


def check_unit_value(*, currency: str, money_value: Decimal) -> None:
    """Raise EarnRateTooHighError where a point would be worth too much, InvalidInputError for what is no value."""
    checked = _six_places(money_value, field="money_value", maximum=UNIT_VALUE_MAX)
    if currency == CurrencyType.LP:
        _check_all(lambda now: replace(now, unit_value=checked), field="money_value")


def check_game_category(category: GameCategory) -> None:
    """Raise EarnRateTooHighError where a category, as it would be, earns more than its edge; forms ask first.

    Raises InvalidInputError for what is no rate, no edge or no weight.
    """
    _six_places(category.lp_per_unit_staked, field="lp_per_unit_staked", maximum=POINTS_PER_UNIT_MAX)
    _six_places(category.house_edge_rate, field="house_edge_rate", maximum=Decimal(1))
    _six_places(category.contribution_weight, field="contribution_weight", maximum=Decimal(1))
    stored = GameCategory.objects.filter(code=category.code).first()
    point = point_value()
    now = rate_of(stored, point=point) if stored else None
    is_rate_kept = stored is not None and stored.lp_per_unit_staked == category.lp_per_unit_staked
    _check(now, rate_of(category, point=point), field="house_edge_rate" if is_rate_kept else "lp_per_unit_staked")


@transaction.atomic
def _check_all(change: Callable[[PointValue], PointValue], *, field: str) -> None:
    _lock_categories()
    now = point_value()
    then = change(now)
    for category in GameCategory.objects.all():
        _check(rate_of(category, point=now), rate_of(category, point=then), field=field)


def _check(now: EarnRate | None, then: EarnRate, *, field: str) -> None:
    if then.loss <= 0 or (now is not None and then.loss <= now.loss):
        return
    accepted = accepted_loss(then.category)
    if accepted is not None and then.loss <= accepted:
        return
    raise EarnRateTooHighError(
        f"{then.category}: {_plain(then.points_per_unit)} points per unit staked × {_plain(then.point.lp_multiplier)} "
        f"at the highest tier × {_plain(then.point.unit_value)} a point are worth {_plain(then.worth)} per unit "
        f"staked, more than the house edge of {_plain(then.edge)}; at most {_plain(then.points_per_unit_max)} points "
        "per unit pass, or two people must accept it",
        field=field,
        category=then.category,
        points_per_unit=_plain(then.points_per_unit),
        lp_multiplier=_plain(then.point.lp_multiplier),
        unit_value=_plain(then.point.unit_value),
        worth=_plain(then.worth),
        edge=_plain(then.edge),
        points_per_unit_max=_plain(then.points_per_unit_max),
    )


def _plain(number: Decimal) -> str:
    return format(number.normalize(_EXACT), "f")


def _lock_categories() -> None:
    """Let one change at a time look at all the figures; readers are not held up."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE game_categories IN SHARE ROW EXCLUSIVE MODE")


@transaction.atomic
def save_game_category(category: GameCategory, *, changed_by: User, reason: str = "") -> GameCategory:
    """Add a category or change one; an acceptance that its figures no longer need ends.

    `reason` is kept with the version of the house edge.

    Raises EarnRateTooHighError and InvalidInputError; then nothing is changed.
    """
    _lock_categories()
    check_game_category(category)
    _write(category, changed_by=changed_by, reason=reason)
    return category


@transaction.atomic
def change_earn_rate(*, category: str, points_per_unit: Decimal, changed_by: User) -> GameCategory:
    """Change what a stake on a category earns.

    Raises EarnRateTooHighError with all figures where the points would be worth more than the house edge and no two
    people accepted it, NotFoundError and InvalidInputError; then nothing is changed.
    """
    _lock_categories()
    stored = _category(category)
    stored.lp_per_unit_staked = _six_places(points_per_unit, field="points_per_unit", maximum=POINTS_PER_UNIT_MAX)
    check_game_category(stored)
    _write(stored, changed_by=changed_by)
    return stored


@transaction.atomic
def change_unit_value(*, currency: str, money_value: Decimal, changed_by: User, reason: str = "") -> UnitValue:
    """Change what a unit of a currency is worth in money; `reason` is kept with the version.

    Raises EarnRateTooHighError where loyalty points would be worth more than what play brings, and InvalidInputError.
    """
    if currency not in CurrencyType.values:
        raise InvalidInputError(
            f"currency is {currency!r}: one of {', '.join(CurrencyType.values)} is needed", field="currency_type"
        )
    _lock_categories()
    check_unit_value(currency=currency, money_value=money_value)
    say_who_assumes(changed_by, reason=reason or "changed without a reason")
    value, _ = UnitValue.objects.update_or_create(currency_type=currency, defaults={"money_value": money_value})
    log.info("a unit of %s is worth %s, says %s", currency, money_value, changed_by)
    return value


@transaction.atomic
def propose_earn_rate(*, category: str, points_per_unit: Decimal, reason: str, proposed_by: User) -> EarnRateAcceptance:
    """Propose a rate above the house edge for a second person to accept; an open proposal is replaced.

    Raises InvalidInputError, also where the rate passes by itself, and NotFoundError.
    """
    _lock_categories()
    stored = _category(category)
    stored.lp_per_unit_staked = _six_places(points_per_unit, field="points_per_unit", maximum=POINTS_PER_UNIT_MAX)
    rate = rate_of(stored, point=point_value())
    if rate.loss <= 0:
        raise InvalidInputError(
            f"{_plain(rate.points_per_unit)} points per unit staked are worth {_plain(rate.worth)}, the house edge of "
            f"{category} is {_plain(rate.edge)}: this needs no second person, change the rate itself",
            field="points_per_unit",
        )
    checked_reason = _checked_reason(reason)
    _end(category, is_accepted=False)
    return EarnRateAcceptance.objects.create(
        category=stored,
        points_per_unit=rate.points_per_unit,
        worth=_stored_worth(rate),
        edge=rate.edge,
        reason=checked_reason,
        first_by=proposed_by,
        proposed_at=timezone.now(),
    )


@transaction.atomic
def accept_earn_rate(*, acceptance_id: int, accepted_by: User) -> EarnRateAcceptance:
    """Accept a proposed rate as the second person; from now on it holds.

    Raises SecondPersonNeededError to who proposed it, ProposalOutdatedError where it is not open or a figure has
    changed since, and NotFoundError; then nothing is changed.
    """
    _lock_categories()
    proposal = EarnRateAcceptance.objects.select_related("category", "first_by").filter(pk=acceptance_id).first()
    if proposal is None:
        raise NotFoundError(f"there is no proposal {acceptance_id}", acceptance_id=acceptance_id)
    _check_acceptable(proposal, accepted_by=accepted_by)
    _end(proposal.category_id, is_accepted=True)
    proposal.second_by, proposal.accepted_at = accepted_by, timezone.now()
    proposal.save(update_fields=["second_by", "accepted_at"])
    proposal.category.lp_per_unit_staked = proposal.points_per_unit
    _write(proposal.category, changed_by=accepted_by)
    return proposal


def _check_acceptable(proposal: EarnRateAcceptance, *, accepted_by: User) -> None:
    if proposal.state != "OPEN":
        done = "was accepted already" if proposal.state == "IN_FORCE" else "has ended"
        raise ProposalOutdatedError(f"proposal {proposal.pk} {done}; propose the rate again", state=proposal.state)
    if proposal.first_by_id == accepted_by.pk:
        raise SecondPersonNeededError(
            f"{accepted_by} proposed this rate: a second person must accept it", proposed_by=str(proposal.first_by)
        )
    category = proposal.category
    category.lp_per_unit_staked = proposal.points_per_unit
    rate = rate_of(category, point=point_value())
    if (_stored_worth(rate), rate.edge) != (proposal.worth, proposal.edge):
        raise ProposalOutdatedError(
            f"proposed were {_plain(proposal.worth)} per unit staked against an edge of {_plain(proposal.edge)}, now "
            f"it would be {_plain(rate.worth)} against {_plain(rate.edge)}; propose the rate again",
            worth=_plain(rate.worth),
            edge=_plain(rate.edge),
        )


def _category(code: str) -> GameCategory:
    category = GameCategory.objects.filter(code=code).first()
    if category is None:
        raise NotFoundError(f"there is no game category {code!r}", category=code)
    return category


def _six_places(number: Decimal, *, field: str, maximum: Decimal) -> Decimal:
    """Return a number from 0 to the maximum, with six places. Raises InvalidInputError."""
    is_within = number.is_finite() and 0 <= number <= maximum
    if not is_within or number != number.quantize(_SIX_PLACES, context=_EXACT):
        raise InvalidInputError(
            f"{field} is {number}: a decimal from 0 to {maximum} with at most six places is needed", field=field
        )
    return number.quantize(_SIX_PLACES)


def _checked_reason(reason: str) -> str:
    text = reason.strip()
    if not 0 < len(text) <= _REASON_LENGTH_MAX or not is_storable(text):
        raise InvalidInputError(
            f"reason has {len(text)} characters: 1 to {_REASON_LENGTH_MAX} that can be stored are needed",
            field="reason",
        )
    return text


def _stored_worth(rate: EarnRate) -> Decimal:
    """Round up, so that what was accepted covers what it stands for."""
    return rate.worth.quantize(_WORTH_PLACES, rounding=ROUND_UP, context=_EXACT)


def _write(category: GameCategory, *, changed_by: User, reason: str = "") -> None:
    say_who_assumes(changed_by, reason=reason or "changed without a reason")
    category.save()
    if rate_of(category, point=point_value()).loss <= 0:
        _end(category.code, is_accepted=True)
    log.info("a unit staked on %s earns %s points, says %s", category.code, category.lp_per_unit_staked, changed_by)


def _end(category: str, *, is_accepted: bool) -> None:
    standing = EarnRateAcceptance.objects.filter(category=category, ended_at=None)
    standing.filter(accepted_at__isnull=not is_accepted).update(ended_at=timezone.now())
