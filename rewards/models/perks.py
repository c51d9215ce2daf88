from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from players.models import Player
from rewards.models.rules import RewardRule


class PerkStatus(models.TextChoices):
    WAITING_APPROVAL = "WAITING_APPROVAL", "Waiting for approval"
    OPEN = "OPEN", "To be handed over"
    DONE = "DONE", "Handed over"
    REFUSED = "REFUSED", "Refused"


class PerkTask(models.Model):
    """A VIP perk that a rule decided for a player: approved by a person, then handed over by one.

    Forward only: WAITING_APPROVAL → OPEN → DONE, or REFUSED from either. Saved only by `rewards.perks`.
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="perk_tasks", db_index=False)
    rule = models.ForeignKey(RewardRule, on_delete=models.PROTECT, related_name="perk_tasks", db_index=False)
    decision_id = models.BigIntegerField(unique=True, help_text="The decision that the perk follows from.")
    run_id = models.BigIntegerField(null=True)
    perk = models.CharField(max_length=255, help_text="What is to be handed over.")
    amount = models.DecimalField(max_digits=18, decimal_places=2, help_text="How many of it.")
    status = models.CharField(max_length=20, choices=PerkStatus.choices)
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    note = models.CharField(
        max_length=500,
        blank=True,
        default="",
        db_default="",
        help_text="How it was handed over, or why it was refused.",
    )
    created_at = models.DateTimeField()
    approved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    approved_at = models.DateTimeField(null=True, blank=True)
    approval_note = models.CharField(max_length=500, blank=True, default="", db_default="")
    closed_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "perk_tasks"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["player"], name="idx_perk_task_player"),
            models.Index(
                fields=["id"], condition=Q(status__in=["WAITING_APPROVAL", "OPEN"]), name="idx_perk_task_open"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=PerkStatus.values), name="perk_task_status_known"),
            models.CheckConstraint(condition=Q(amount__gt=0), name="perk_task_amount_positive"),
            models.CheckConstraint(
                condition=Q(status="WAITING_APPROVAL", approved_at__isnull=True)
                | (Q(status__in=["OPEN", "DONE"], approved_at__isnull=False) & ~Q(approved_by=""))
                | Q(status="REFUSED"),
                name="perk_task_approved_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["WAITING_APPROVAL", "OPEN"], closed_at__isnull=True)
                | (Q(status__in=["DONE", "REFUSED"], closed_at__isnull=False) & ~Q(closed_by="") & ~Q(note="")),
                name="perk_task_closed_when_it_says_so",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.perk} for {self.player_id}"
