from __future__ import annotations

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.functions import Now

from core.models import RunStatus
from rewards.models.rules import RewardRule


class ForecastKind(models.TextChoices):
    SIMULATION = "SIMULATION", "Simulation"
    BACKTEST = "BACKTEST", "Back-test"
    OVERLAP = "OVERLAP", "Overlap map"


class RuleForecast(models.Model):
    """A question what rules would cost, who asked it, and the answer. Kept: it is what a rule was approved by.

    A simulation and an overlap map are of the business date `on`, a back-test of `since` to `until`; a map has no rule.
    """

    kind = models.CharField(max_length=12, choices=ForecastKind.choices)
    rule = models.ForeignKey(RewardRule, null=True, blank=True, on_delete=models.PROTECT, related_name="forecasts")
    rule_version = models.PositiveIntegerField(null=True, blank=True)
    compared_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The version of the rule that the back-test compares with."
    )
    on = models.DateField(null=True, blank=True, help_text="Business date of the night.")
    since = models.DateField(null=True, blank=True, help_text="First business date of the period.")
    until = models.DateField(null=True, blank=True, help_text="Last business date of the period.")
    status = models.CharField(
        max_length=20, choices=RunStatus.choices, default=RunStatus.PENDING, db_default=RunStatus.PENDING
    )
    result = models.JSONField(null=True, blank=True, encoder=DjangoJSONEncoder)
    error = models.TextField(blank=True, default="", db_default="")
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    asked_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "rule_forecasts"
        ordering = ["-id"]
        verbose_name = "forecast"
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ForecastKind.values), name="rule_forecast_kind_known"),
            models.CheckConstraint(condition=models.Q(status__in=RunStatus.values), name="rule_forecast_status_known"),
            models.CheckConstraint(
                condition=models.Q(kind="OVERLAP", rule__isnull=True)
                | models.Q(kind__in=["SIMULATION", "BACKTEST"], rule__isnull=False, rule_version__isnull=False),
                name="rule_forecast_names_its_rule",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="BACKTEST", since__isnull=False, until__isnull=False)
                | models.Q(kind__in=["SIMULATION", "OVERLAP"], on__isnull=False),
                name="rule_forecast_has_its_dates",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"
