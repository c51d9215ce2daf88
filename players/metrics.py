"""What follows from a player's totals and daily rows.

Each measure is defined once, computed set-based, and stored where it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import cast

from django.db.models import Case, DecimalField, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast, Least, Now, Round
from django.db.models.lookups import LessThanOrEqual

from core.errors import NotFoundError
from core.expressions import IsDistinctFrom, Quotient, run_statement
from core.runs import ALL_KEYS, KeyRange
from players.models import PlayerMetrics
from players.policies import NET_PNL_BASIS


def net_pnl_expression() -> Combinable:
    """Return the player's own result: won − wagered, or won − deposited where the policy says so."""
    basis = "total_deposited" if NET_PNL_BASIS.value() == "DEPOSITED" else "total_wagered"
    return F("total_won") - F(basis)


UNPAIRED = {
    "wagered_without_bets": ("total_wagered", "total_bets"),
    "sessions_without_bets": ("total_sessions", "total_bets"),
    "sessions_without_playtime": ("total_sessions", "total_playtime_hours"),
    "bets_without_sessions": ("total_bets", "total_sessions"),
    "playtime_without_sessions": ("total_playtime_hours", "total_sessions"),
}
"""What is kept of a total for which files did not give the other: an average of the two must leave it out."""


def win_loss_ratio_expression() -> Combinable:
    """Return won ÷ wagered to four decimals, 0 where nothing was wagered."""
    return _quotient(F("total_won"), F("total_wagered"), column="win_loss_ratio", without=Value(0))


def _average(total: str, count: str, *, column: str) -> Combinable:
    """Return total ÷ count over what is known of both."""
    return _quotient(_paired(total, count), _paired(count, total), column=column)


def _paired(total: str, other: str) -> Combinable:
    left_out = next((name for name, pair in UNPAIRED.items() if pair == (total, other)), None)
    return F(total) if left_out is None else F(total) - F(left_out)


def _quotient(
    numerator: Combinable, denominator: Combinable, *, column: str, without: Combinable | None = None
) -> Combinable:
    """Return a quotient rounded for its column, at most what fits there; without a denominator `without`: unknown."""
    stored = cast("DecimalField[Decimal, Decimal]", PlayerMetrics._meta.get_field(column))
    # One absurd quotient must not end the statement that computes everybody's.
    largest = (Decimal(10) ** stored.max_digits - 1).scaleb(-stored.decimal_places)
    return Case(
        When(LessThanOrEqual(denominator, Value(0)), then=without),
        default=Least(Round(Quotient(numerator, denominator), precision=stored.decimal_places), Value(largest)),
        output_field=stored,
    )


def derived_metrics() -> dict[str, Combinable]:
    """Return the definition of every derived column over the totals of the same row."""
    return {
        "net_pnl": net_pnl_expression(),
        "house_edge_contribution": F("total_wagered") - F("total_won"),
        "win_loss_ratio": win_loss_ratio_expression(),
        "avg_bet_size": _average("total_wagered", "total_bets", column="avg_bet_size"),
        "avg_session_duration": _average("total_playtime_hours", "total_sessions", column="avg_session_duration"),
        "bets_per_session": _average("total_bets", "total_sessions", column="bets_per_session"),
        "game_diversity": _game_diversity(),
    }


def _game_diversity() -> Combinable:
    counted = RawSQL("(SELECT count(*) FROM jsonb_object_keys(player_metrics.games_played))", [])
    return Case(When(games_played={}, then=None), default=Cast(counted, IntegerField()), output_field=IntegerField())


def refresh_metrics(*, keys: KeyRange = ALL_KEYS, player_ids: Sequence[str] | None = None) -> int:
    """Derive the metrics of the players in the range, or of those named; return how many rows changed."""
    scope = Q(**keys.filters("player_id"))
    if player_ids is not None:
        scope &= Q(player_id__in=player_ids)
    definitions = derived_metrics()
    differs = Q()
    for name, definition in definitions.items():
        differs |= Q(IsDistinctFrom(F(name), definition))
    return PlayerMetrics.objects.filter(scope).filter(differs).update(**definitions, updated_at=Now())


def refresh_volatility(
    *, keys: KeyRange = ALL_KEYS, active_since: date | None = None, written_since: date | None = None
) -> int:
    """Recompute volatility where daily rows may have changed: deviation of daily results ÷ mean daily stake.

    Of the days with a stake or a payout: a day with a deposit alone has no result. With `active_since` only players
    with a daily row from that date on are looked at, with `written_since` also those whose totals were written since:
    an event that comes late changes an older day. Unknown with fewer than two days.
    """
    in_range, params = keys.condition("player_id")
    active, active_params = "", []
    if active_since is not None:
        active, active_params = _ACTIVE_SINCE.format(in_range=in_range), [*params, active_since, *params, written_since]
    return run_statement(
        _VOLATILITY_SQL.format(in_range=in_range, active=active, played=PLAYED_SQL), [*params, *active_params]
    )


_ACTIVE_SINCE = """AND d.player_id IN (
            SELECT player_id FROM player_days WHERE {in_range} AND "on" >= %s
            UNION SELECT player_id FROM player_metrics WHERE {in_range} AND updated_at >= %s::date
        )"""
PLAYED_SQL = "d.wagered <> 0 OR d.won <> 0"
"""A condition on a daily row `d`: it has a result."""
# An aggregate per player joined to an update: the ORM would run it once per row.
_VOLATILITY_SQL = """
    UPDATE player_metrics m SET volatility_score = v.volatility, updated_at = now()
    FROM (
        SELECT d.player_id, CASE WHEN count(*) FILTER (WHERE {played}) > 1 AND sum(d.wagered) > 0
                   THEN least(round(stddev_samp(d.won - d.wagered) FILTER (WHERE {played})
                                    / avg(d.wagered) FILTER (WHERE {played}), 4), 99999999999999.9999)
               END AS volatility
        FROM player_days d WHERE {in_range} {active} GROUP BY d.player_id
    ) v
    WHERE m.player_id = v.player_id AND m.volatility_score IS DISTINCT FROM v.volatility
"""


def calculate_financial_metrics(*, player_id: str) -> dict[str, object]:
    """Return the money side of a player's stored metrics (amounts in the operator's currency). Raises NotFoundError."""
    names = [
        "total_deposited",
        "total_withdrawn",
        "total_wagered",
        "total_won",
        "net_pnl",
        "house_edge_contribution",
        "win_loss_ratio",
    ]
    return _stored_metrics(player_id, names)


def calculate_behavioral_metrics(*, player_id: str) -> dict[str, object]:
    """Return the behaviour side of a player's stored metrics (durations in hours). Raises NotFoundError."""
    names = [
        "total_sessions",
        "total_bets",
        "total_playtime_hours",
        "avg_bet_size",
        "avg_session_duration",
        "bets_per_session",
        "game_diversity",
        "games_played",
        "volatility_score",
    ]
    return _stored_metrics(player_id, names)


def _stored_metrics(player_id: str, names: Sequence[str]) -> dict[str, object]:
    stored = PlayerMetrics.objects.filter(player_id=player_id).values(*names).first()
    if stored is None:
        raise NotFoundError(f"there is no player {player_id!r} with metrics", player_id=player_id)
    return dict(stored)


def update_player_metrics(*, player_id: str) -> None:
    """Refresh everything derived for one player: the night's statements with a filter. Raises NotFoundError."""
    _stored_metrics(player_id, ["player_id"])
    refresh_metrics(player_ids=[player_id])
    refresh_volatility(keys=KeyRange.holding(player_id))
