"""Every figure that profit safety ever assumed: versions that are added and never changed."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class AssumptionKind(models.TextChoices):
    """What a version is a figure of."""

    HOUSE_EDGE = "HOUSE_EDGE", "House edge"
    RETENTION = "RETENTION", "Retention multiplier"
    UNIT_VALUE = "UNIT_VALUE", "Unit value"


class AssumptionVersion(models.Model):
    """One figure from a date on: who set it and why. Appended only; the newest of those begun is in force.

    The tables of the figures in force follow it. A figure that is written there by another path appends its version by
    a trigger, so that none was ever in force without one.
    """

    kind = models.CharField(max_length=20, choices=AssumptionKind.choices)
    name = models.CharField(max_length=40, help_text="The game category, the segment or the currency.")
    reward_family = models.CharField(max_length=10, blank=True, default="", db_default="")
    value = models.DecimalField(max_digits=18, decimal_places=6)
    valid_from = models.DateField(help_text="Business date from which it holds.")
    reason = models.CharField(max_length=500)
    made_by = models.CharField(max_length=150)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_assumptions"
        ordering = ["-id"]
        verbose_name = "assumption"
        verbose_name_plural = "assumptions: history"
        indexes = [
            models.Index(fields=["kind", "name", "reward_family", "valid_from", "id"], name="idx_assumption_in_force")
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=AssumptionKind.values), name="assumption_kind_known"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="assumption_not_negative"),
        ]

    def __str__(self) -> str:
        family = f" {self.reward_family}" if self.reward_family else ""
        return f"{self.name}{family} {self.value.normalize():f} from {self.valid_from}"
