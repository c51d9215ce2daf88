"""What two people accepted: points from play that are worth more than the house keeps of the stake."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import GameCategory


class EarnRateAcceptance(models.Model):
    """A rate above the house edge: proposed by one person, in force once a second, different one accepted it.

    `worth` and `edge` are the figures both saw, in money per unit staked. Their difference is the loss accepted: what
    loses no more is covered until `ended_at`.
    """

    category = models.ForeignKey(GameCategory, on_delete=models.PROTECT, related_name="earn_rate_acceptances")
    points_per_unit = models.DecimalField(max_digits=9, decimal_places=6, help_text="Loyalty points per unit staked.")
    worth = models.DecimalField(
        max_digits=30, decimal_places=15, help_text="Money per unit staked, at the highest tier's multiplier."
    )
    edge = models.DecimalField(max_digits=7, decimal_places=6, help_text="House edge of the category then.")
    reason = models.CharField(max_length=500, help_text="Why the house should give more than it keeps.")
    first_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name="proposed by"
    )
    proposed_at = models.DateTimeField(db_default=Now())
    second_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        blank=True,
        verbose_name="accepted by",
    )
    accepted_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="Replaced, or no longer needed.")

    class Meta:
        db_table = "safety_earn_rate_acceptances"
        ordering = ["-id"]
        verbose_name = "rate above the edge"
        verbose_name_plural = "rates above the edge"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(second_by__isnull=True) | ~models.Q(second_by=models.F("first_by")),
                name="earn_rate_acceptance_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(second_by__isnull=True, accepted_at__isnull=True)
                | models.Q(second_by__isnull=False, accepted_at__isnull=False),
                name="earn_rate_acceptance_by_whom_and_when",
            ),
            models.CheckConstraint(
                condition=models.Q(worth__gt=models.F("edge")), name="earn_rate_acceptance_above_edge"
            ),
            models.UniqueConstraint(
                fields=["category"],
                condition=models.Q(accepted_at__isnull=True, ended_at__isnull=True),
                name="earn_rate_acceptance_one_open",
            ),
            models.UniqueConstraint(
                fields=["category"],
                condition=models.Q(accepted_at__isnull=False, ended_at__isnull=True),
                name="earn_rate_acceptance_one_in_force",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points_per_unit.normalize():f} points on {self.category_id}"

    @property
    def loss(self) -> Decimal:
        """What was accepted to be lost, in money per unit staked."""
        return self.worth - self.edge

    @property
    def state(self) -> str:
        """Where it stands: OPEN, IN_FORCE or ENDED."""
        if self.ended_at is not None:
            return "ENDED"
        return "OPEN" if self.accepted_at is None else "IN_FORCE"
