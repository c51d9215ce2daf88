from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import F
from django.db.models.functions import Now

from wallet.models import CurrencyType

LINES = (
    "issued",
    "redeemed",
    "converted",
    "expired",
    "forfeited",
    "lost",
    "bonus_stakes",
    "bonus_wins",
    "adjustments",
    "reversed",
)
"""The lines between opening and closing, in the order they are shown; each signed, as it adds to the liability."""


def _amount(**options: Any) -> models.DecimalField[Any, Decimal]:
    return models.DecimalField(max_digits=18, decimal_places=2, **options)


class LiabilityDay(models.Model):
    """What players held of one currency when a business date began and when it ended, and what came between.

    Written by the night; `revised_at` says when a later night found entries of the date that were committed after it.
    """

    on = models.DateField()
    currency_type = models.CharField(max_length=10, choices=CurrencyType.choices)
    opening = _amount()
    issued = _amount()
    redeemed = _amount()
    converted = _amount()
    expired = _amount()
    forfeited = _amount()
    lost = _amount()
    bonus_stakes = _amount()
    bonus_wins = _amount()
    adjustments = _amount()
    reversed = _amount()
    closing = _amount()
    unit_value = models.DecimalField(
        max_digits=12, decimal_places=6, null=True, help_text="What one unit was worth in money; NULL: not valued."
    )
    run_id = models.BigIntegerField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    revised_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "liability_days"
        ordering = ["-on", "currency_type"]
        permissions = [("export_ledger", "Can export statements and the liability")]
        constraints = [
            models.UniqueConstraint(fields=["on", "currency_type"], name="liability_day_once_per_currency"),
            models.CheckConstraint(
                condition=models.Q(closing=sum((F(line) for line in LINES), F("opening"))),
                name="liability_day_closes",
            ),
        ]

    def __str__(self) -> str:
        return f"liability of {self.on} in {self.currency_type}"
