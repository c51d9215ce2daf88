"""What safety refused: a row for each, for the people who watch over it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from players.models import Player


class ViolationPath(models.TextChoices):
    """On which way a credit was asked for."""

    RULE = "RULE", "A rule"
    ADMIN = "ADMIN", "The admin"
    API = "API", "The API"
    SERVICE = "SERVICE", "Another service"


class SafetyViolation(models.Model):
    """A reward or credit that safety refused, with the figures; or, where it only warns, let pass.

    An unchanged refusal that the rules repeat is counted at its decision and not written again.
    """

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="safety_violations", db_constraint=False, db_index=False
    )
    on = models.DateField(help_text="Business date.")
    at = models.DateTimeField(db_default=Now())
    path = models.CharField(max_length=10, choices=ViolationPath.choices)
    code = models.CharField(max_length=40, help_text="What refused it.")
    is_refused = models.BooleanField(default=True, db_default=True)
    rule_number = models.IntegerField(null=True)
    decision_id = models.BigIntegerField(null=True)
    operation_key = models.CharField(max_length=200, blank=True, default="", db_default="")
    actor = models.CharField(max_length=150, blank=True, default="", db_default="")
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True, help_text="In the reward's own unit.")
    figures = models.JSONField(help_text="What it was refused by.")

    class Meta:
        db_table = "safety_violations"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["player"], name="idx_violation_player"),
            models.Index(fields=["on", "code"], name="idx_violation_on_code"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(path__in=ViolationPath.values), name="violation_path_known"),
        ]

    def __str__(self) -> str:
        return f"{self.code} for {self.player_id} on {self.on}"
