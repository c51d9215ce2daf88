"""The life of rules: who asked for an approval and who gave it, and every step a rule took."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from rewards.models.rules import RewardRule, RuleStatus


class ApprovalStatus(models.TextChoices):
    """A request's life: it waits, and is answered once, by a claim that must change exactly one row."""

    WAITING = "WAITING", "Waiting"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    LAPSED = "LAPSED", "Lapsed"


class RuleApproval(models.Model):
    """One request to let a version of a rule run, and the answer. It is for that content alone: its hash is kept.

    Whoever saved a version after `base_version`, up to and with `version`, edited what is asked for.
    """

    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="approvals")
    version = models.PositiveIntegerField()
    base_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="The version approved before; empty for a rule that never ran."
    )
    content_hash = models.CharField(max_length=64, help_text="SHA-256 of the version's content.")
    forecast_cost = models.DecimalField(
        max_digits=18,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="Money value it is expected to give per business date; empty: not known, so no guardrail.",
    )
    note = models.CharField(max_length=500, blank=True, default="", db_default="")
    status = models.CharField(
        max_length=10, choices=ApprovalStatus.choices, default=ApprovalStatus.WAITING, db_default="WAITING"
    )
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    submitted_at = models.DateTimeField()
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")

    class Meta:
        db_table = "rule_approvals"
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule"], condition=models.Q(status="WAITING"), name="rule_approval_one_waiting"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ApprovalStatus.values), name="rule_approval_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(forecast_cost__isnull=True) | models.Q(forecast_cost__gt=0),
                name="rule_approval_forecast_positive",
            ),
            models.CheckConstraint(
                condition=models.Q(status="WAITING", decided_at__isnull=True)
                | (~models.Q(status="WAITING") & models.Q(decided_at__isnull=False)),
                name="rule_approval_decided_when_it_says_so",
            ),
        ]

    def __str__(self) -> str:
        return f"approval of {self.rule_id} v{self.version}"


class RuleAct(models.TextChoices):
    """What happened to a rule."""

    SAVED = "SAVED", "Saved by the house"
    EDITED = "EDITED", "Edited"
    LOWERED = "LOWERED", "Lowered without approval"
    SUBMITTED = "SUBMITTED", "Submitted"
    APPROVED = "APPROVED", "Approved"
    REJECTED = "REJECTED", "Rejected"
    LAPSED = "LAPSED", "Approval lapsed"
    PAUSED = "PAUSED", "Paused"
    STOPPED_BY_GUARDRAIL = "STOPPED_BY_GUARDRAIL", "Paused by its guardrail"
    RESUMED = "RESUMED", "Resumed"
    ARCHIVED = "ARCHIVED", "Archived"
    REVOKED = "REVOKED", "Rewards revoked"


class RuleEvent(models.Model):
    """One step in the life of a rule. Append-only: a trigger refuses UPDATE and DELETE."""

    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(max_length=20, choices=RuleAct.choices)
    version = models.PositiveIntegerField(help_text="The version the step was about.")
    status_before = models.CharField(max_length=20, choices=RuleStatus.choices, blank=True, default="")
    status_after = models.CharField(max_length=20, choices=RuleStatus.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the house itself.",
    )
    at = models.DateTimeField()
    reason = models.CharField(max_length=500, blank=True, default="", db_default="")
    details = models.JSONField(default=dict, db_default={}, blank=True)

    class Meta:
        db_table = "rule_events"
        ordering = ["-id"]
        constraints = [models.CheckConstraint(condition=models.Q(act__in=RuleAct.values), name="rule_event_act_known")]

    def __str__(self) -> str:
        return f"{self.act} {self.rule_id} v{self.version}"
