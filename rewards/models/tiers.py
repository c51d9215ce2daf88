from __future__ import annotations

from django.db import models

from players.models import Player


class PointsEarnedDay(models.Model):
    """What a player had ever earned when the night of a business date ranked them; a row only where that changed.

    What was earned since a date is what is earned now less the last row up to it.
    """

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    on = models.DateField()
    lp_earned = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        db_table = "points_earned_days"
        ordering = ["-on", "player"]
        constraints = [models.UniqueConstraint(fields=["player", "on"], name="points_earned_day_unique")]

    def __str__(self) -> str:
        return f"{self.lp_earned} LP earned by {self.player_id} up to {self.on}"
