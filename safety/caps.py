"""Reward caps per player and day, week and month, in money value: those for everybody, and tighter ones of groups.

What all players of a group share is in `safety.pools`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import date, timedelta
from decimal import Decimal

from django.db.models import Case, CharField, DecimalField, F, Q, Sum, Value, When
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Least
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from core.constants import constant, constants_read_once
from core.errors import InvalidInputError, NotFoundError
from core.expressions import Sql, compile_expression, written_out
from core.plans import fetch_planned, plans_kept_to_read
from core.policies import saved_policies_read_once
from safety import policies
from safety.costs import CURRENCIES
from safety.granted import granted_sql
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


def window_ends(on: date) -> dict[str, date]:
    """Return the last business date of the cap windows that hold `on`."""
    starts = window_starts(on)
    next_month = (starts["month"] + timedelta(days=31)).replace(day=1)
    return {"day": on, "week": starts["week"] + timedelta(days=6), "month": next_month - timedelta(days=1)}


def granted_by_window_sql(on: date, *, alias: str, prefix: str = "granted_value_") -> str:
    """Return the columns that add up grants by cap window, each named by `prefix` and its window.

    A window counts whole, later dates of it too: the night of a date grants after the live rewards of the next morning,
    and a date may be run long after others.
    """
    ends = window_ends(on)
    return ", ".join(
        f"sum({alias}.promotional_value) FILTER (WHERE {alias}.granted_on BETWEEN DATE '{start}' "
        f"AND DATE '{ends[window]}') AS {prefix}{window}"
        for window, start in window_starts(on).items()
    )


def cap_limit_expressions() -> dict[str, tuple[Combinable, Combinable]]:
    """Return by window the most a player may be granted, from their `segment` and `tier`, and the name of that cap.

    Of several that hold it is the tightest.
    """
    group_caps = _group_caps()
    return {
        window: (limit, _cap_name(window, limit=limit, group_caps=group_caps))
        for window, limit in _limits(group_caps).items()
    }


@constant("safety_caps")
def _group_caps() -> list[RewardCap]:
    """Return the caps per player of segments and tiers, the tightest first."""
    return list(RewardCap.objects.filter(kind=CapKind.PER_PLAYER, is_active=True).order_by("value", "id"))


def _limits(group_caps: Sequence[RewardCap]) -> dict[str, Combinable]:
    found: dict[str, Combinable] = {}
    for window, cap in CAPS.items():
        limits: list[Combinable] = [Value(cap.value(), output_field=_MONEY)]
        for group in ("segment", "tier"):
            # Unknown for players who are in none of the groups, and then left out by Least.
            whens = [
                When(_holds(one), then=Value(one.value, output_field=_MONEY))
                for one in group_caps
                if one.window.lower() == window and getattr(one, group)
            ]
            limits += [Case(*whens, default=None, output_field=_MONEY)] if whens else []
        found[window] = Least(*limits, output_field=_MONEY) if len(limits) > 1 else limits[0]
    return found


def _holds(cap: RewardCap) -> Q:
    return Q(segment=cap.segment) if cap.segment else Q(tier=cap.tier)


def _rooms(limits: dict[str, Combinable]) -> dict[str, Combinable]:
    nothing = Value(Decimal(0), output_field=_MONEY)
    return {
        window: limit - Coalesce(F(f"granted_value_{window}"), nothing, output_field=_MONEY)
        for window, limit in limits.items()
    }


def cap_room_expression() -> Combinable:
    """Return the money value a player may still be granted by the `granted_value_*` of the facts; below 0 where over.

    What a run grants before it posts is not in the facts and is taken off by whoever grants it.
    """
    return cap_expressions()[0]


def cap_expressions() -> tuple[Combinable, Combinable]:
    """Return the room that caps leave a player, and, from the column `cap_room`, which of them leaves it.

    A cap is named by its window, and the group where it is that of one.
    """
    group_caps = _group_caps()
    limits = _limits(group_caps)
    return Least(*_rooms(limits).values(), output_field=_MONEY), _cap_names(limits, group_caps=group_caps)


def _cap_names(limits: dict[str, Combinable], *, group_caps: Sequence[RewardCap]) -> Combinable:
    names = {window: _cap_name(window, limit=limit, group_caps=group_caps) for window, limit in limits.items()}
    whens = [
        When(Q(LessThanOrEqual(room, F("cap_room"))), then=names[window]) for window, room in _rooms(limits).items()
    ]
    return Case(*whens, default=Value(""), output_field=CharField())


def _cap_name(window: str, *, limit: Combinable, group_caps: Sequence[RewardCap]) -> Combinable:
    """Name the window, and the segment or tier where its cap is the one that holds."""
    whens = []
    for cap in group_caps:
        if cap.window.lower() == window:
            is_tightest = Q(LessThanOrEqual(Value(cap.value, output_field=_MONEY), limit))
            group = f"segment {cap.segment}" if cap.segment else f"tier {cap.tier}"
            whens.append(When(_holds(cap) & is_tightest, then=Value(f"{window} of {group}")))
    return Case(*whens, default=Value(window), output_field=CharField()) if whens else Value(window)


def granted_value(*, player_id: str, since: date, until: date) -> Decimal:
    """Return the money value granted to a player on the business dates from `since` to `until`, both inclusive."""
    own = {"player_id": player_id, "granted_on__gte": since, "granted_on__lte": until}
    lots = Lot.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    cash = CashGrant.objects.filter(**own).aggregate(total=Sum("promotional_value"))["total"]
    return (lots or Decimal(0)) + (cash or Decimal(0))


def check_reward_caps(*, player_id: str, reward_type: str | None = None, on: date | None = None) -> Decimal:
    """Return the money value that may still be granted to the player on a business date, under all caps of a player.

    A window counts whole, so grants of its later dates too. Every type of reward counts towards the same caps by what
    it is worth; naming one only has it checked. Raises NotFoundError for a player and InvalidInputError for a type
    nobody knows.
    """
    if reward_type is not None and reward_type not in REWARD_TYPES:
        raise InvalidInputError(
            f"reward_type is {reward_type!r}: one of {', '.join(REWARD_TYPES)} is needed", field="reward_type"
        )
    day = on or timezone.localdate()
    with plans_of_today(day), saved_policies_read_once(), constants_read_once():
        rows = fetch_planned(*_room_sql(day, player_id=player_id))
    if not rows:
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
    return max(Decimal(rows[0][0]), Decimal(0))


def _room_sql(on: date, *, player_id: str) -> Sql:
    since, until = min(window_starts(on).values()), max(window_ends(on).values())
    room, room_params = compile_expression(cap_room_expression(), model=RewardQuestion)
    sql = f"""
        SELECT {written_out(room, room_params)} FROM (
            SELECT p.segment, p.tier, g.* FROM players p CROSS JOIN LATERAL (
                SELECT {granted_by_window_sql(on, alias="l")} FROM {granted_sql(since=since)} l
                WHERE l.player_id = p.player_id AND l.granted_on BETWEEN DATE '{since}' AND DATE '{until}'
            ) g
            WHERE p.player_id = %s
        ) question
    """
    return sql, [player_id]


@contextmanager
def plans_of_today(day: date) -> Iterator[None]:
    """Keep the plans of what is asked about today: their text names its date, and no other is asked about as often."""
    with plans_kept_to_read(keys=1) if day == timezone.localdate() else nullcontext():
        yield
