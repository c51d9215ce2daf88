from __future__ import annotations

from decimal import Decimal

from django.db import models
from django.db.models.functions import Now

from players.models import Player
from rewards.models.rules import RewardRule, RewardType


class Verdict(models.TextChoices):
    APPROVED = "APPROVED", "Approved"
    REDUCED = "REDUCED", "Reduced"
    PENDING_REVIEW = "PENDING_REVIEW", "Waiting for review"
    REJECTED = "REJECTED", "Rejected"
    HELD_OUT = "HELD_OUT", "Held out"


GIVEN_VERDICTS = (Verdict.APPROVED, Verdict.REDUCED)
# What counts for frequency and cooldown, and as the last reward. Budgets and caps count what is given.
COUNTING_VERDICTS = (*GIVEN_VERDICTS, Verdict.PENDING_REVIEW)


class RewardDecision(models.Model):
    """What was decided about one match: the row that answers "why?". Never edited by hand.

    Unique on (rule, player, occasion). An unchanged rejection moves `last_on` and `times` instead of adding a row.
    """

    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="decisions", db_constraint=False, db_index=False
    )
    rule = models.ForeignKey(
        RewardRule,
        to_field="number",
        db_column="rule_number",
        on_delete=models.PROTECT,
        related_name="decisions",
        db_constraint=False,
        db_index=False,
    )
    occasion = models.CharField(
        max_length=100, db_collation="C", help_text="The business date by night, the trigger event live."
    )
    rule_version = models.PositiveIntegerField()
    run_id = models.BigIntegerField(null=True)
    verdict = models.CharField(max_length=15, choices=Verdict.choices)
    reason = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The code that decided; empty when approved."
    )
    reasons = models.JSONField(default=list, help_text="Reason codes with their figures, in the order they applied.")
    facts = models.JSONField(null=True, help_text="The values of the rule's fields when it was decided.")
    segment = models.CharField(max_length=20)
    tier = models.CharField(max_length=30)
    amount_computed = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    amount_given = models.DecimalField(max_digits=18, decimal_places=2, help_text="0 where nothing was given.")
    money_value = models.DecimalField(max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=0)
    expected_cost = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    expected_margin = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    # What cost and margin followed from; of decisions older than these columns nothing is known.
    wager_per_active_day = models.DecimalField(max_digits=26, decimal_places=4, null=True)
    active_days = models.DecimalField(max_digits=26, decimal_places=4, null=True, help_text="In the profit horizon.")
    retention_multiplier = models.DecimalField(
        max_digits=26, decimal_places=4, null=True, help_text="Less 1 where the profit basis is INCREMENTAL."
    )
    profit_basis = models.CharField(
        max_length=11, blank=True, default="", db_default="", help_text="PROFIT_BASIS as it was; empty: not kept yet."
    )
    house_edge = models.DecimalField(max_digits=12, decimal_places=10, null=True)
    cost_rate = models.DecimalField(
        max_digits=12, decimal_places=10, null=True, help_text="Expected cost of one unit of money value."
    )
    granted_cost = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, help_text="Expected cost of what was granted before in the horizon."
    )
    assumptions_version = models.BigIntegerField(
        null=True, help_text="The newest version of the assumptions it was decided by."
    )
    first_on = models.DateField()
    last_on = models.DateField()
    times = models.PositiveIntegerField(default=1, db_default=1)
    decided_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "reward_decisions"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["player"],
                condition=models.Q(verdict="PENDING_REVIEW", reason="ABUSE_REVIEW"),
                name="idx_decision_waits",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["player", "rule", "occasion"], name="reward_decision_occasion_unique"),
            models.CheckConstraint(
                condition=models.Q(verdict__in=Verdict.values), name="reward_decision_verdict_known"
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=["APPROVED", "REDUCED"], amount_given__gt=0)
                | models.Q(verdict__in=["PENDING_REVIEW", "REJECTED", "HELD_OUT"], amount_given=0),
                name="reward_decision_given_has_amount",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} for {self.player_id} on {self.occasion}"


class RewardStatus(models.TextChoices):
    PENDING = "PENDING", "Not yet issued"
    ACTIVE = "ACTIVE", "Active and usable"
    COMPLETED = "COMPLETED", "Wagering completed"
    EXPIRED = "EXPIRED", "Expired"
    CANCELLED = "CANCELLED", "Cancelled"


class RewardCurrency(models.TextChoices):
    """What a reward was given in: a currency of the wallet, cash that the platform pays, or a perk handed over."""

    LP = "LP", "Loyalty points"
    RP = "RP", "Reward points"
    BONUS = "BONUS", "Bonus money"
    TICKETS = "TICKETS", "Tickets"
    CASH = "CASH", "Cash"
    PERK = "PERK", "Perk"


class RewardHistory(models.Model):
    """One given reward and what has become of it."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="rewards", db_index=False)
    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="rewards", db_index=False)
    reward_type = models.CharField(max_length=20, choices=RewardType.choices)
    amount = models.DecimalField(max_digits=18, decimal_places=2)
    currency_type = models.CharField(max_length=10, choices=RewardCurrency.choices)
    status = models.CharField(max_length=12, choices=RewardStatus.choices)
    wagering_required = models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    wagering_completed = models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    issued_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    completed_at = models.DateTimeField(null=True, blank=True)
    metadata = models.JSONField(default=dict, db_default={}, blank=True)
    decision_id = models.BigIntegerField(unique=True)
    lot_id = models.BigIntegerField(null=True, help_text="The lot it was credited as; cash and perks have none.")
    run_id = models.BigIntegerField(null=True)

    class Meta:
        db_table = "reward_history"
        ordering = ["-id"]
        verbose_name_plural = "reward history"
        indexes = [models.Index(fields=["player", "status"], name="idx_reward_player_status")]
        constraints = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="reward_history_amount_positive"),
            models.CheckConstraint(
                condition=models.Q(status__in=RewardStatus.values), name="reward_history_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(reward_type__in=RewardType.values), name="reward_history_type_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount} {self.currency_type} to {self.player_id}"
