"""Histories the night writes: every change of segment, tier and risk score, with the run that made it."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from core.models import Run
from players.models.player import Player


class _Change(models.Model):
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    on = models.DateField(help_text="Business date of the change.")
    run = models.ForeignKey(
        Run, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_constraint=False, db_index=False
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        abstract = True


class SegmentChange(_Change):
    segment_before = models.CharField(max_length=20)
    segment_after = models.CharField(max_length=20)

    class Meta:
        db_table = "player_segment_changes"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player", "on"], name="idx_segment_change_player")]

    def __str__(self) -> str:
        return f"{self.player_id} {self.segment_before} → {self.segment_after}"


class TierChange(_Change):
    tier_before = models.CharField(max_length=30)
    tier_after = models.CharField(max_length=30)

    class Meta:
        db_table = "player_tier_changes"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player", "on"], name="idx_tier_change_player")]

    def __str__(self) -> str:
        return f"{self.player_id} {self.tier_before} → {self.tier_after}"


class RiskScoreChange(_Change):
    risk_score_before = models.PositiveSmallIntegerField()
    risk_score_after = models.PositiveSmallIntegerField()
    abuse_score_after = models.PositiveSmallIntegerField()

    class Meta:
        db_table = "player_risk_score_changes"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player", "on"], name="idx_risk_change_player")]

    def __str__(self) -> str:
        return f"{self.player_id} {self.risk_score_before} → {self.risk_score_after}"
