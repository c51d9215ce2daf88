from __future__ import annotations

from django.db import models


class TierLevel(models.TextChoices):
    """The documented levels; staff may add more."""

    BRONZE = "BRONZE", "Bronze"
    SILVER = "SILVER", "Silver"
    GOLD = "GOLD", "Gold"
    PLATINUM = "PLATINUM", "Platinum"


class Tier(models.Model):
    """A rank reached by points earned. `lp_min` ≤ points < the next tier's `lp_min`; ranges have no gap or overlap."""

    tier_level = models.CharField(max_length=30, unique=True)
    lp_min = models.IntegerField(unique=True, help_text="Points earned from which the tier is reached.")
    lp_max = models.IntegerField(
        null=True, blank=True, help_text="Last whole point of the tier; empty for the top one."
    )
    is_saved_by_staff = models.BooleanField(
        default=False, db_default=False, help_text="Off: the environment's threshold holds for this tier."
    )
    benefits = models.JSONField(
        default=dict, blank=True, help_text='For example {"cashback_multiplier": "1.2", "free_plays": 2}.'
    )

    class Meta:
        db_table = "tiers"
        ordering = ["lp_min"]
        constraints = [
            models.CheckConstraint(condition=models.Q(lp_min__gte=0), name="tier_lp_min_not_negative"),
            models.CheckConstraint(
                condition=models.Q(lp_max__isnull=True) | models.Q(lp_max__gte=models.F("lp_min")),
                name="tier_lp_max_not_below_min",
            ),
        ]

    def __str__(self) -> str:
        return self.tier_level
