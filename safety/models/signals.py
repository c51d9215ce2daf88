from __future__ import annotations

import pghistory
from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import Player
from safety.models.detection import Ring
from safety.models.review import ReviewCase, ReviewOutcome


@pghistory.track(
    pghistory.UpdateEvent(condition=pghistory.AnyChange("outcome", "is_resolved", "judgement", "judged_by", "case")),
    model_name="AbuseSignalHistory",
    level=pghistory.Statement,
    fields=["outcome", "is_resolved", "resolved_at", "judgement", "judged_by", "judged_at", "case", "severity"],
    append_only=True,
    obj_field=pghistory.ObjForeignKey(related_name="history", related_query_name="history"),
    meta={"db_table": "abuse_signal_history", "verbose_name_plural": "abuse signal history"},
)
class AbuseSignal(models.Model):
    """One detected sign of abuse with evidence a person can check."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="abuse_signals", db_index=False)
    signal_type = models.CharField(max_length=100)
    severity = models.PositiveSmallIntegerField(help_text="1 (weak) to 10 (certain).")
    description = models.CharField(max_length=500, blank=True, default="", db_default="")
    metadata = models.JSONField(default=dict, db_default={}, blank=True)
    is_resolved = models.BooleanField(default=False, db_default=False)
    resolved_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(db_default=Now(), help_text="When its newest evidence was found; it ages since.")
    detector = models.CharField(
        max_length=40, blank=True, default="", db_default="", help_text="The detector that found it; empty: a person."
    )
    is_shadow = models.BooleanField(
        default=False, db_default=False, help_text="Found by a detector in shadow mode: logged, without consequence."
    )
    ring = models.ForeignKey(Ring, null=True, blank=True, on_delete=models.PROTECT, related_name="signals")
    dedup_key = models.CharField(
        max_length=200, null=True, blank=True, help_text="Names the evidence: what was judged is not raised again."
    )
    evidence_until = models.DateTimeField(null=True, blank=True, help_text="Time of the newest event it rests on.")
    first_seen_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(db_default=Now())
    times_seen = models.PositiveIntegerField(default=1, db_default=1, help_text="How many runs found it.")

    case = models.ForeignKey(
        ReviewCase,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="signals",
        help_text="Where it is judged.",
    )
    outcome = models.CharField(
        max_length=10,
        choices=ReviewOutcome.choices,
        blank=True,
        default="",
        db_default="",
        help_text="What a person found. Dismissed is resolved; confirmed goes on counting and fades with its age.",
    )
    judged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    judged_at = models.DateTimeField(null=True, blank=True)
    judgement = models.CharField(
        max_length=1000, blank=True, default="", db_default="", help_text="Why it was found so."
    )

    class Meta:
        db_table = "abuse_signals"
        ordering = ["-detected_at"]
        indexes = [
            models.Index(fields=["player", "is_resolved"], name="idx_abuse_player_unresolved"),
            models.Index(fields=["detector", "is_resolved"], name="idx_abuse_detector"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["player", "detector"],
                condition=models.Q(is_resolved=False) & ~models.Q(detector=""),
                name="abuse_signal_one_open",
            ),
            models.UniqueConstraint(fields=["dedup_key"], name="abuse_signal_evidence_once"),
            models.CheckConstraint(
                condition=models.Q(outcome="", judged_at__isnull=True)
                | models.Q(outcome="CONFIRMED", judged_at__isnull=False)
                | models.Q(outcome="DISMISSED", judged_at__isnull=False, is_resolved=True),
                name="abuse_signal_judged_when_it_says_so",
            ),
            models.CheckConstraint(
                condition=models.Q(severity__gte=1, severity__lte=10), name="abuse_signal_severity_1_to_10"
            ),
            models.CheckConstraint(
                condition=models.Q(is_resolved=False, resolved_at__isnull=True)
                | models.Q(is_resolved=True, resolved_at__isnull=False),
                name="abuse_signal_resolved_at_when_resolved",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.signal_type} of {self.player_id}"


class SignalFinding(models.TextChoices):
    """What a person found of a signal that has no consequences."""

    CONFIRMED = "CONFIRMED", "Confirmed"
    FALSE_ALARM = "FALSE_ALARM", "False alarm"


class SignalLabel(models.Model):
    """A signal in shadow judged, so that its detector's precision is known; the newest of a signal holds.

    Never edited. A confirmed one changes nothing about the player; a false alarm resolves the signal.
    """

    signal = models.ForeignKey(AbuseSignal, on_delete=models.PROTECT, related_name="labels")
    finding = models.CharField(max_length=11, choices=SignalFinding.choices)
    note = models.CharField(max_length=1000, blank=True, default="", db_default="")
    description = models.CharField(max_length=500, help_text="What the signal said when it was judged.")
    labelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    labelled_at = models.DateTimeField()

    class Meta:
        db_table = "safety_signal_labels"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(finding__in=SignalFinding.values), name="signal_label_finding_known"
            )
        ]

    def __str__(self) -> str:
        return f"{self.finding} of signal {self.signal_id}"
