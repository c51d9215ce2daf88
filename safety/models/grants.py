from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from players.models import Player


class CashGrant(models.Model):
    """Money promised as cash, outside of the wallet: it counts for caps and profitability as lots do."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="cash_grants", db_index=False)
    granted_on = models.DateField(help_text="Business date of the grant.")
    promotional_value = models.DecimalField(max_digits=18, decimal_places=2, help_text="What counts towards the caps.")
    expected_cost = models.DecimalField(max_digits=18, decimal_places=2)
    rule_number = models.IntegerField(null=True)
    decision_id = models.BigIntegerField(unique=True)
    event_key = models.CharField(max_length=200, help_text="The outgoing event that tells the platform to pay.")
    granted_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_cash_grants"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["player", "granted_on"], name="idx_cash_grant_player"),
            models.Index(fields=["granted_on"], name="idx_cash_grant_on"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(promotional_value__gt=0), name="cash_grant_value_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.promotional_value} in cash to {self.player_id}"


class Contamination(models.Model):
    """A credit by hand to a player of the global control group, who was to be given nothing."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="contaminations", db_index=False)
    operation_id = models.BigIntegerField(unique=True, help_text="The wallet operation that credited.")
    salt = models.CharField(max_length=40, help_text="What the control group was drawn by.")
    money_value = models.DecimalField(max_digits=18, decimal_places=2)
    actor = models.CharField(max_length=150)
    credited_on = models.DateField(help_text="Business date of the credit.")

    class Meta:
        db_table = "safety_contaminations"
        ordering = ["-id"]
        indexes = [models.Index(fields=["salt", "player"], name="idx_contamination_salt_player")]

    def __str__(self) -> str:
        return f"{self.money_value} by hand to {self.player_id}"
