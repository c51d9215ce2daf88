"""What can go wrong with an import as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.errors import ConflictError, InvalidInputError

if TYPE_CHECKING:
    from players.models import ImportJob


class ImportRefusedError(InvalidInputError):
    """Raised when a file was refused and nothing was imported. `problems` lists what was wrong, `job` is its record."""

    code = "import_refused"

    def __init__(self, message: str, *, problems: list[dict[str, Any]], job: ImportJob | None = None) -> None:
        super().__init__(message, problems=problems, job_id=job.pk if job else None)
        self.problems = problems
        self.job = job


class ImportConflictError(ConflictError):
    """Raised when players were changed by something else while they were imported; running the import again helps."""

    code = "import_conflict"


class ImportRunningError(ConflictError):
    """Raised when another process is already working on the same import."""

    code = "import_running"
