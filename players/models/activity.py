"""What the gaming platform reports of real play, and the daily rows built from it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models.jurisdictions import ProductType
from players.models.player import Player


class ActivityKind(models.TextChoices):
    DEPOSIT = "DEPOSIT", "Deposit"
    WITHDRAWAL = "WITHDRAWAL", "Withdrawal"
    WAGER = "WAGER", "Wager"
    WIN = "WIN", "Win"
    SESSION = "SESSION", "Session"
    ACTION = "ACTION", "Action"


class GameCategory(models.Model):
    """A kind of game with what it earns the house and what it counts for."""

    code = models.CharField(max_length=40, primary_key=True)
    name = models.CharField(max_length=80)
    house_edge_rate = models.DecimalField(
        max_digits=7, decimal_places=6, help_text="Share of the stake the house keeps in the long run, 0–1."
    )
    contribution_weight = models.DecimalField(
        max_digits=5, decimal_places=4, default=Decimal(1), help_text="Share of a stake that counts as wagering, 0–1."
    )
    product = models.CharField(
        max_length=10,
        choices=ProductType.choices,
        blank=True,
        default="",
        db_default="",
        help_text="The type of gambling product; empty: not known, and then it counts as a type of its own.",
    )
    lp_per_unit_staked = models.DecimalField(
        max_digits=9, decimal_places=6, default=Decimal("0.1"), help_text="Loyalty points earned per unit staked."
    )

    class Meta:
        db_table = "game_categories"
        ordering = ["code"]
        verbose_name_plural = "game categories"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(house_edge_rate__gte=0, house_edge_rate__lte=1), name="game_category_edge_0_to_1"
            ),
            models.CheckConstraint(
                condition=models.Q(contribution_weight__gte=0, contribution_weight__lte=1),
                name="game_category_weight_0_to_1",
            ),
            models.CheckConstraint(
                condition=models.Q(lp_per_unit_staked__gte=0), name="game_category_lp_rate_not_negative"
            ),
            models.CheckConstraint(
                condition=models.Q(product__in=["", *ProductType.values]), name="game_category_product_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Activity(models.Model):
    """One reported event. Append-only; partitioned by month of `occurred_at`; unique through ActivityKey."""

    id = models.BigAutoField(primary_key=True)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    kind = models.CharField(max_length=12, choices=ActivityKind.choices)
    source = models.CharField(max_length=40)
    external_id = models.CharField(max_length=100)
    occurred_at = models.DateTimeField()
    received_at = models.DateTimeField(db_default=Now())
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    bonus_amount = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, blank=True, help_text="The part of the amount that is bonus money."
    )
    bet_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    game_category = models.CharField(max_length=40, blank=True, default="", db_default="")
    ended_at = models.DateTimeField(null=True, blank=True, help_text="End of a session.")
    ip_address = models.GenericIPAddressField(null=True, blank=True)
    device_id = models.CharField(max_length=100, blank=True, default="", db_default="")
    action = models.CharField(max_length=60, blank=True, default="", db_default="")
    corrects_external_id = models.CharField(max_length=100, blank=True, default="", db_default="")

    class Meta:
        db_table = "player_activity"
        ordering = ["-occurred_at"]
        verbose_name_plural = "activity"
        indexes = [
            models.Index(fields=["player", "occurred_at"], name="idx_activity_player_date"),
            models.Index(
                fields=["corrects_external_id"],
                condition=models.Q(corrects_external_id__gt=""),
                name="idx_activity_correction",
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=ActivityKind.values), name="activity_kind_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}/{self.external_id}"


class ActivityKey(models.Model):
    """The unique name of an event with the hash of its body, outside the partitions.

    In the database the name alone is unique by an index; `id` is numbered by a sequence and found by a small one.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=100, db_collation="C")
    body_hash = models.BinaryField(max_length=32)
    occurred_at = models.DateTimeField()

    class Meta:
        db_table = "player_activity_keys"
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="activity_key_unique")]

    def __str__(self) -> str:
        return f"{self.source}/{self.external_id}"


def _sum(help_text: str = "") -> models.DecimalField[Any, Decimal]:
    return models.DecimalField(
        max_digits=18, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00"), help_text=help_text
    )


class PlayerDay(models.Model):
    """What one player did on one business date; windows and points from play are computed from these rows."""

    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="days", db_index=False)
    on = models.DateField()
    deposited = _sum()
    withdrawn = _sum()
    wagered = _sum()
    won = _sum()
    bets = models.IntegerField(default=0, db_default=0)
    sessions = models.IntegerField(default=0, db_default=0)
    playtime_hours = models.DecimalField(
        max_digits=12, decimal_places=2, default=Decimal("0.00"), db_default=Decimal("0.00")
    )
    sessions_reported = models.IntegerField(
        default=0, db_default=0, help_text="Sessions the platform reported that began on the day."
    )
    sessions_inferred = models.IntegerField(
        default=0, db_default=0, help_text="Sessions by the gaps between bets; count where none was reported."
    )
    played_reported = models.DurationField(default=timedelta(0), db_default=timedelta(0))
    played_inferred = models.DurationField(default=timedelta(0), db_default=timedelta(0))
    games = models.JSONField(
        null=True, blank=True, help_text="By game category: bets, wagered, won; NULL where the source names none."
    )
    wagered_accrued = _sum("The turnover of an estimated day that its points due count already.")
    lp_accrued = models.DecimalField(
        max_digits=32,
        decimal_places=12,
        default=Decimal(0),
        db_default=Decimal(0),
        help_text="What reported stakes earned, before it is rounded to the points due.",
    )
    lp_due = _sum()
    lp_posted = _sum("Credited for the day, less what was taken back.")
    lp_refused = _sum()
    lp_taken_back = _sum("Taken back over time, because less was due than had been posted; it only grows.")
    is_estimated = models.BooleanField(
        default=False, db_default=False, help_text="Spread from the difference of two files, not reported by day."
    )
    # Columns of their own, for an index that names sums is written anew with each batch that moves them.
    is_lp_open = models.GeneratedField(
        expression=models.Q(lp_due__gt=models.F("lp_posted") + models.F("lp_refused")),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="More points are due than were posted or refused.",
    )
    is_lp_excessive = models.GeneratedField(
        expression=models.Q(lp_due__lt=models.F("lp_posted")),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="More points were posted than are due since a correction.",
    )
    is_turnover_open = models.GeneratedField(
        expression=models.Q(is_estimated=True, wagered__gt=models.F("wagered_accrued")),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
        help_text="An estimated day whose turnover has not earned its points yet.",
    )

    class Meta:
        db_table = "player_days"
        ordering = ["-on"]
        constraints = [models.UniqueConstraint(fields=["player", "on"], name="player_day_unique")]
        indexes = [
            models.Index(fields=["player"], condition=models.Q(is_lp_open=True), name="idx_player_day_with_lp_open"),
            models.Index(
                fields=["player"], condition=models.Q(is_turnover_open=True), name="idx_player_day_turnover_open"
            ),
            models.Index(
                fields=["player"], condition=models.Q(is_lp_excessive=True), name="idx_player_day_lp_excessive"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.player_id} on {self.on}"


class ExceptionReason(models.TextChoices):
    """Why an event could not be counted when it came."""

    ORIGINAL_UNKNOWN = "ORIGINAL_UNKNOWN", "Corrects an event that has not arrived"
    NOT_ITS_ORIGINAL = "NOT_ITS_ORIGINAL", "Corrects an event of another player or kind, or another correction"
    ORIGINAL_ARCHIVED = "ORIGINAL_ARCHIVED", "Corrects an event of an archived month"
    DOES_NOT_FIT = "DOES_NOT_FIT", "Says what cannot be corrected"
    TOO_OLD = "TOO_OLD", "Older than the events that are kept"
    BEFORE_OPENING = "BEFORE_OPENING", "Part of the opening balance already"


class ExceptionStatus(models.TextChoices):
    """What became of an event that could not be counted: forward only."""

    WAITING = "WAITING", "Waits for its original"
    OPEN = "OPEN", "To be looked at"
    APPLIED = "APPLIED", "Counted"
    DISMISSED = "DISMISSED", "Dismissed"


class ActivityException(models.Model):
    """An event that was received and not counted, with the reason; its name is taken like that of any other event."""

    source = models.CharField(max_length=40, db_collation="C")
    external_id = models.CharField(max_length=100, db_collation="C")
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_constraint=False, db_index=False)
    kind = models.CharField(max_length=12, choices=ActivityKind.choices)
    occurred_at = models.DateTimeField()
    corrects_external_id = models.CharField(max_length=100, blank=True, default="", db_default="", db_collation="C")
    reason = models.CharField(max_length=20, choices=ExceptionReason.choices)
    status = models.CharField(max_length=10, choices=ExceptionStatus.choices)
    body = models.JSONField(help_text="The event as it was read.")
    received_at = models.DateTimeField(db_default=Now())
    note = models.CharField(max_length=500, blank=True, default="", db_default="")
    resolved_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    resolved_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "player_activity_exceptions"
        ordering = ["-id"]
        permissions = [("resolve_activityexception", "Can count or dismiss an event that was not counted")]
        constraints = [
            models.UniqueConstraint(fields=["source", "external_id"], name="activity_exception_unique"),
            models.CheckConstraint(
                condition=models.Q(reason__in=ExceptionReason.values), name="activity_exception_reason_known"
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=ExceptionStatus.values), name="activity_exception_status_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["source", "corrects_external_id"],
                condition=models.Q(status="WAITING"),
                name="idx_activity_exception_waiting",
            ),
            models.Index(fields=["player"], name="idx_activity_exception_player"),
        ]

    def __str__(self) -> str:
        return f"{self.source}/{self.external_id}: {self.get_reason_display().lower()}"


class ActivityArchive(models.Model):
    """A month of activity that was written to a file and taken out of the database; later events of it are listed."""

    month = models.DateField(unique=True, help_text="Its first day.")
    file_name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64, help_text="Of the file, as sha256sum prints it.")
    events = models.BigIntegerField()
    are_keys_kept = models.BooleanField(help_text="On: an event of the month that comes again is known by its name.")
    archived_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "player_activity_archives"
        ordering = ["-month"]

    def __str__(self) -> str:
        return f"activity of {self.month:%Y-%m}"


class SourceChange(models.Model):
    """A switch of where a player's totals come from."""

    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="+", db_index=False)
    source_before = models.CharField(max_length=10, blank=True)
    source_after = models.CharField(max_length=10)
    opening_as_of = models.DateField(
        null=True, blank=True, help_text="Business date up to which the totals are the opening balance."
    )
    reason = models.CharField(max_length=200)
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "player_source_changes"
        ordering = ["-id"]
        indexes = [models.Index(fields=["player"], name="idx_source_change_player")]

    def __str__(self) -> str:
        return f"{self.player_id}: {self.source_before or 'none'} → {self.source_after}"
