from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class PolicyValue(models.Model):
    """A policy value that staff saved; it replaces the environment's value and the built-in default."""

    name = models.CharField(max_length=80, primary_key=True)
    value = models.TextField()
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "policy_values"
        ordering = ["name"]
        verbose_name = "policy value"

    def __str__(self) -> str:
        return self.name
