"""What the rules ask about one player, fetched with the ORM: one query for all windows, the rest is on the rows."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from django.db.models import Avg, Count, F, Q, StdDev, Sum

from players.models import Player, PlayerDay, PlayerMetrics
from rewards.fields import MEASURE_DAILY_COLUMNS, SINCE_LAST_REWARD, WINDOWS
from wallet.models import LoyaltyBalance

Facts = dict[str, Any]
_CENT = Decimal("0.01")


def fetch_daily_figures(*, player_id: str, on: date) -> Facts:
    """Return the sums of all three windows and what volatility needs, in one query."""
    figures: Facts = {"deviation": StdDev(F("won") - F("wagered"), sample=True), "mean_stake": Avg("wagered")}
    for days in WINDOWS:
        within = Q(on__gt=on - timedelta(days=days))
        figures[f"active_days_{days}d"] = Count("id", filter=within)
        for total, daily in MEASURE_DAILY_COLUMNS.items():
            figures[f"{total}_{days}d"] = Sum(daily, filter=within, default=0)
    return PlayerDay.objects.filter(player_id=player_id, on__lte=on).aggregate(**figures)


def facts_of(*, player: Player, balance: LoyaltyBalance, daily: Facts, benefits: dict[str, Any], on: date) -> Facts:
    """Return every field of the registry for a player whose row came with its metrics."""
    metrics = player.metrics
    facts = {
        **_profile_facts(player, on=on),
        **_balance_facts(balance),
        "days_since_last_deposit": _days_before(on, metrics.last_deposit_at),
        "bonus_abuse_score": metrics.bonus_abuse_score,
        "game_diversity": metrics.game_diversity,
        "volatility_score": metrics.volatility_score,
        "cashback_multiplier": Decimal(str(benefits.get("cashback_multiplier", 1))),
        "lp_multiplier": Decimal(str(benefits.get("lp_multiplier", 1))),
        "free_plays": Decimal(str(benefits.get("free_plays", 0))),
        "tournament_tickets": Decimal(str(benefits.get("tournament_tickets", 0))),
    }
    totals = {total: getattr(metrics, total) for total in MEASURE_DAILY_COLUMNS}
    facts.update(totals | results_of(totals))
    for days in WINDOWS:
        facts.update(_window_facts(metrics, daily=daily, days=days, on=on))
    return facts


def facts_since_last_reward(facts: Facts, stored: Facts | None) -> Facts:
    """Return the totals and results since a rule's last given reward, whose decision stored the totals then."""
    earlier = stored or {}
    totals = {total: facts[total] - Decimal(str(earlier.get(total) or 0)) for total in MEASURE_DAILY_COLUMNS}
    return {name + SINCE_LAST_REWARD: value for name, value in (totals | results_of(totals)).items()}


def results_of(totals: Facts) -> Facts:
    """Return what follows from the totals of one period, unknown where they are or a divisor is 0."""
    won, wagered = totals["total_won"], totals["total_wagered"]
    is_known = won is not None and wagered is not None
    return {
        "net_pnl": won - wagered if is_known else None,
        "net_loss": max(wagered - won, Decimal(0)) if is_known else None,
        "house_edge_contribution": wagered - won if is_known else None,
        "win_loss_ratio": _quotient(won, wagered, default=Decimal(0)),
        "avg_bet_size": _quotient(wagered, totals["total_bets"]),
        "avg_session_duration": _quotient(totals["total_playtime_hours"], totals["total_sessions"]),
        "bets_per_session": _quotient(totals["total_bets"], totals["total_sessions"]),
    }


def refresh_metrics(metrics: PlayerMetrics, *, daily: Facts) -> None:
    """Store what follows from a player's totals and days."""
    results = results_of({total: getattr(metrics, total) for total in MEASURE_DAILY_COLUMNS})
    metrics.net_pnl = results["net_pnl"]
    metrics.house_edge_contribution = results["house_edge_contribution"]
    metrics.win_loss_ratio = results["win_loss_ratio"].quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    metrics.avg_bet_size = _rounded(results["avg_bet_size"], places=2)
    metrics.avg_session_duration = _rounded(results["avg_session_duration"], places=4)
    metrics.bets_per_session = _rounded(results["bets_per_session"], places=4)
    metrics.game_diversity = len(metrics.games_played) or None
    deviation = daily["deviation"]
    volatility = None if deviation is None else _quotient(Decimal(str(deviation)), daily["mean_stake"])
    metrics.volatility_score = _rounded(volatility, places=4)


def _profile_facts(player: Player, *, on: date) -> Facts:
    names = ("segment", "tier", "country", "language", "gender", "age", "tags", "profile_depth", "risk_score")
    return {
        **{name: getattr(player, name) for name in names},
        "kyc_completed": player.kyc_completed_at is not None,
        "days_since_last_activity": _days_before(on, player.last_activity_at),
        "days_since_registration": None if player.registered_on is None else (on - player.registered_on).days,
    }


def _balance_facts(balance: LoyaltyBalance) -> Facts:
    names = ("lp_balance", "rp_balance", "bonus_balance", "tickets_balance", "lp_earned")
    return {name: getattr(balance, name) for name in names}


def _window_facts(metrics: PlayerMetrics, *, daily: Facts, days: int, on: date) -> Facts:
    is_covered = metrics.days_from is not None and metrics.days_from <= on - timedelta(days=days - 1)
    totals = {total: daily[f"{total}_{days}d"] if is_covered else None for total in MEASURE_DAILY_COLUMNS}
    facts = {f"{name}_{days}d": value for name, value in (totals | results_of(totals)).items()}
    return facts | {f"active_days_{days}d": daily[f"active_days_{days}d"] if is_covered else None}


def _days_before(on: date, moment: Any) -> int | None:
    return None if moment is None else (on - moment.date()).days


def _quotient(numerator: Any, denominator: Any, *, default: Decimal | None = None) -> Decimal | None:
    if numerator is None or denominator is None:
        return None
    return Decimal(numerator) / Decimal(denominator) if denominator else default


def _rounded(value: Decimal | None, *, places: int) -> Decimal | None:
    return (
        None if value is None else value.quantize(_CENT if places == 2 else Decimal("0.0001"), rounding=ROUND_HALF_UP)
    )
