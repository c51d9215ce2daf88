"""Caps that staff set beside the policies for everybody: per player of a segment or tier, and for whole groups."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models import Player, PlayerSegment


class CapKind(models.TextChoices):
    """Who shares a cap."""

    PER_PLAYER = "PER_PLAYER", "Each player of it"
    POOL = "POOL", "All of them together"


class CapWindow(models.TextChoices):
    """In what time it may be given."""

    DAY = "DAY", "Business day"
    WEEK = "WEEK", "ISO week"
    MONTH = "MONTH", "Calendar month"


class RewardCap(models.Model):
    """The most that may be granted in a window, in money value. Of all that hold for a player the tightest counts.

    A pool of no segment and no tier is that of everybody.
    """

    kind = models.CharField(max_length=10, choices=CapKind.choices)
    segment = models.CharField(max_length=20, choices=PlayerSegment.choices, blank=True, default="", db_default="")
    tier = models.CharField(max_length=30, blank=True, default="", db_default="", help_text="A tier's level.")
    window = models.CharField(max_length=5, choices=CapWindow.choices)
    value = models.DecimalField(max_digits=18, decimal_places=2, help_text="Money value; 0: nothing at all.")
    is_active = models.BooleanField(default=True, db_default=True)

    class Meta:
        db_table = "safety_caps"
        ordering = ["kind", "segment", "tier", "window"]
        verbose_name = "reward cap"
        constraints = [
            models.UniqueConstraint(fields=["kind", "segment", "tier", "window"], name="reward_cap_unique"),
            models.CheckConstraint(condition=models.Q(value__gte=0), name="reward_cap_not_negative"),
            models.CheckConstraint(condition=models.Q(segment="") | models.Q(tier=""), name="reward_cap_one_group"),
            models.CheckConstraint(
                condition=models.Q(kind="POOL") | ~models.Q(segment="", tier=""), name="reward_cap_player_has_group"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} per {self.get_window_display()}, {self.scope_words}"

    @property
    def scope_words(self) -> str:
        """Whom it holds for, in words."""
        group = f"segment {self.segment}" if self.segment else f"tier {self.tier}" if self.tier else "everybody"
        return f"each player of {group}" if self.kind == CapKind.PER_PLAYER else f"{group} together"


class RewardCapChange(models.Model):
    """What somebody made of a cap, and why; appended by the service that writes caps."""

    cap = models.ForeignKey(RewardCap, on_delete=models.PROTECT, related_name="changes")
    value_before = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    value_after = models.DecimalField(max_digits=18, decimal_places=2)
    was_active = models.BooleanField(null=True)
    is_active = models.BooleanField()
    reason = models.CharField(max_length=500)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True)
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "safety_cap_changes"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.value_after} since {self.changed_at:%Y-%m-%d}"


class PoolDay(models.Model):
    """What was granted to a pool's group on a business date, reservations included; counted while it has a cap."""

    pk = models.CompositePrimaryKey("segment", "tier", "on")
    segment = models.CharField(max_length=20)
    tier = models.CharField(max_length=30)
    on = models.DateField()
    given_value = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        db_table = "safety_pool_days"

    def __str__(self) -> str:
        return f"{self.given_value} on {self.on}"


class PoolMember(models.Model):
    """The segment and tier under which a player's grants of a business date count, whatever becomes of them later."""

    pk = models.CompositePrimaryKey("player", "on")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    on = models.DateField()
    segment = models.CharField(max_length=20)
    tier = models.CharField(max_length=30)

    class Meta:
        db_table = "safety_pool_members"

    def __str__(self) -> str:
        return f"{self.player_id} as {self.segment} {self.tier} on {self.on}"


class PoolRelease(models.Model):
    """What a reversal freed of a pool: added by a trigger, so that taking back many waits for nobody."""

    segment = models.CharField(max_length=20)
    tier = models.CharField(max_length=30)
    on = models.DateField(help_text="Business date of the grant.")
    value = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        db_table = "safety_pool_releases"
        indexes = [models.Index(fields=["on"], name="idx_pool_release_on")]

    def __str__(self) -> str:
        return f"{self.value} of {self.on}"
