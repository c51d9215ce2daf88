"""Set a cap of a group: with a reason, kept in its history; a pool that begins knows what was granted before."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from players.models import PlayerSegment, Tier
from safety.assumptions import checked_reason
from safety.caps import window_starts
from safety.models import CapKind, CapWindow, RewardCap, RewardCapChange
from safety.pools import active_pools, lock_pools, recount_pools

if TYPE_CHECKING:
    from django.contrib.auth.models import User

VALUE_MAX = Decimal("9999999999999999.99")


@transaction.atomic
def save_cap(
    *,
    kind: str,
    window: str,
    value: Decimal,
    reason: str,
    changed_by: User | None,
    segment: str = "",
    tier: str = "",
    is_active: bool = True,
) -> RewardCap:
    """Set the cap of a group and window, adding it where there is none; return it.

    Raises InvalidInputError for what can be no cap, NotFoundError for a tier that does not exist; nothing is changed
    then.
    """
    check_cap(kind=kind, window=window, value=value, segment=segment, tier=tier)
    words = checked_reason(reason)
    lock_pools()
    place: dict[str, Any] = {"kind": kind, "segment": segment, "tier": tier, "window": window}
    before = RewardCap.objects.select_for_update().filter(**place).first()
    was_counted = any((pool.segment, pool.tier) == (segment, tier) for pool in active_pools())
    cap, _ = RewardCap.objects.update_or_create(**place, defaults={"value": value, "is_active": is_active})
    RewardCapChange.objects.create(
        cap=cap,
        value_before=before.value if before else None,
        value_after=value,
        was_active=before.is_active if before else None,
        is_active=is_active,
        reason=words,
        changed_by=changed_by,
    )
    if kind == CapKind.POOL and is_active and not was_counted:
        new = [pool for pool in active_pools() if (pool.segment, pool.tier) == (segment, tier)]
        recount_pools(new, since=min(window_starts(timezone.localdate()).values()))
    return cap


def check_cap(*, kind: str, window: str, value: Decimal, segment: str, tier: str) -> None:
    """Raise InvalidInputError for what can be no cap, NotFoundError for a tier that does not exist."""
    for field, given, known in (("kind", kind, CapKind.values), ("window", window, CapWindow.values)):
        if given not in known:
            raise InvalidInputError(f"{field} is {given!r}: one of {', '.join(known)} is needed", field=field)
    if not value.is_finite() or not 0 <= value <= VALUE_MAX or value != value.quantize(Decimal("0.01")):
        raise InvalidInputError(f"value is {value}: money of 0 or more with two decimals is needed", field="value")
    if segment and segment not in PlayerSegment.values:
        raise InvalidInputError(
            f"segment is {segment!r}: one of {', '.join(PlayerSegment.values)} is needed", field="segment"
        )
    if tier and not Tier.objects.filter(tier_level=tier).exists():
        raise NotFoundError(f"there is no tier {tier!r}", tier=tier, field="tier")
    if segment and tier:
        raise InvalidInputError(
            "segment and tier are both given: a cap holds for one group, set two caps and the tighter counts",
            field="tier",
        )
    if kind == CapKind.PER_PLAYER and not (segment or tier):
        raise InvalidInputError(
            "a cap per player needs a segment or a tier; for everybody there are the policies MAX_*_REWARD_PER_PLAYER",
            field="segment",
        )
