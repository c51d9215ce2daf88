"""Run the night in several processes that share its chunks."""

from __future__ import annotations

import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

from core.environment import PROJECT_FOLDER
from core.models import Run
from loyalty.pipeline import OnChunk, open_night, work_on_night
from loyalty.policies import NIGHT_WORKERS

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def run_night(
    *,
    business_date: date,
    workers: int | None = None,
    started_by: User | None = None,
    on_chunk: OnChunk | None = None,
) -> Run:
    """Run the night of a business date to its end and return it; a finished one is returned as it is.

    `workers` counts the processes, this one included. A helper that dies loses nothing: its chunk is free again.
    """
    run = open_night(business_date=business_date, started_by=started_by)
    helpers = [_start_helper(run) for _ in range((workers or NIGHT_WORKERS.value()) - 1)]
    try:
        return work_on_night(run, on_chunk=on_chunk)
    finally:
        for helper in helpers:
            helper.terminate()
            helper.wait()


def _start_helper(run: Run) -> subprocess.Popen[bytes]:
    # What the checks look at is what this process runs.
    command = [sys.executable, str(PROJECT_FOLDER / "manage.py"), "night", "--join", str(run.pk), "--skip-checks"]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
