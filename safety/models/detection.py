"""Detectors with their thresholds as data, what accounts share, and the rings found."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import Player


class DetectorMode(models.TextChoices):
    OFF = "OFF", "Off"
    SHADOW = "SHADOW", "Shadow"
    ACTIVE = "ACTIVE", "Active"


class Detector(models.Model):
    """One kind of abuse that is looked for. Rows are made by migrations, one for each definition in the code."""

    code = models.CharField(max_length=40, primary_key=True)
    mode = models.CharField(
        max_length=6,
        choices=DetectorMode.choices,
        help_text="Shadow: finds and logs, without consequence. Active: its signals count.",
    )
    severity = models.PositiveSmallIntegerField(help_text="Of each of its signals, 1 (weak) to 10 (certain).")
    thresholds = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="What differs from the thresholds that the detector ships."
    )
    last_run_at = models.DateTimeField(null=True, blank=True)
    last_run = models.JSONField(default=dict, db_default={}, blank=True, help_text="What its last whole run found.")

    class Meta:
        db_table = "safety_detectors"
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=models.Q(mode__in=DetectorMode.values), name="detector_mode_known"),
            models.CheckConstraint(
                condition=models.Q(severity__gte=1, severity__lte=10), name="detector_severity_1_to_10"
            ),
        ]

    def __str__(self) -> str:
        return self.code


class DetectorChange(models.Model):
    """Who changed what of a detector, when and why; never edited."""

    detector = models.ForeignKey(Detector, on_delete=models.PROTECT, related_name="changes")
    before = models.JSONField()
    after = models.JSONField()
    precision = models.JSONField(default=dict, db_default={}, help_text="The detector's figures when it was changed.")
    reason = models.CharField(max_length=500)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_detector_changes"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"change {self.pk} of {self.detector_id}"


class ThingKind(models.TextChoices):
    """What two accounts may have in common."""

    DEVICE = "DEVICE", "Device"
    IP = "IP", "IP address"


class Link(models.Model):
    """A player used a device or an IP address: the edges that rings are made of."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False)
    kind = models.CharField(max_length=6, choices=ThingKind.choices)
    value = models.CharField(max_length=100, db_collation="C")
    first_seen_on = models.DateField()
    last_seen_on = models.DateField()

    class Meta:
        db_table = "safety_links"
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["player", "kind", "value"], name="safety_link_unique")]
        indexes = [models.Index(fields=["value", "kind"], name="idx_safety_link_value")]

    def __str__(self) -> str:
        return f"{self.player_id} on {self.value}"


def _amount(help_text: str = "") -> models.DecimalField[Any, Decimal]:
    return models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00"), help_text=help_text
    )


class Ring(models.Model):
    """Accounts that share devices or addresses and used bonuses at the same time; figures of the detector's window."""

    members_count = models.PositiveIntegerField()
    things_count = models.PositiveIntegerField(help_text="Devices and addresses that at least two members share.")
    bonus_value = _amount("Bonus money given to the members.")
    converted = _amount("Bonus money that became real money.")
    deposited = _amount()
    withdrawn = _amount()
    extracted = _amount("What the members took out beyond what they paid in: withdrawn − deposited, 0 where negative.")
    found_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "safety_rings"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"ring {self.pk}"


class RingMember(models.Model):
    """One account of a ring."""

    ring = models.ForeignKey(Ring, on_delete=models.CASCADE, related_name="members")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="ring_memberships")
    bonus_value = _amount()
    converted = _amount()
    deposited = _amount()
    withdrawn = _amount()
    partners = models.PositiveIntegerField(default=0, db_default=0, help_text="Members it is linked to directly.")
    joined_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "safety_ring_members"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["ring", "player"], name="ring_member_unique")]

    def __str__(self) -> str:
        return f"{self.player_id} of ring {self.ring_id}"


class RingThing(models.Model):
    """A device or an address that members of a ring share."""

    ring = models.ForeignKey(Ring, on_delete=models.CASCADE, related_name="things")
    kind = models.CharField(max_length=6, choices=ThingKind.choices)
    value = models.CharField(max_length=100)
    members_count = models.PositiveIntegerField()
    last_seen_at = models.DateTimeField()

    class Meta:
        db_table = "safety_ring_things"
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["ring", "kind", "value"], name="ring_thing_unique")]

    def __str__(self) -> str:
        return f"{self.value} of ring {self.ring_id}"
