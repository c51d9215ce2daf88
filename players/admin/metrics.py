"""Players' totals and what follows from them."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeNumericFilter

from core.admin.base import HugeReadOnlyAdmin
from core.admin.columns import number
from players.admin.shared import PLAYER_SEARCH_HELP, PlayerFilter, player_link
from players.models import PlayerMetrics


@admin.register(PlayerMetrics)
class PlayerMetricsAdmin(HugeReadOnlyAdmin):
    list_display = (
        "player_link",
        "deposited",
        "wagered",
        "won",
        "result",
        "ggr",
        "win_loss_ratio",
        "total_sessions",
        "total_bets",
        "bonus_abuse_score",
        "totals_as_of",
    )
    list_display_links = ("totals_as_of",)
    list_filter = (PlayerFilter, ("bonus_abuse_score", RangeNumericFilter))
    search_fields = ("player__player_id__exact",)
    search_help_text = PLAYER_SEARCH_HELP
    fieldsets = (
        (None, {"fields": ("player",)}),
        (
            "Totals",
            {
                "fields": (
                    ("total_deposited", "total_withdrawn"),
                    ("total_wagered", "total_won"),
                    ("total_sessions", "total_bets", "total_playtime_hours"),
                    ("first_deposit_at", "last_deposit_at", "last_wager_at"),
                    ("totals_as_of", "days_from", "opening_lp"),
                    "games_played",
                    "games_wagered",
                )
            },
        ),
        (
            "From files without the counterpart, left out of averages",
            {
                "fields": (
                    ("wagered_without_bets", "sessions_without_bets", "bets_without_sessions"),
                    ("sessions_without_playtime", "playtime_without_sessions"),
                )
            },
        ),
        (
            "What follows from them",
            {
                "fields": (
                    ("net_pnl", "house_edge_contribution", "win_loss_ratio"),
                    ("avg_bet_size", "avg_session_duration", "bets_per_session"),
                    ("game_diversity", "volatility_score", "bonus_abuse_score"),
                )
            },
        ),
    )

    player_link = player_link
    deposited = number("total_deposited", description="deposited")
    wagered = number("total_wagered", description="turnover")
    won = number("total_won", description="won")
    result = number("net_pnl", description="player's result")
    ggr = number("house_edge_contribution", description="GGR")
