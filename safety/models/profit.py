"""The editable assumptions of profit safety."""

from __future__ import annotations

from django.db import models

from players.models import PlayerSegment
from wallet.models import CurrencyType


class RewardFamily(models.TextChoices):
    """What a retention multiplier is keyed by: rewards that move players in the same way."""

    BONUS = "BONUS", "Bonus money"
    CASHBACK = "CASHBACK", "Cashback"
    LP = "LP", "Loyalty points"
    OTHER = "OTHER", "Everything else"


class RetentionMultiplier(models.Model):
    """How much more a rewarded player is expected to stake. An assumption, editable; 1 where no row stands."""

    segment = models.CharField(max_length=20, choices=PlayerSegment.choices)
    reward_family = models.CharField(max_length=10, choices=RewardFamily.choices)
    multiplier = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        db_table = "safety_retention_multipliers"
        ordering = ["segment", "reward_family"]
        constraints = [
            models.UniqueConstraint(fields=["segment", "reward_family"], name="retention_multiplier_unique"),
            models.CheckConstraint(condition=models.Q(multiplier__gte=0), name="retention_multiplier_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.segment} {self.reward_family} × {self.multiplier}"


class UnitValue(models.Model):
    """What one unit of a programme currency is worth in money, for caps and expected cost."""

    currency_type = models.CharField(max_length=10, choices=CurrencyType.choices, primary_key=True)
    money_value = models.DecimalField(max_digits=12, decimal_places=6)

    class Meta:
        db_table = "safety_unit_values"
        ordering = ["currency_type"]
        constraints = [models.CheckConstraint(condition=models.Q(money_value__gte=0), name="unit_value_not_negative")]

    def __str__(self) -> str:
        return f"1 {self.currency_type} = {self.money_value}"


class SegmentBaseline(models.Model):
    """What an ordinary player of a segment stakes on an active day: what little history is shrunk towards."""

    segment = models.CharField(max_length=20, choices=PlayerSegment.choices, primary_key=True)
    wager_per_active_day = models.DecimalField(max_digits=18, decimal_places=2)
    players = models.PositiveIntegerField()
    as_of = models.DateField()

    class Meta:
        db_table = "safety_segment_baselines"
        ordering = ["segment"]

    def __str__(self) -> str:
        return f"{self.segment}: {self.wager_per_active_day} a day"
