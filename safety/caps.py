"""Reward caps per player and day, week and month, in money value."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from django.db.models import DecimalField, F, Sum, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least

from core.errors import NotFoundError
from players.models import Player
from safety import policies
from safety.models import CashGrant
from wallet.models import Lot

_MONEY = DecimalField(max_digits=18, decimal_places=2)


def window_starts(on: date) -> dict[str, date]:
    """Return the first business date of the cap windows that hold `on`: the day, its ISO week, its calendar month."""
    return {"day": on, "week": on - timedelta(days=on.weekday()), "month": on.replace(day=1)}


def cap_room_expression() -> Combinable:
    """Return the money value a player may still be granted by the `granted_value_*` of the facts; below 0 where over.

    What a run grants before it posts is not in the facts and is taken off by whoever grants it.
    """
    rooms = [
        Value(cap.value(), output_field=_MONEY)
        - Coalesce(F(f"granted_value_{window}"), Value(Decimal(0)), output_field=_MONEY)
        for window, cap in CAPS.items()
    ]
    return Least(*rooms, output_field=_MONEY)


CAPS = {
    "day": policies.MAX_DAILY_REWARD_PER_PLAYER,
    "week": policies.MAX_WEEKLY_REWARD_PER_PLAYER,
    "month": policies.MAX_MONTHLY_REWARD_PER_PLAYER,
}


def granted_value(*, player_id: str, since: date, until: date) -> Decimal:
    """Return the money value granted to a player on the business dates from `since` to `until`, both inclusive."""
    own = {"player_id": player_id, "granted_on__gte": since, "granted_on__lte": until}
    lots = Lot.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    cash = CashGrant.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    return (lots or Decimal(0)) + (cash or Decimal(0))


def check_reward_caps(*, player_id: str, on: date) -> Decimal:
    """Return the money value that may still be granted to the player on a business date, under all three caps.

    Raises NotFoundError.
    """
    if not Player.objects.filter(player_id=player_id).exists():
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    starts = window_starts(on)
    rooms = [
        cap.value() - granted_value(player_id=player_id, since=starts[window], until=on) for window, cap in CAPS.items()
    ]
    return max(min(rooms), Decimal(0))
