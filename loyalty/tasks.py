"""What Celery runs on a schedule."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from core.runs import Counts
from loyalty import activity_files
from loyalty.night import run_night
from wallet.identity import convert_known
from wallet.restricting import apply_due_restrictions


@shared_task(acks_late=True, autoretry_for=(Exception,), retry_backoff=60, max_retries=5)
def night() -> int:
    """Run the night of yesterday's business date and return the run's id; a retry goes on where it stopped."""
    return run_night(business_date=timezone.localdate() - timedelta(days=1)).pk


@shared_task(acks_late=True, reject_on_worker_lost=True)
def run_activity_file(file_id: int) -> None:
    """Store the events of an uploaded file; given out twice, it is done once."""
    activity_files.run_activity_file(file_id)


@shared_task
def restrictions_due() -> Counts:
    """Let restrictions take effect whose time has come, and convert what waited for a player to be known.

    What is missed is done the next time.
    """
    return {**apply_due_restrictions(), "bonuses converted": convert_known()}
