"""What Celery runs on a schedule."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from loyalty.night import run_night


@shared_task(acks_late=True, autoretry_for=(Exception,), retry_backoff=60, max_retries=5)
def night() -> int:
    """Run the night of yesterday's business date and return the run's id; a retry goes on where it stopped."""
    return run_night(business_date=timezone.localdate() - timedelta(days=1)).pk
