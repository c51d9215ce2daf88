from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from players.models.player import Player


class ImportJobStatus(models.TextChoices):
    PENDING = "PENDING", "Waiting"
    RUNNING = "RUNNING", "Running"
    SUCCEEDED = "SUCCEEDED", "Imported"
    DUPLICATE = "DUPLICATE", "Same file as before"
    FAILED = "FAILED", "Refused"


class ImportJob(models.Model):
    """One uploaded file: what it was, how far it is, what it changed and what was wrong with it."""

    file_name = models.CharField(max_length=255)
    stored_file = models.FileField(upload_to="imports/", blank=True)
    content_hash = models.CharField(max_length=64, blank=True, default="", db_default="", db_index=True)
    size_bytes = models.BigIntegerField(default=0, db_default=0)
    options = models.JSONField(default=dict, db_default={}, blank=True)
    business_date = models.DateField(help_text="The business date the totals are as of.")
    status = models.CharField(
        max_length=12, choices=ImportJobStatus.choices, default=ImportJobStatus.PENDING, db_default="PENDING"
    )
    phase = models.CharField(max_length=40, blank=True, default="", db_default="")
    progress_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    counts = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        help_text="Rows read, valid, bad, players inserted, updated, unchanged.",
    )
    notices = models.JSONField(default=list, db_default=[], blank=True)
    errors = models.JSONField(
        default=list, db_default=[], blank=True, help_text="Row, column, value, and what would be right."
    )
    rejected_file = models.FileField(upload_to="imports/", blank=True)
    duplicate_of = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "import_jobs"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ImportJobStatus.values), name="import_job_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(progress_percent__lte=100), name="import_job_progress_at_most_100"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.status})"


class ImportPlayerTotals(models.Model):
    """A player's totals before and after one import; `before` is NULL for a player the import made."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="player_totals", db_index=False)
    player = models.ForeignKey(Player, on_delete=models.CASCADE, related_name="+", db_constraint=False, db_index=False)
    row_number = models.IntegerField()
    deposited_before = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    deposited_after = models.DecimalField(max_digits=18, decimal_places=2)
    wagered_before = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    wagered_after = models.DecimalField(max_digits=18, decimal_places=2)
    won_before = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    won_after = models.DecimalField(max_digits=18, decimal_places=2)

    class Meta:
        db_table = "import_player_totals"
        ordering = ["id"]
        verbose_name_plural = "import player totals"
        indexes = [models.Index(fields=["job", "player"], name="idx_import_totals_job_player")]

    def __str__(self) -> str:
        return f"{self.player_id} in import {self.job_id}"


class ActivityFileStatus(models.TextChoices):
    NAMING = "NAMING", "Columns to be named"
    PENDING = "PENDING", "Waiting"
    RUNNING = "RUNNING", "Running"
    SUCCEEDED = "SUCCEEDED", "Imported"
    PARTIAL = "PARTIAL", "Imported in part"
    FAILED = "FAILED", "Refused"


class ActivityFile(models.Model):
    """An uploaded file of events: what its columns are, how far it is, what was stored and what was wrong with it."""

    file_name = models.CharField(max_length=255)
    stored_file = models.FileField(upload_to="activity-files/", blank=True)
    content_hash = models.CharField(max_length=64, db_index=True)
    size_bytes = models.BigIntegerField()
    source = models.CharField(max_length=40, help_text="Who reports: ids of events are unique for their source.")
    headings = models.JSONField(help_text="The file's columns, each with the first values.")
    columns = models.JSONField(default=dict, db_default={}, blank=True, help_text="Fields of events by heading.")
    constants = models.JSONField(default=dict, db_default={}, blank=True, help_text="What every row is.")
    create_players = models.BooleanField(default=False, db_default=False)
    skip_bad_rows = models.BooleanField(default=False, db_default=False)
    status = models.CharField(
        max_length=12, choices=ActivityFileStatus.choices, default=ActivityFileStatus.NAMING, db_default="NAMING"
    )
    phase = models.CharField(max_length=40, blank=True, default="", db_default="")
    progress_percent = models.PositiveSmallIntegerField(default=0, db_default=0)
    counts = models.JSONField(default=dict, db_default={}, blank=True)
    errors = models.JSONField(default=list, db_default=[], blank=True, help_text="Row, column, what would be right.")
    rejected_file = models.FileField(upload_to="activity-files/", blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "activity_files"
        ordering = ["-id"]
        verbose_name = "event file"
        constraints = [
            models.CheckConstraint(
                condition=models.Q(status__in=ActivityFileStatus.values), name="activity_file_status_known"
            ),
            models.CheckConstraint(
                condition=models.Q(progress_percent__lte=100), name="activity_file_progress_at_most_100"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.file_name} ({self.status})"
