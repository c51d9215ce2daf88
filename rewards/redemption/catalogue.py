"""What can be ordered now, and for one player: what of it, and why not the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from core.constants import constants_read_once
from core.errors import RefusedError
from core.money import ZERO
from core.policies import saved_policies_read_once
from rewards.models import RedemptionOption
from rewards.redemption.obstacles import cap_room, obstacles, obstacles_of_caps, obstacles_of_payment, standing_of
from rewards.redemption.worth import worth_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """An option as one player sees it; without `reasons` the player can order it now."""

    option: RedemptionOption
    ordered_by_player: int
    is_affordable: bool
    reasons: Sequence[RefusedError]

    @property
    def can_order(self) -> bool:
        return not self.reasons


def options_on_sale(*, at: datetime) -> QuerySet[RedemptionOption]:
    """Return the options that are active and within their dates, by code."""
    return RedemptionOption.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=at),
        Q(valid_until__isnull=True) | Q(valid_until__gt=at),
        is_active=True,
    ).order_by("code")


def offers_for(player_id: str, *, options: Sequence[RedemptionOption], at: datetime) -> list[Offer]:
    """Say of each option whether the player could order it now. Raises NotFoundError for an unknown player."""
    standing = standing_of(player_id, at=at)
    with saved_policies_read_once(), constants_read_once():
        surplus = {option.pk: worth_of(option).surplus_value for option in options}
    room = cap_room(player_id, on=timezone.localdate(at)) if any(surplus.values()) else None
    return [
        Offer(
            option=option,
            ordered_by_player=standing.ordered.get(option.pk, 0),
            is_affordable=standing.spendable.get(option.cost_currency, ZERO) >= option.cost,
            reasons=[
                *obstacles(option, standing, at=at),
                *obstacles_of_caps(option, surplus=surplus[option.pk], room=room),
                *obstacles_of_payment(option, standing),
            ],
        )
        for option in options
    ]
