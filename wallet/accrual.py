"""What stakes earn: a feed's batches raise the points due of the days they were played on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from django.db import DataError, transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows, run_statement
from core.money import parse_amount
from players.earning import LP_MULTIPLIER_SQL
from players.models import GameCategory
from wallet.ledger import lock_players

# The points of a batch are summed exactly and rounded once for each player and day; what rounds to 0 makes no row.
_ACCRUE_SQL = f"""
    INSERT INTO player_days AS d (player_id, "on", lp_due)
    SELECT e.player_id, e.on, e.points FROM (
        SELECT p.player_id, s.on, round(sum(
                   s.staked * c.lp_per_unit_staked * {LP_MULTIPLIER_SQL}
               ), 2) AS points
        FROM unnest(%s::text[], %s::date[], %s::text[], %s::numeric[]) s (player_id, "on", game_category, staked)
        JOIN players p ON p.player_id = s.player_id
        JOIN game_categories c ON c.code = s.game_category
        LEFT JOIN tiers t ON t.tier_level = p.tier
        GROUP BY p.player_id, s.on
    ) e
    WHERE e.points > 0 ORDER BY e.player_id, e.on
    ON CONFLICT (player_id, "on") DO UPDATE SET lp_due = d.lp_due + excluded.lp_due
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What one player staked on games of a category on a business date, in real money."""

    player_id: str
    on: date
    game_category: str
    staked: Decimal


@transaction.atomic
def accrue_points(stakes: Sequence[Stake], *, at: datetime) -> int:
    """Raise the points due by what stakes earn, category by category; return for how many player-days they rose.

    A stake earns its category's rate times the multiplier of the tier the player has now. Every stake must be given
    once: the caller knows which ones are new. No other column of a day is written.

    Raises InvalidInputError for a stake that is not positive, has no business date yet or is too large to count, and
    NotFoundError for an unknown player or category; then nothing is accrued.
    """
    staked = _checked_amounts(stakes, today=timezone.localdate(at, timezone.get_default_timezone()))
    player_ids = [stake.player_id for stake in stakes]
    # Players before their days, as everywhere; held, none of them can disappear.
    lock_players(player_ids)
    _check_known(stakes)
    columns = [player_ids, [stake.on for stake in stakes], [stake.game_category for stake in stakes], staked]
    try:
        with transaction.atomic():
            return run_statement(_ACCRUE_SQL, columns)
    except DataError as error:
        raise InvalidInputError(f"what these stakes earn cannot be stored: {error}", field="stakes") from error


def _checked_amounts(stakes: Sequence[Stake], *, today: date) -> list[Decimal]:
    for number, stake in enumerate(stakes):
        if stake.on > today:
            raise InvalidInputError(
                f"stakes[{number}].on is {stake.on}: a business date up to today, {today}, is needed",
                field=f"stakes[{number}].on",
            )
    return [parse_amount(stake.staked, name=f"stakes[{number}].staked") for number, stake in enumerate(stakes)]


def _check_known(stakes: Sequence[Stake]) -> None:
    categories = set(GameCategory.objects.values_list("code", flat=True))
    player_ids = [stake.player_id for stake in stakes]
    players = {row[0] for row in fetch_rows("SELECT player_id FROM players WHERE player_id = ANY (%s)", [player_ids])}
    for stake in stakes:
        if stake.game_category not in categories:
            raise NotFoundError(
                f"there is no game category {stake.game_category!r}; one of {', '.join(sorted(categories))} is needed",
                game_category=stake.game_category,
            )
        if stake.player_id not in players:
            raise NotFoundError(f"there is no player {stake.player_id!r}", player_id=stake.player_id)
