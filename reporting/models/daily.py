from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class DailySummary(models.Model):
    """The figures of one business date, written by the night: what dashboards read instead of scanning players."""

    on = models.DateField(unique=True)
    run_id = models.BigIntegerField(null=True)
    figures = models.JSONField(help_text="Players by segment and tier, rewards by rule and verdict, liability.")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "daily_summaries"
        ordering = ["-on"]
        verbose_name_plural = "daily summaries"

    def __str__(self) -> str:
        return f"summary of {self.on}"
