from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class RewardType(models.TextChoices):
    CASHBACK = "CASHBACK", "Cashback"
    BONUS_BALANCE = "BONUS_BALANCE", "Bonus money"
    FREE_PLAY = "FREE_PLAY", "Free play"
    LOYALTY_POINTS = "LOYALTY_POINTS", "Loyalty points"
    REWARD_POINTS = "REWARD_POINTS", "Reward points"
    TICKETS = "TICKETS", "Tickets"
    VIP_PERKS = "VIP_PERKS", "VIP perks"


class RuleStatus(models.TextChoices):
    DRAFT = "DRAFT", "Draft"
    PENDING_APPROVAL = "PENDING_APPROVAL", "Waiting for approval"
    ACTIVE = "ACTIVE", "Active"
    PAUSED = "PAUSED", "Paused"
    ARCHIVED = "ARCHIVED", "Archived"


class FrequencyPeriod(models.TextChoices):
    ONCE = "ONCE", "Once"
    DAY = "DAY", "Per day"
    WEEK = "WEEK", "Per ISO week"
    MONTH = "MONTH", "Per calendar month"


def _budget(help_text: str) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True, help_text=help_text)


class RewardRule(models.Model):
    """A rule as it stands now; what it said before is in its versions. Saved only by `rewards.rules`."""

    rule_id = models.CharField(max_length=100, primary_key=True)
    number = models.PositiveIntegerField(
        unique=True, editable=False, help_text="Short key used by the narrow tables of an evaluation."
    )
    name = models.CharField(max_length=255)
    description = models.CharField(max_length=500, blank=True, default="", db_default="")
    status = models.CharField(
        max_length=20, choices=RuleStatus.choices, default=RuleStatus.DRAFT, db_default=RuleStatus.DRAFT
    )
    is_active = models.GeneratedField(
        expression=models.Q(status="ACTIVE"),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )
    version = models.PositiveIntegerField(default=1, db_default=1, editable=False)
    priority = models.IntegerField(default=0, db_default=0, help_text="Higher is decided first.")
    conditions = models.JSONField(default=dict, blank=True)
    reward_config = models.JSONField(default=dict)
    is_live = models.BooleanField(
        default=False, db_default=False, help_text="Decided when its trigger happens, and not by the night."
    )
    trigger = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="What must happen: a kind of activity such as DEPOSIT, an action's code such as KYC_COMPLETE, "
        "TIER_REACHED, or ANY activity or action.",
    )
    starts_on = models.DateField(null=True, blank=True, help_text="First business date; empty: no start.")
    ends_on = models.DateField(null=True, blank=True, help_text="Last business date; empty: no end.")
    frequency_period = models.CharField(
        max_length=10,
        choices=FrequencyPeriod.choices,
        default=FrequencyPeriod.ONCE,
        db_default=FrequencyPeriod.ONCE,
    )
    frequency_max = models.PositiveIntegerField(
        default=1, db_default=1, help_text="How often a player may get it per period."
    )
    cooldown_days = models.PositiveIntegerField(
        default=0, db_default=0, help_text="Business days that must lie between two rewards of this rule."
    )
    daily_budget = _budget("Money value this rule may give per business date.")
    total_budget = _budget("Money value this rule may ever give.")
    exclusive_group = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="Of the rules of one group only the highest-priority given reward counts per run.",
    )
    holdout_percent = models.DecimalField(
        max_digits=5,
        decimal_places=2,
        default=Decimal("0.00"),
        db_default=Decimal("0.00"),
        help_text="Share of matching players, 0–100, who are measured but get nothing.",
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "reward_rules"
        ordering = ["-priority", "rule_id"]
        indexes = [
            models.Index(fields=["priority", "is_active"], name="idx_rule_priority_active"),
            models.Index(fields=["trigger"], condition=models.Q(is_live=True), name="idx_rule_live_trigger"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=RuleStatus.values), name="reward_rule_status_known"),
            models.CheckConstraint(condition=models.Q(frequency_max__gte=1), name="reward_rule_frequency_at_least_1"),
            models.CheckConstraint(
                condition=models.Q(is_live=True) & ~models.Q(trigger="") | models.Q(is_live=False, trigger=""),
                name="reward_rule_live_has_trigger",
            ),
            models.CheckConstraint(
                condition=models.Q(holdout_percent__gte=0, holdout_percent__lte=100),
                name="reward_rule_holdout_0_to_100",
            ),
            models.CheckConstraint(
                condition=models.Q(ends_on__isnull=True)
                | models.Q(starts_on__isnull=True)
                | models.Q(ends_on__gte=models.F("starts_on")),
                name="reward_rule_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return self.rule_id


class RewardRuleVersion(models.Model):
    """What a rule said at one version; written with every change of content, never edited."""

    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="versions")
    version = models.PositiveIntegerField()
    content = models.JSONField()
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    saved_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "reward_rule_versions"
        ordering = ["rule", "-version"]
        constraints = [models.UniqueConstraint(fields=["rule", "version"], name="rule_version_unique")]

    def __str__(self) -> str:
        return f"{self.rule_id} v{self.version}"


class RuleBudgetDay(models.Model):
    """Money value a rule has given on one business date: what its budgets are measured by."""

    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="budget_days")
    on = models.DateField()
    given_value = models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    given_count = models.PositiveIntegerField(default=0, db_default=0)

    class Meta:
        db_table = "rule_budget_days"
        ordering = ["rule", "-on"]
        constraints = [
            models.UniqueConstraint(fields=["rule", "on"], name="rule_budget_day_unique"),
            models.CheckConstraint(condition=models.Q(given_value__gte=0), name="rule_budget_day_not_negative"),
        ]

    def __str__(self) -> str:
        return f"budget of {self.rule_id} on {self.on}"
