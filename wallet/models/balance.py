from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models.functions import Now

from players.models import Player


def _balance() -> models.DecimalField[Any, Decimal]:
    return models.DecimalField(max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00"))


class LoyaltyBalance(models.Model):
    """A player's four balances: a cache of the ledger with one writer, the posting core.

    The wagering and bonus columns are derived from the active bonus lots by the same writer.
    """

    player = models.OneToOneField(Player, on_delete=models.PROTECT, related_name="balance")
    lp_balance = _balance()
    rp_balance = _balance()
    bonus_balance = _balance()
    tickets_balance = models.IntegerField(default=0, db_default=0)
    lp_earned = models.DecimalField(
        max_digits=18,
        decimal_places=2,
        default=Decimal("0.00"),
        db_default=Decimal("0.00"),
        help_text="Loyalty points ever earned; tiers count these, so redeeming never costs a tier.",
    )
    bonus_wagering_required = _balance()
    bonus_wagering_completed = _balance()
    bonus_expiry = models.DateTimeField(null=True, blank=True)
    bonus_max_bet = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    bonus_eligible_games = models.JSONField(null=True, blank=True)
    head_number = models.BigIntegerField(default=0, db_default=0, help_text="Number of the player's last entry.")
    head_hash = models.BinaryField(null=True, blank=True, help_text="Hash of the player's last entry.")
    head_at = models.DateTimeField(null=True, blank=True, help_text="Time of the player's last entry.")
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "loyalty_balances"
        # That no balance is negative is kept by the columns' domains (wallet/sql/domains.sql).

    def __str__(self) -> str:
        return f"balance of {self.player_id}"
