"""Background work on rules."""

from __future__ import annotations

from celery import shared_task

from rewards.rule_life import revoking
from rewards.simulation import forecasts


@shared_task(name="rewards.run_forecast", acks_late=True, reject_on_worker_lost=True)
def run_forecast(forecast_id: int) -> None:
    """Answer what rules would cost; given out twice, nothing is different."""
    forecasts.run_forecast(forecast_id)


@shared_task(name="rewards.run_revocation", acks_late=True, reject_on_worker_lost=True)
def run_revocation(run_id: int) -> None:
    """Take back what is left of a rule's rewards; given out twice, both work on the same chunks."""
    revoking.run_revocation(run_id)
