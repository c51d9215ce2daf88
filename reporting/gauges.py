"""What risk staff have before them, as gauges for Prometheus: asked of the database at each scrape, so that every web
process says the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import DatabaseError, transaction
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from core.expressions import fetch_rows, run_statement
from safety.models import UNDECIDED, Detector, DetectorMode

# A scrape waits for no lock and holds no connection for long.
SECONDS_MAX = 3

_CASES = """
    SELECT status, count(*), count(*) FILTER (WHERE due_at < now()), count(*) FILTER (WHERE assigned_to_id IS NULL),
           coalesce(sum(money_at_stake), 0), extract(epoch FROM now() - min(opened_at))
    FROM safety_review_cases WHERE status = ANY (%s) GROUP BY status
"""
_PENDING = """
    SELECT count(*), coalesce(extract(epoch FROM now() - min(decided_at)), 0)
    FROM reward_decisions WHERE verdict = 'PENDING_REVIEW' AND reason = 'ABUSE_REVIEW'
"""
# Signals that a detector found and nobody has judged since; those that people wrote down have no detector.
_SIGNALS = """
    SELECT detector, count(*) FILTER (WHERE NOT is_shadow), count(*) FILTER (WHERE is_shadow)
    FROM abuse_signals WHERE NOT is_resolved AND (outcome = '' OR detected_at > judged_at) AND detector <> ''
    GROUP BY detector
"""


class SafetyCollector(Collector):
    """Yields the gauges; where the database does not answer, only that it does not."""

    def collect(self) -> Iterator[Metric]:
        try:
            with transaction.atomic():
                run_statement(f"SET LOCAL statement_timeout = '{SECONDS_MAX}s'", [])
                found = [*_case_gauges(), *_pending_gauges(), *_detector_gauges()]
        except DatabaseError:
            found = []
        yield GaugeMetricFamily(
            "loyalty_safety_figures_up", "1 where the database answered for the figures below.", value=bool(found)
        )
        yield from found


def _case_gauges() -> list[Metric]:
    rows = {status: figures for status, *figures in fetch_rows(_CASES, [list(UNDECIDED)])}
    gauges = (
        ("loyalty_review_cases", "Review cases that are not decided, by status."),
        ("loyalty_review_cases_overdue", "Of them those past their due time."),
        ("loyalty_review_cases_unassigned", "Of them those that nobody has."),
        ("loyalty_review_money_at_stake", "Of them the money at stake, in the operator's currency."),
        ("loyalty_review_oldest_case_seconds", "Of them the age of the oldest."),
    )
    nothing = [0] * len(gauges)
    return [
        _by_label(
            name, text, label="status", values={str(status): rows.get(status, nothing)[place] for status in UNDECIDED}
        )
        for place, (name, text) in enumerate(gauges)
    ]


def _pending_gauges() -> list[Metric]:
    ((count, oldest),) = fetch_rows(_PENDING, [])
    return [
        GaugeMetricFamily("loyalty_rewards_pending_review", "Rewards that wait for a review case.", value=count),
        GaugeMetricFamily("loyalty_rewards_pending_review_oldest_seconds", "How long the first waits.", value=oldest),
    ]


def _detector_gauges() -> list[Metric]:
    found = {code: (counted, shadow) for code, counted, shadow in fetch_rows(_SIGNALS, [])}
    signals = GaugeMetricFamily(
        "loyalty_abuse_signals_open",
        "Signals that nobody has judged, by detector; in shadow they have no consequence.",
        labels=["detector", "is_shadow"],
    )
    ran = GaugeMetricFamily(
        "loyalty_detector_last_run_seconds", "Unix time of the last run over everybody.", labels=["detector"]
    )
    for code, mode, last_run_at in Detector.objects.values_list("code", "mode", "last_run_at").order_by("code"):
        counted, shadow = found.get(code, (0, 0))
        signals.add_metric([code, "false"], counted)
        signals.add_metric([code, "true"], shadow)
        if mode != DetectorMode.OFF:
            ran.add_metric([code], _unix_time(last_run_at))
    return [signals, ran]


def _unix_time(at: datetime | None) -> float:
    """Return 0 for what never ran: an alert on its age fires."""
    return at.timestamp() if at else 0.0


def _by_label(name: str, text: str, *, label: str, values: dict[str, Any]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=[label])
    for value, figure in values.items():
        family.add_metric([value], float(figure))
    return family
