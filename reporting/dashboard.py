"""The key figures: the last night's summary, and what a cheap look adds."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from core.models import Run, RunKind, RunStatus
from core.runs import step_counts
from players.models import ImportJob, ImportJobStatus
from reporting.models import DailySummary

OPEN_IMPORT_STATUSES = (ImportJobStatus.PENDING, ImportJobStatus.RUNNING)
OPEN_IMPORTS_MAX = 20

Figures = dict[str, Any]


def dashboard_figures() -> Figures:
    """Return what the dashboard shows; `figures` is None before the first night. Five small queries."""
    summary = DailySummary.objects.order_by("-on").first()
    return {
        "as_of": summary.on if summary else None,
        "figures": summary.figures if summary else None,
        "last_night": last_night(),
        "open_imports": open_imports(),
    }


def last_night() -> Figures | None:
    """Return the newest night with its steps, how long each took and what it counted."""
    run = Run.objects.filter(kind=RunKind.NIGHT).order_by("-started_at").first()
    if run is None:
        return None
    counts = step_counts(run)
    end = run.finished_at or (timezone.now() if run.status == RunStatus.RUNNING else None)
    return {
        "run_id": run.pk,
        "business_date": run.business_date,
        "status": run.status,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "seconds": (end - run.started_at).total_seconds() if end else None,
        "error": run.error,
        "steps": [_step(step, counts.get(step.name, {})) for step in run.steps.order_by("position")],
    }


def _step(step: Any, counts: dict[str, int]) -> Figures:
    took = (step.finished_at - step.started_at).total_seconds() if step.finished_at else None
    return {"name": step.name, "seconds": took, "counts": counts}


def open_imports() -> list[Figures]:
    """Return the imports that wait or run, the newest first."""
    jobs = ImportJob.objects.filter(status__in=OPEN_IMPORT_STATUSES).order_by("-pk")[:OPEN_IMPORTS_MAX]
    columns = ("id", "file_name", "status", "phase", "progress_percent", "created_at")
    return [{"job_id": row.pop("id"), **row} for row in jobs.values(*columns)]
