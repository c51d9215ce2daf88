"""A batch run, its steps and their chunks: what makes the night watchable, resumable and exactly once."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now


class RunKind(models.TextChoices):
    NIGHT = "NIGHT", "Night"
    LIVE = "LIVE", "Live evaluation"
    TEST = "TEST", "Rule test"
    SIMULATION = "SIMULATION", "Simulation"
    BACKTEST = "BACKTEST", "Back-test"
    REVOCATION = "REVOCATION", "Revocation of a rule's rewards"


class RunStatus(models.TextChoices):
    PENDING = "PENDING", "Pending"
    RUNNING = "RUNNING", "Running"
    SUCCEEDED = "SUCCEEDED", "Succeeded"
    FAILED = "FAILED", "Failed"


class Run(models.Model):
    """One batch run. `business_date` drives conditions and windows, `started_at` is the real time it began."""

    kind = models.CharField(max_length=20, choices=RunKind.choices)
    business_date = models.DateField()
    status = models.CharField(max_length=20, choices=RunStatus.choices, default=RunStatus.RUNNING)
    parameters = models.JSONField(default=dict, db_default={})
    counts = models.JSONField(default=dict, db_default={})
    error = models.TextField(blank=True, default="", db_default="")
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "runs"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=RunKind.values), name="run_kind_known"),
            models.CheckConstraint(condition=models.Q(status__in=RunStatus.values), name="run_status_known"),
            models.UniqueConstraint(
                fields=["business_date"], condition=models.Q(kind="NIGHT"), name="run_one_night_per_business_date"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.business_date} (run {self.pk})"


class RunStep(models.Model):
    """One named step of a run; its chunks are created together with it."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(max_length=60)
    started_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "run_steps"
        ordering = ["run", "position"]
        constraints = [models.UniqueConstraint(fields=["run", "position"], name="run_step_position_unique")]

    def __str__(self) -> str:
        return f"step {self.name} of run {self.run_id}"


class RunChunk(models.Model):
    """A range of keys `[lower_key, upper_key)` worked on in one transaction; an open end is NULL."""

    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    lower_key = models.CharField(max_length=50, null=True, db_collation="C")
    upper_key = models.CharField(max_length=50, null=True, db_collation="C")
    is_done = models.BooleanField(default=False, db_default=False)
    counts = models.JSONField(default=dict, db_default={})
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "run_chunks"
        ordering = ["step", "number"]
        constraints = [models.UniqueConstraint(fields=["step", "number"], name="run_chunk_number_unique")]

    def __str__(self) -> str:
        return f"chunk {self.number} of step {self.step_id}"
