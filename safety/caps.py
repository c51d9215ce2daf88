"""Reward caps per player and day, week and month, in money value: those for everybody, and tighter ones of groups.

What all players of a group share is in `safety.pools`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, DecimalField, F, Q, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import compile_expression, fetch_rows
from players.models import Player
from safety import policies
from safety.costs import CURRENCIES
from safety.models import CapKind, CashGrant, RewardCap, RewardQuestion
from wallet.models import Lot

_MONEY = DecimalField(max_digits=18, decimal_places=2)
CAPS = {
    "day": policies.MAX_DAILY_REWARD_PER_PLAYER,
    "week": policies.MAX_WEEKLY_REWARD_PER_PLAYER,
    "month": policies.MAX_MONTHLY_REWARD_PER_PLAYER,
}
REWARD_TYPES = (*CURRENCIES, "VIP_PERKS")


def window_starts(on: date) -> dict[str, date]:
    """Return the first business date of the cap windows that hold `on`: the day, its ISO week, its calendar month."""
    return {"day": on, "week": on - timedelta(days=on.weekday()), "month": on.replace(day=1)}


def cap_limit_expressions() -> dict[str, Combinable]:
    """Return by window the most a player may be granted, from their `segment` and `tier`: the tightest that holds."""
    groups = _group_caps()
    return {
        window: Least(Value(cap.value(), output_field=_MONEY), *groups.get(window, []), output_field=_MONEY)
        if groups.get(window)
        else Value(cap.value(), output_field=_MONEY)
        for window, cap in CAPS.items()
    }


def _group_caps() -> dict[str, list[Combinable]]:
    """Return by window the caps of segments and of tiers, unknown for players who are in none of them."""
    whens: dict[tuple[str, str], list[When]] = defaultdict(list)
    for cap in RewardCap.objects.filter(kind=CapKind.PER_PLAYER, is_active=True):
        group, key = ("segment", cap.segment) if cap.segment else ("tier", cap.tier)
        when = When(**{group: key}, then=Value(cap.value, output_field=_MONEY))
        whens[cap.window.lower(), group].append(when)
    found: dict[str, list[Combinable]] = defaultdict(list)
    for (window, _), branches in sorted(whens.items()):
        found[window].append(Case(*branches, default=None, output_field=_MONEY))
    return found


def _rooms() -> dict[str, Combinable]:
    return {
        window: limit - Coalesce(F(f"granted_value_{window}"), Value(Decimal(0)), output_field=_MONEY)
        for window, limit in cap_limit_expressions().items()
    }


def cap_room_expression() -> Combinable:
    """Return the money value a player may still be granted by the `granted_value_*` of the facts; below 0 where over.

    What a run grants before it posts is not in the facts and is taken off by whoever grants it.
    """
    return Least(*_rooms().values(), output_field=_MONEY)


def cap_name_expression() -> Combinable:
    """Return which cap leaves the least, from the column `cap_room`: its window, and the group it is that of."""
    rooms = _rooms()
    return Case(
        *(When(Q(LessThanOrEqual(room, F("cap_room"))), then=_cap_name(window)) for window, room in rooms.items()),
        default=Value(""),
        output_field=CharField(),
    )


def _cap_name(window: str) -> Combinable:
    """Name the window, and the segment or tier where its cap is the one that holds."""
    limit = cap_limit_expressions()[window]
    whens: list[When] = []
    caps: Iterable[RewardCap] = RewardCap.objects.filter(
        kind=CapKind.PER_PLAYER, is_active=True, window=window.upper()
    ).order_by("value")
    for cap in caps:
        group, key = ("segment", cap.segment) if cap.segment else ("tier", cap.tier)
        is_it = Q(**{group: key}) & Q(LessThanOrEqual(Value(cap.value, output_field=_MONEY), limit))
        whens.append(When(is_it, then=Value(f"{window} of {group} {key}")))
    if not whens:
        return Value(window)
    return Case(*whens, default=Value(window), output_field=CharField())


def granted_value(*, player_id: str, since: date, until: date) -> Decimal:
    """Return the money value granted to a player on the business dates from `since` to `until`, both inclusive."""
    own = {"player_id": player_id, "granted_on__gte": since, "granted_on__lte": until}
    lots = Lot.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    cash = CashGrant.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    return (lots or Decimal(0)) + (cash or Decimal(0))


def check_reward_caps(*, player_id: str, reward_type: str | None = None, on: date | None = None) -> Decimal:
    """Return the money value that may still be granted to the player on a business date, under all caps of a player.

    Every type of reward counts towards the same caps by what it is worth; naming one only has it checked. Raises
    NotFoundError for a player and InvalidInputError for a type nobody knows.
    """
    if reward_type is not None and reward_type not in REWARD_TYPES:
        raise InvalidInputError(
            f"reward_type is {reward_type!r}: one of {', '.join(REWARD_TYPES)} is needed", field="reward_type"
        )
    day = on or timezone.localdate()
    player = Player.objects.filter(player_id=player_id).values("segment", "tier").first()
    if player is None:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    granted = {
        f"granted_value_{window}": granted_value(player_id=player_id, since=start, until=day)
        for window, start in window_starts(day).items()
    }
    sql, params = compile_expression(cap_room_expression(), model=RewardQuestion)
    sums = ", ".join(f"%s::numeric AS {name}" for name in granted)
    row = fetch_rows(
        f"SELECT {sql} FROM (SELECT %s::text AS segment, %s::text AS tier, {sums}) question",
        [*params, player["segment"], player["tier"], *granted.values()],
    )[0]
    return max(row[0], Decimal(0))
