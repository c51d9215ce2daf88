from __future__ import annotations

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
    """Something that forbids certain credits to a player while it holds; the ledger obeys it on every path."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="restrictions", db_index=False)
    kind = models.CharField(max_length=20, choices=RestrictionKind.choices)
    starts_at = models.DateTimeField(db_default=Now())
    ends_at = models.DateTimeField(null=True, blank=True, help_text="Empty: until lifted.")
    source = models.CharField(max_length=60, help_text="Who says so: the player, a register, staff, a regulator.")
    reason = models.TextField(blank=True, default="", db_default="")
    evidence = models.JSONField(default=dict, db_default={}, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "player_restrictions"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player", "kind"], name="idx_restriction_player_kind")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=RestrictionKind.values), name="player_restriction_kind_known"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__isnull=True) | models.Q(ends_at__gte=models.F("starts_at")),
                name="player_restriction_ends_after_start",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.player_id}"
