from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models.functions import Now

from players.models.player import Player


def _amount(help_text: str = "") -> models.DecimalField[Any, Decimal]:
    return models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00"), help_text=help_text
    )


class PlayerMetrics(models.Model):
    """A player's lifetime totals and what follows from them.

    The totals are written by the import and by the activity feed; everything below "derived" only by `players.metrics`.
    """

    player = models.OneToOneField(Player, on_delete=models.CASCADE, related_name="metrics")
    total_deposited = _amount()
    total_withdrawn = _amount()
    total_wagered = _amount("Turnover: the sum of all real stakes.")
    total_won = _amount("The sum of all payouts on real stakes.")
    total_sessions = models.PositiveIntegerField(default=0, db_default=0)
    total_bets = models.PositiveIntegerField(default=0, db_default=0)
    total_playtime_hours = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    games_played = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Bets by game category, where known."
    )
    games_wagered = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Stakes by game category, as far as play was reported."
    )
    first_deposit_at = models.DateTimeField(null=True, blank=True)
    last_deposit_at = models.DateTimeField(null=True, blank=True)
    last_wager_at = models.DateTimeField(null=True, blank=True)
    totals_as_of = models.DateField(
        null=True, blank=True, help_text="The business date of the last file that gave totals."
    )
    days_from = models.DateField(
        null=True,
        blank=True,
        help_text="First business date covered by daily rows; a window that starts earlier is unknown.",
    )
    opening_lp = _amount("Points carried over from an earlier programme; the night credits them once.")
    opening_lp_settled_at = models.DateTimeField(
        null=True, blank=True, help_text="When the carried-over points were credited or refused."
    )
    # What files gave without its counterpart; averages leave it out. Empty where nothing but the feed counted.
    wagered_without_bets = _amount("Turnover of files that give no number of bets.")
    sessions_without_bets = models.PositiveIntegerField(default=0, db_default=0)
    sessions_without_playtime = models.PositiveIntegerField(default=0, db_default=0)
    bets_without_sessions = models.PositiveIntegerField(default=0, db_default=0)
    playtime_without_sessions = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00"), help_text="Hours."
    )
    # Derived; see players.metrics for the definitions.
    net_pnl = _amount("The player's own result: won − wagered.")
    house_edge_contribution = _amount("GGR: wagered − won.")
    win_loss_ratio = models.DecimalField(
        max_digits=18, decimal_places=4, default=Decimal("0.0000"), db_default=Decimal("0.0000")
    )
    avg_bet_size = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    avg_session_duration = models.DecimalField(
        max_digits=10, decimal_places=4, null=True, blank=True, help_text="Hours."
    )
    bets_per_session = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    game_diversity = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Number of game categories played, unknown where the feed names none."
    )
    volatility_score = models.DecimalField(
        max_digits=18,
        decimal_places=4,
        null=True,
        blank=True,
        help_text="Deviation of daily results ÷ mean daily stake.",
    )
    bonus_abuse_score = models.PositiveSmallIntegerField(default=0, db_default=0)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "player_metrics"
        verbose_name_plural = "player metrics"
        indexes = [
            models.Index(
                fields=["player"],
                condition=models.Q(opening_lp__gt=0, opening_lp_settled_at__isnull=True),
                name="idx_metrics_opening_lp_open",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    total_deposited__gte=0,
                    total_withdrawn__gte=0,
                    total_wagered__gte=0,
                    total_won__gte=0,
                    total_playtime_hours__gte=0,
                    opening_lp__gte=0,
                ),
                name="player_metrics_totals_not_negative",
            ),
            models.CheckConstraint(
                condition=models.Q(bonus_abuse_score__lte=100), name="player_metrics_abuse_score_at_most_100"
            ),
        ]

    def __str__(self) -> str:
        return f"metrics of {self.player_id}"
