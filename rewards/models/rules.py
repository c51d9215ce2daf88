from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
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


class BudgetPacing(models.TextChoices):
    NONE = "NONE", "As fast as it goes"
    EVEN = "EVEN", "Evenly over the time left"


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
    version = models.PositiveIntegerField(
        default=1, db_default=1, editable=False, help_text="What the columns of this row say: what runs, or a draft."
    )
    approved_version = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="The last version that was let run; empty: it never was."
    )
    pending_version = models.PositiveIntegerField(
        null=True, blank=True, editable=False, help_text="A changed version beside the one that runs, not approved yet."
    )
    forecast_cost = models.DecimalField(
        max_digits=18,
        decimal_places=2,
        null=True,
        blank=True,
        editable=False,
        help_text="Money value it was expected to give per business date when it was approved; empty: no guardrail.",
    )
    is_stopped_by_guardrail = models.BooleanField(default=False, db_default=False, editable=False)
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
    budget_pacing = models.CharField(
        max_length=10,
        choices=BudgetPacing.choices,
        default=BudgetPacing.NONE,
        db_default=BudgetPacing.NONE,
        help_text="Evenly: each business date may use what is left of the total budget ÷ the days left until the last "
        "business date; what a day does not use is spread over the days after it.",
    )
    max_players = models.PositiveIntegerField(
        null=True, blank=True, help_text="The number of different players this rule may ever pay; empty: any number."
    )
    # False where a limit was set on a rule that may have paid before; settled by `rewards.places`.
    are_places_counted = models.BooleanField(default=False, db_default=False, editable=False)
    exclusive_group = models.CharField(
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text="Of the rules of one group only the highest-priority given reward counts per run.",
    )
    jurisdictions = ArrayField(
        models.CharField(max_length=10),
        default=list,
        db_default=[],
        blank=True,
        help_text="The jurisdictions it runs in; none: everywhere the profiles allow it.",
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
        permissions = [
            ("approve_rewardrule", "Can approve and reject rules that others wrote"),
            ("pause_rewardrule", "Can pause and resume rules"),
            ("revoke_rewardrule", "Can take back what is unspent of a rule's rewards"),
        ]
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
            models.CheckConstraint(
                condition=models.Q(is_stopped_by_guardrail=False) | models.Q(status__in=["PAUSED", "ARCHIVED"]),
                name="reward_rule_stopped_is_not_active",
            ),
            models.CheckConstraint(
                condition=models.Q(budget_pacing__in=BudgetPacing.values), name="reward_rule_pacing_known"
            ),
            models.CheckConstraint(
                condition=models.Q(max_players__isnull=True) | models.Q(max_players__gte=1),
                name="reward_rule_max_players_at_least_1",
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


class RulePlace(models.Model):
    """One of the places of a rule with `max_players`: reserved by a run for a player, and paid once it was posted.

    The places used are the distinct players. A player whom two runs reserve at once has two rows, so that one run may
    give back its own.
    """

    pk = models.CompositePrimaryKey("rule_number", "player_id", "run_id")
    rule_number = models.IntegerField()
    player_id = models.CharField(max_length=50, db_collation="C")
    run_id = models.BigIntegerField(help_text="0 where the player was paid before the rule had a limit.")
    is_paid = models.BooleanField(default=False, db_default=False)

    class Meta:
        db_table = "rule_places"
        indexes = [
            models.Index(fields=["run_id"], condition=models.Q(is_paid=False), name="idx_rule_place_reserved"),
        ]

    def __str__(self) -> str:
        return f"place of {self.player_id} in rule {self.rule_number}"
