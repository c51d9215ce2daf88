from __future__ import annotations

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models.player import Player


class RestrictionKind(models.TextChoices):
    SELF_EXCLUDED = "SELF_EXCLUDED", "Self-excluded"
    COOL_OFF = "COOL_OFF", "Cool-off"
    RG_HARM = "RG_HARM", "Strong indicators of harm"
    BLOCKED = "BLOCKED", "Blocked by staff"
    MARKETING_OPT_OUT = "MARKETING_OPT_OUT", "Marketing opt-out"


class CreditPurpose(models.TextChoices):
    """What a ledger posting is for: the other axis of the restriction matrix."""

    PROMOTION = "PROMOTION", "Promotional grant"
    EARNED = "EARNED", "Points earned by play"
    OPENING = "OPENING", "Carried over"
    SETTLEMENT = "SETTLEMENT", "Settlement or winnings of an open bet"
    REFUND = "REFUND", "Refund"
    REVERSAL = "REVERSAL", "Reversal"
    ADJUSTMENT = "ADJUSTMENT", "Adjustment"
    SPEND = "SPEND", "Spend"
    BET = "BET", "Bet with bonus money"
    REDEMPTION = "REDEMPTION", "Claimed or bought with points"
    EXPIRY = "EXPIRY", "Expiry"
    ADDITION = "ADDITION", "Added by an adjustment"


class RestrictionEffectKind(models.TextChoices):
    REFUSE = "REFUSE", "Refused"
    MARK = "MARK", "Allowed and marked"


class RestrictionEffect(models.Model):
    """One cell of the restriction matrix: what a restriction does to a purpose. No row: allowed."""

    kind = models.CharField(max_length=20, choices=RestrictionKind.choices)
    purpose = models.CharField(max_length=12, choices=CreditPurpose.choices)
    effect = models.CharField(max_length=6, choices=RestrictionEffectKind.choices)

    class Meta:
        db_table = "restriction_effects"
        ordering = ["kind", "purpose"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "purpose"], name="restriction_effect_unique"),
            models.CheckConstraint(
                condition=models.Q(kind__in=RestrictionKind.values), name="restriction_effect_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(purpose__in=CreditPurpose.values), name="restriction_effect_purpose_known"
            ),
            models.CheckConstraint(
                condition=models.Q(effect__in=RestrictionEffectKind.values), name="restriction_effect_effect_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} × {self.purpose}: {self.effect}"


class PlayerRestriction(models.Model):
    """Something that forbids certain credits to a player while it holds; the ledger obeys it on every path.

    Nothing of it is changed but its end; a trigger keeps that and `players.is_blocked` (players/sql/restrictions.sql).
    """

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="restrictions", db_index=False)
    kind = models.CharField(max_length=20, choices=RestrictionKind.choices)
    starts_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until lifted.")
    minimum_until = models.DateTimeField(null=True, blank=True, help_text="Cannot end before, whoever asks.")
    source = models.CharField(max_length=60, help_text="Who says so: the player, a register, staff, a regulator.")
    external_reference = models.CharField(
        max_length=100, blank=True, default="", db_default="", help_text="Its name at the source; unique there."
    )
    reason = models.TextField(blank=True, default="", db_default="")
    evidence = models.JSONField(default=dict, db_default={}, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    applied_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="When what it means for the player's bonuses was done."
    )

    class Meta:
        db_table = "player_restrictions"
        ordering = ["-id"]
        permissions = [("lift_playerrestriction", "Can lift restrictions or ask for it")]
        indexes = [
            models.Index(fields=["player", "kind"], name="idx_restriction_player_kind"),
            models.Index(
                fields=["starts_at"], condition=models.Q(applied_at__isnull=True), name="idx_restriction_unapplied"
            ),
            models.Index(fields=["ends_at"], condition=models.Q(ends_at__isnull=False), name="idx_restriction_ends"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=RestrictionKind.values), name="player_restriction_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=models.F("starts_at")),
                name="player_restriction_ends_after_start",
            ),
            models.UniqueConstraint(
                fields=["source", "external_reference"],
                condition=~models.Q(external_reference=""),
                name="player_restriction_reference_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id}"

    def holds_at(self, at: datetime) -> bool:
        """Tell whether it is in force at a time."""
        return self.starts_at <= at and (self.ends_at is None or self.ends_at > at)


class RestrictionAct(models.TextChoices):
    """What happened to a restriction."""

    IMPOSED = "IMPOSED", "Imposed"
    END_MOVED = "END_MOVED", "End moved"
    LIFT_ASKED = "LIFT_ASKED", "Lifting asked for"
    LIFT_REFUSED = "LIFT_REFUSED", "Lifting refused"
    LIFTED = "LIFTED", "Lifted"
    APPLIED = "APPLIED", "Taken effect"
    CORRECTION_ASKED = "CORRECTION_ASKED", "Correction asked for"
    CORRECTION_REFUSED = "CORRECTION_REFUSED", "Correction refused"
    CORRECTED = "CORRECTED", "Entered for the wrong player"


class RestrictionChange(models.Model):
    """One line of a restriction's history: who did what, when, on whose word and why; append-only."""

    restriction = models.ForeignKey(PlayerRestriction, on_delete=models.PROTECT, related_name="changes")
    act = models.CharField(max_length=18, choices=RestrictionAct.choices)
    ends_at_before = models.DateTimeField(null=True, blank=True)
    ends_at_after = models.DateTimeField(null=True, blank=True)
    source = models.CharField(max_length=60, blank=True, default="", db_default="")
    reason = models.TextField(blank=True, default="", db_default="")
    evidence = models.JSONField(default=dict, db_default={}, blank=True)
    actor = models.CharField(max_length=150, help_text="Who did it: a user, or what runs by itself.")
    changed_at = models.DateTimeField()

    class Meta:
        db_table = "player_restriction_changes"
        ordering = ["-id"]
        verbose_name = "change of a restriction"
        verbose_name_plural = "changes of restrictions"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(act__in=RestrictionAct.values), name="restriction_change_act_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.restriction_id}"


class LiftRequest(models.Model):
    """A wish to end a restriction that one person alone may not end: asked by one, decided by another.

    A correction says that it was entered for the wrong player. Once granted, and only so, a fixed one ends before its
    minimum; the trigger on restrictions looks for it.
    """

    restriction = models.ForeignKey(PlayerRestriction, on_delete=models.PROTECT, related_name="lift_requests")
    source = models.CharField(max_length=60, help_text="Who asks: the player in writing, a register, a court.")
    reason = models.TextField()
    evidence = models.JSONField(default=dict, db_default={}, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    earliest_at = models.DateTimeField(help_text="Not granted before: the minimum and the time to think it over.")
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, blank=True)
    is_granted = models.BooleanField(null=True, blank=True)
    note = models.TextField(blank=True, default="", db_default="")
    is_correction = models.BooleanField(
        default=False, db_default=False, help_text="It was entered for the wrong player."
    )
    right_restriction = models.ForeignKey(
        PlayerRestriction,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="Of a correction: the same, of the player it was meant for. Empty: that person is no player here.",
    )

    class Meta:
        db_table = "player_restriction_lift_requests"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("asked_by")),
                name="lift_request_two_people",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True, decided_at__isnull=True, is_granted__isnull=True)
                | models.Q(decided_by__isnull=False, decided_at__isnull=False, is_granted__isnull=False),
                name="lift_request_decided_by_whom_and_when",
            ),
            models.CheckConstraint(
                condition=models.Q(is_correction=True) | models.Q(right_restriction__isnull=True),
                name="lift_request_right_one_of_a_correction",
            ),
            models.UniqueConstraint(
                fields=["restriction"], condition=models.Q(decided_at__isnull=True), name="lift_request_one_open"
            ),
        ]

    def __str__(self) -> str:
        return f"lifting of {self.restriction_id}"


class CreditRequirement(models.Model):
    """What must be known of a player before a purpose is allowed; the posting core reads it under the lock.

    No row, or a row that asks nothing: allowed. `CONVERSION` is no purpose of a posting: it is bonus money that would
    become real.
    """

    CONVERSION = "CONVERSION"
    PURPOSES = (
        (CreditPurpose.PROMOTION.value, "Promotional grant"),
        (CreditPurpose.REDEMPTION.value, "Claimed or bought with points"),
        (CreditPurpose.EARNED.value, "Points earned by play"),
        (CreditPurpose.BET.value, "Bet with bonus money"),
        (CONVERSION, "Bonus money becoming real"),
    )

    purpose = models.CharField(max_length=12, primary_key=True, choices=PURPOSES)
    minimum_age = models.PositiveSmallIntegerField(null=True, blank=True, help_text="In years. Empty: any age.")
    allows_unknown_age = models.BooleanField(
        default=False, db_default=False, help_text="Where there is a minimum: also whoever told no age."
    )
    needs_kyc = models.BooleanField("needs KYC", default=False, db_default=False)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+", editable=False
    )
    changed_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "credit_requirements"
        ordering = ["purpose"]
        verbose_name = "age and identity rule"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(
                    purpose__in=["PROMOTION", "REDEMPTION", "EARNED", "BET", "CONVERSION"],
                ),
                name="credit_requirement_purpose_known",
            ),
            models.CheckConstraint(
                condition=models.Q(minimum_age__isnull=True) | models.Q(minimum_age__lte=150),
                name="credit_requirement_age_at_most_150",
            ),
        ]

    def __str__(self) -> str:
        return str(self.get_purpose_display())
