"""Review cases: what a person must look at, what is known of it, and everything that was done."""

from __future__ import annotations

import pghistory
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import Player, PlayerRestriction


class ReviewStatus(models.TextChoices):
    """A case's life, by claims that must change exactly one row."""

    OPEN = "OPEN", "Open"
    ASSIGNED = "ASSIGNED", "Assigned"
    DECIDED = "DECIDED", "Decided"
    APPEALED = "APPEALED", "Appealed"
    CLOSED = "CLOSED", "Closed"


# What is still to be decided: a player has one such case at most.
UNDECIDED = (ReviewStatus.OPEN, ReviewStatus.ASSIGNED, ReviewStatus.APPEALED)


class ReviewCause(models.TextChoices):
    """What opened a case."""

    SCORE = "SCORE", "Abuse score"
    REWARD = "REWARD", "Waiting reward"
    RING = "RING", "Ring"
    FLAG = "FLAG", "Flagged by a person"


class ReviewOutcome(models.TextChoices):
    """What a signal, or all of a case, was found to be."""

    CONFIRMED = "CONFIRMED", "Confirmed"
    DISMISSED = "DISMISSED", "Dismissed"


class CaseOutcome(models.TextChoices):
    CONFIRMED = "CONFIRMED", "Confirmed"
    DISMISSED = "DISMISSED", "Dismissed"
    PARTIAL = "PARTIAL", "Confirmed in part"


@pghistory.track(
    pghistory.UpdateEvent(),
    model_name="ReviewCaseHistory",
    level=pghistory.Statement,
    append_only=True,
    obj_field=pghistory.ObjForeignKey(related_name="history", related_query_name="history"),
    meta={"db_table": "safety_review_case_history", "verbose_name_plural": "review case history"},
)
class ReviewCase(models.Model):
    """One player under review. Only services write it; a trigger keeps every state it was in."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="review_cases", db_index=False)
    status = models.CharField(max_length=10, choices=ReviewStatus.choices, default=ReviewStatus.OPEN, db_default="OPEN")
    cause = models.CharField(max_length=10, choices=ReviewCause.choices)
    reason = models.CharField(max_length=500, help_text="Why it was opened.")
    ring_number = models.BigIntegerField(null=True, blank=True, help_text="The ring that the player is said to be of.")
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the house itself.",
    )
    due_at = models.DateTimeField(help_text="By when it is to be decided.")
    abuse_score = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="When last looked at, 0–100.")
    money_at_stake = models.DecimalField(
        max_digits=18,
        decimal_places=2,
        default=0,
        db_default=0,
        help_text="Money value of the rewards that wait, and bonus money in the player's hands.",
    )
    priority = models.GeneratedField(
        expression=(models.F("money_at_stake") + 1) * models.F("abuse_score"),
        output_field=models.DecimalField(max_digits=22, decimal_places=2),
        db_persist=True,
    )
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="review_cases"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(
        max_length=10,
        choices=CaseOutcome.choices,
        blank=True,
        default="",
        db_default="",
        help_text="The last decision.",
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    decision_reason = models.CharField(max_length=1000, blank=True, default="", db_default="")
    appeals = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="How often it was appealed.")
    appealed_at = models.DateTimeField(null=True, blank=True)
    appeal_text = models.CharField(max_length=2000, blank=True, default="", db_default="")
    closed_at = models.DateTimeField(null=True, blank=True)
    restriction = models.ForeignKey(
        PlayerRestriction,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The block that the house put on the player until this is decided.",
    )

    class Meta:
        db_table = "safety_review_cases"
        ordering = ["-priority", "due_at", "id"]
        permissions = [
            ("assign_reviewcase", "Can assign a review case to somebody else"),
            ("appeal_reviewcase", "Can file an appeal against a review case"),
        ]
        indexes = [
            models.Index(fields=["status", "-priority", "due_at"], name="idx_review_queue"),
            models.Index(fields=["player", "-id"], name="idx_review_player"),
            models.Index(fields=["ring_number"], name="idx_review_ring", condition=models.Q(ring_number__isnull=False)),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["player"],
                condition=models.Q(status__in=["OPEN", "ASSIGNED", "APPEALED"]),
                name="review_case_one_undecided",
            ),
            models.CheckConstraint(condition=models.Q(status__in=ReviewStatus.values), name="review_case_status_known"),
            models.CheckConstraint(condition=models.Q(cause__in=ReviewCause.values), name="review_case_cause_known"),
            models.CheckConstraint(
                condition=models.Q(outcome="") | models.Q(outcome__in=CaseOutcome.values),
                name="review_case_outcome_known",
            ),
            models.CheckConstraint(
                condition=~models.Q(status="ASSIGNED") | models.Q(assigned_to__isnull=False),
                name="review_case_assigned_to_somebody",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["OPEN", "ASSIGNED"], decided_at__isnull=True, outcome="")
                | models.Q(status__in=["DECIDED", "APPEALED", "CLOSED"], decided_at__isnull=False)
                & ~models.Q(outcome=""),
                name="review_case_decided_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=models.Q(status="CLOSED", closed_at__isnull=False)
                | ~models.Q(status="CLOSED") & models.Q(closed_at__isnull=True),
                name="review_case_closed_when_it_says_so",
            ),
        ]

    def __str__(self) -> str:
        return f"case {self.pk} of {self.player_id}"


class EvidenceKind(models.TextChoices):
    REWARD = "REWARD", "Reward"
    LINK = "LINK", "Link"


class ReviewEvidence(models.Model):
    """What belongs to a case beside its signals: a reward that waits for it, or a link that somebody added."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="evidence")
    kind = models.CharField(max_length=10, choices=EvidenceKind.choices)
    decision_id = models.BigIntegerField(null=True, blank=True, help_text="The reward decision that waits.")
    money_value = models.DecimalField(max_digits=18, decimal_places=2, default=0, db_default=0)
    url = models.CharField(max_length=500, blank=True, default="", db_default="")
    text = models.CharField(max_length=500, blank=True, default="", db_default="")
    settled_at = models.DateTimeField(null=True, blank=True, help_text="When the reward was released or refused.")
    settlement = models.CharField(
        max_length=15, blank=True, default="", db_default="", help_text="The verdict the reward ended with."
    )
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    added_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_review_evidence"
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["case"],
                condition=models.Q(settled_at__isnull=True, decision_id__isnull=False),
                name="idx_review_evidence_waits",
            )
        ]
        constraints = [
            models.UniqueConstraint(fields=["decision_id"], name="review_evidence_decision_once"),
            models.CheckConstraint(
                condition=models.Q(kind="REWARD", decision_id__isnull=False)
                | models.Q(kind="LINK", decision_id__isnull=True) & ~models.Q(url=""),
                name="review_evidence_names_its_thing",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of case {self.case_id}"


class ReviewAct(models.TextChoices):
    """What happened to a case."""

    OPENED = "OPENED", "Opened"
    EVIDENCE = "EVIDENCE", "Evidence added"
    CLAIMED = "CLAIMED", "Claimed"
    ASSIGNED = "ASSIGNED", "Assigned"
    RELEASED = "RELEASED", "Given back"
    NOTED = "NOTED", "Note"
    BLOCKED = "BLOCKED", "Player blocked"
    UNBLOCKED = "UNBLOCKED", "Block lifted"
    DECIDED = "DECIDED", "Decided"
    REWARDS = "REWARDS", "Rewards settled"
    APPEALED = "APPEALED", "Appealed"
    CLOSED = "CLOSED", "Closed"


class ReviewEvent(models.Model):
    """One thing that happened to a case, a note among them. Append-only: a trigger refuses UPDATE and DELETE."""

    case = models.ForeignKey(ReviewCase, on_delete=models.PROTECT, related_name="events")
    act = models.CharField(max_length=10, choices=ReviewAct.choices)
    status_before = models.CharField(max_length=10, choices=ReviewStatus.choices, blank=True, default="", db_default="")
    status_after = models.CharField(max_length=10, choices=ReviewStatus.choices)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Empty: the house itself.",
    )
    at = models.DateTimeField()
    text = models.CharField(max_length=2000, blank=True, default="", db_default="")
    details = models.JSONField(default=dict, db_default={}, blank=True, help_text="Figures before and after.")

    class Meta:
        db_table = "safety_review_events"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(act__in=ReviewAct.values), name="review_event_act_known")
        ]

    def __str__(self) -> str:
        return f"{self.act} of case {self.case_id}"
