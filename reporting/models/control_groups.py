from __future__ import annotations

from django.db import models

from rewards.models import RewardRule


class ControlGroupResult(models.Model):
    """What an experiment brought when it was last measured: players treated and held out since its start.

    One row per experiment: a rule's with one share, or the global one of one salt. Replaced by each measurement.
    """

    key = models.CharField(max_length=150, unique=True, help_text="GLOBAL with its salt, or RULE with its id.")
    rule = models.ForeignKey(RewardRule, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    percent = models.DecimalField(max_digits=5, decimal_places=2, help_text="Share held out, 0–100.")
    since = models.DateField(help_text="First business date measured.")
    until = models.DateField(help_text="Last business date measured.")
    figures = models.JSONField(help_text="Size of both groups, means per player, uplift and its interval.")
    contaminated = models.PositiveIntegerField(null=True, help_text="Control players who were credited by hand.")
    measured_at = models.DateTimeField()

    class Meta:
        db_table = "control_group_results"
        ordering = ["-measured_at", "key"]

    def __str__(self) -> str:
        return self.key
