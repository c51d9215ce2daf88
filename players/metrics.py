"""What follows from a player's totals and daily rows: each measure defined once, computed set-based, stored where it changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from django.db.models import Case, DecimalField, F, IntegerField, Q, Value, When
from django.db.models.expressions import Combinable, RawSQL
from django.db.models.functions import Cast, Now, Round

from core.expressions import IsDistinctFrom, Quotient, run_statement
from core.runs import ALL_KEYS, KeyRange
from players.models import PlayerMetrics
from players.policies import NET_PNL_BASIS

_RATIO = DecimalField(max_digits=18, decimal_places=4)


def net_pnl_expression() -> Combinable:
    """Return the player's own result: won − wagered, or won − deposited where the policy says so."""
    basis = "total_deposited" if NET_PNL_BASIS.value() == "DEPOSITED" else "total_wagered"
    return F("total_won") - F(basis)


def win_loss_ratio_expression() -> Combinable:
    """Return won ÷ wagered to four decimals, 0 where nothing was wagered."""
    return Case(
        When(total_wagered=0, then=Value(0)),
        default=Round(Quotient("total_won", "total_wagered"), precision=4),
        output_field=_RATIO,
    )


def _quotient(numerator: str, denominator: str, *, places: int) -> Combinable:
    """Return a rounded quotient, unknown where the denominator is 0."""
    return Round(Quotient(numerator, denominator), precision=places)


def derived_metrics() -> dict[str, Combinable]:
    """Return the definition of every derived column over the totals of the same row."""
    return {
        "net_pnl": net_pnl_expression(),
        "house_edge_contribution": F("total_wagered") - F("total_won"),
        "win_loss_ratio": win_loss_ratio_expression(),
        "avg_bet_size": _quotient("total_wagered", "total_bets", places=2),
        "avg_session_duration": _quotient("total_playtime_hours", "total_sessions", places=4),
        "bets_per_session": _quotient("total_bets", "total_sessions", places=4),
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


def refresh_volatility(*, keys: KeyRange = ALL_KEYS, active_since: date | None = None) -> int:
    """Recompute volatility where daily rows may have changed: deviation of daily results ÷ mean daily stake.

    With `active_since` only players with a daily row from that date on are looked at. Unknown with fewer than two days.
    """
    in_range, params = keys.condition("player_id")
    since, since_params = ("", []) if active_since is None else (_ACTIVE_SINCE, [active_since])
    return run_statement(_VOLATILITY_SQL.format(in_range=in_range, since=since), [*params, *since_params])


_ACTIVE_SINCE = "HAVING max(d.on) >= %s"
# An aggregate per player joined to an update: the ORM would run it once per row.
_VOLATILITY_SQL = """
    UPDATE player_metrics m SET volatility_score = v.volatility, updated_at = now()
    FROM (
        SELECT d.player_id, round(stddev_samp(d.won - d.wagered) / nullif(avg(d.wagered), 0), 4) AS volatility
        FROM player_days d WHERE {in_range} GROUP BY d.player_id {since}
    ) v
    WHERE m.player_id = v.player_id AND m.volatility_score IS DISTINCT FROM v.volatility
"""


def calculate_financial_metrics(*, player_id: str) -> dict[str, object]:
    """Return the money side of a player's stored metrics (amounts in the operator's currency)."""
    names = [
        "total_deposited",
        "total_withdrawn",
        "total_wagered",
        "total_won",
        "net_pnl",
        "house_edge_contribution",
        "win_loss_ratio",
    ]
    return PlayerMetrics.objects.values(*names).get(player_id=player_id)


def calculate_behavioral_metrics(*, player_id: str) -> dict[str, object]:
    """Return the behaviour side of a player's stored metrics (durations in hours)."""
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
    return PlayerMetrics.objects.values(*names).get(player_id=player_id)


def update_player_metrics(*, player_id: str) -> None:
    """Refresh everything derived for one player: the night's statements with a filter."""
    refresh_metrics(player_ids=[player_id])
    refresh_volatility(keys=KeyRange(lower=player_id, upper=player_id + "\x01"))
