"""What an import did, as numbers, notices and problems."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from core.spreadsheets.report import Notice
from players.models import ImportJob, ImportJobStatus


@dataclass(frozen=True, kw_only=True)
class ImportSummary:
    """The result of an import, as its job keeps it."""

    job_id: int
    file_name: str
    status: str
    rows_read: int
    players_inserted: int
    players_updated: int
    players_unchanged: int
    rows_rejected: int
    days_estimated: int
    notices: list[dict[str, Any]] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    rejected_file: str = ""
    duplicate_of: int | None = None

    @property
    def is_already_imported(self) -> bool:
        """Whether the same content had been imported before, so that nothing was done."""
        return self.status == ImportJobStatus.DUPLICATE


@dataclass(kw_only=True)
class Outcome:
    """What was found out and done while an import ran."""

    counts: dict[str, int] = field(default_factory=dict)
    notices: list[Notice] = field(default_factory=list)
    problems: list[dict[str, Any]] = field(default_factory=list)
    """The first problems; `counts["problems"]` says how many there are."""
    rejected_file: str = ""


def summarize(job: ImportJob) -> ImportSummary:
    """Return a job's result."""
    counts: dict[str, int] = job.counts
    return ImportSummary(
        job_id=job.pk,
        file_name=job.file_name,
        status=job.status,
        rows_read=counts.get("rows_read", 0),
        players_inserted=counts.get("inserted", 0),
        players_updated=counts.get("updated", 0),
        players_unchanged=counts.get("unchanged", 0),
        rows_rejected=counts.get("rejected", 0),
        days_estimated=counts.get("days_estimated", 0),
        notices=job.notices,
        problems=job.errors,
        rejected_file=job.rejected_file.name or "",
        duplicate_of=job.duplicate_of_id,
    )
