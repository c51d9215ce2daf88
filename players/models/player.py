from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from players.models.jurisdictions import Jurisdiction


class PlayerSegment(models.TextChoices):
    NEW = "NEW", "New"
    WINNING = "WINNING", "Winning"
    BREAKEVEN = "BREAKEVEN", "Breakeven"
    LOSING = "LOSING", "Losing"
    VIP = "VIP", "VIP"


class PlayerSource(models.TextChoices):
    """Where a player's totals come from; one source a player, switching is explicit."""

    FILE = "FILE", "Spreadsheet files"
    FEED = "FEED", "Activity feed"


class Player(models.Model):
    """A player's profile and status. Measures are in PlayerMetrics, money is in the wallet."""

    player_id = models.CharField(max_length=50, primary_key=True, db_collation="C")
    email = models.CharField(max_length=255, null=True, blank=True, unique=True)
    name = models.CharField(max_length=255, blank=True, default="", db_default="")
    segment = models.CharField(
        max_length=20, choices=PlayerSegment.choices, default=PlayerSegment.NEW, db_default=PlayerSegment.NEW
    )
    tier = models.CharField(max_length=30, default="BRONZE", db_default="BRONZE", help_text="The level of a tier row.")
    tier_kept_until = models.DateField(
        null=True,
        blank=True,
        help_text="Last business date on which the tier is kept although the points no longer reach it.",
    )
    risk_score = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="0–100: abuse score plus configured points."
    )
    is_active = models.BooleanField(default=True, db_default=True, help_text="Off for a player removed by staff.")
    is_blocked = models.BooleanField(
        default=False, db_default=False, help_text="Derived from the player's restrictions; never edited by hand."
    )
    source = models.CharField(max_length=10, choices=PlayerSource.choices, blank=True, default="", db_default="")
    country = models.CharField(max_length=60, blank=True, default="", db_default="")
    jurisdiction = models.ForeignKey(
        Jurisdiction,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        db_column="jurisdiction",
        db_index=False,
        related_name="+",
        help_text="Set by staff where the country does not tell; empty: the country decides.",
    )
    language = models.CharField(max_length=60, blank=True, default="", db_default="")
    gender = models.CharField(max_length=30, blank=True, default="", db_default="")
    age = models.PositiveSmallIntegerField(null=True, blank=True, help_text="As reported by the source, in years.")
    kyc_completed_at = models.DateTimeField(null=True, blank=True)
    profile_depth = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="Share of the profile that is filled in, 0–100."
    )
    tags = ArrayField(models.CharField(max_length=60), default=list, db_default=[], blank=True)
    registered_on = models.DateField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)
    last_activity_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "players"
        ordering = ["player_id"]
        indexes = [
            models.Index(fields=["segment", "tier"], name="idx_player_segment_tier"),
            models.Index(fields=["player_id"], condition=models.Q(is_blocked=True), name="idx_player_blocked"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(segment__in=PlayerSegment.values), name="player_segment_known"),
            models.CheckConstraint(
                condition=models.Q(risk_score__gte=0, risk_score__lte=100), name="player_risk_score_0_to_100"
            ),
            models.CheckConstraint(condition=~models.Q(player_id=""), name="player_id_not_empty"),
            models.CheckConstraint(
                condition=models.Q(source__in=["", *PlayerSource.values]), name="player_source_known"
            ),
            models.CheckConstraint(condition=models.Q(profile_depth__lte=100), name="player_profile_depth_at_most_100"),
        ]

    def __str__(self) -> str:
        return self.player_id
