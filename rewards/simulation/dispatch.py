"""Who answers a question what rules would cost: a worker, or this very process where there is none."""

from __future__ import annotations

import logging

from players.import_dispatch import has_worker, plain_statements
from rewards.models import RuleForecast
from rewards.simulation.forecasts import run_forecast
from rewards.tasks import run_forecast as run_in_background

log = logging.getLogger(__name__)


def dispatch_forecast(forecast: RuleForecast) -> None:
    """See that the question is answered. Without a worker it is answered here, and the caller waits.

    What is wrong is written in the forecast, not raised.
    """
    if has_worker():
        run_in_background.delay(forecast.pk)
        return
    try:
        with plain_statements():
            run_forecast(forecast.pk)
    except Exception:
        log.exception("forecast %s broke off", forecast.pk)
