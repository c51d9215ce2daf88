"""What a detector would find with other thresholds, and whom its signals would hit: run in full and taken back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import OperationalError, transaction
from django.utils import timezone

from core.background import plain_statements
from core.errors import RefusedError
from core.expressions import compile_queryset, fetch_rows, run_statement
from safety import policies
from safety.abuse import abuse_scores
from safety.detection.catalogue import SetDetector, definition_of
from safety.detection.changing import DetectorSettings, check_settings
from safety.detection.recording import find_signals, write_signals
from safety.detection.scope import Scope
from safety.detection.thresholds import parse_thresholds
from safety.models import AbuseSignal, DetectorMode

SECONDS_MAX = 60
SHOWN_MAX = 20


class PreviewTooLongError(RefusedError):
    """Raised when a detector takes too long for somebody who waits; nothing is left of it."""

    code = "preview_too_long"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bands:
    """How many of the players found are in each band of the abuse score."""

    untouched: int
    reduced: int
    raised: int
    reviewed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorPreview:
    """Players, each once: `new` have no open signal of the detector now, `gone` have one and would not be found."""

    found: int
    new: int
    gone: int
    before: Bands
    after: Bands
    shown: list[tuple[str, str]]
    seconds: float


def preview_detector(*, code: str, severity: int, thresholds: Any, at: datetime | None = None) -> DetectorPreview:
    """Run a detector over everybody as if it counted with this severity and these thresholds; nothing is written.

    Raises NotFoundError, InvalidInputError, ThresholdError, and PreviewTooLongError after a minute.
    """
    check_settings(code=code, settings=DetectorSettings(mode="ACTIVE", severity=severity, thresholds=thresholds))
    definition = definition_of(code)
    detector = SetDetector(
        definition=definition,
        mode=DetectorMode.ACTIVE,
        severity=severity,
        thresholds=parse_thresholds(thresholds, declared=definition.thresholds),
    )
    try:
        with plain_statements(), transaction.atomic():
            run_statement(f"SET LOCAL statement_timeout = '{SECONDS_MAX}s'", [])
            found = _run(detector, scope=Scope(at=at or timezone.now()))
            transaction.set_rollback(True)
    except OperationalError as error:
        if getattr(error.__cause__, "sqlstate", "") != "57014":
            raise
        raise PreviewTooLongError(
            f"{definition.title} takes longer than {SECONDS_MAX} seconds over everybody: set window_days lower, or let "
            "it run in shadow by night",
            code=code,
        ) from None
    return found


def _run(detector: SetDetector, *, scope: Scope) -> DetectorPreview:
    began = time.monotonic()
    if detector.definition.prepare:
        # Over everybody there is always something to compare.
        detector.definition.prepare(scope, detector.thresholds)
    found = find_signals(detector, scope=scope)
    seconds = time.monotonic() - began
    before = _bands(at=scope.at)
    told = write_signals(detector, scope=scope)
    signals = AbuseSignal.objects.filter(detector=detector.code, is_resolved=False)
    return DetectorPreview(
        found=found,
        new=told["new"],
        gone=signals.exclude(last_seen_at=scope.at).count(),
        before=before,
        after=_bands(at=scope.at),
        shown=list(
            signals.filter(last_seen_at=scope.at)
            .order_by("player_id")
            .values_list("player_id", "description")[:SHOWN_MAX]
        ),
        seconds=seconds,
    )


def _bands(*, at: datetime) -> Bands:
    """Count the players of `detection_found` by the score that their signals make now."""
    scores, params = compile_queryset(abuse_scores(at=at))
    reduced, raised, reviewed = (
        policy.value()
        for policy in (policies.ABUSE_REDUCE_FROM, policies.ABUSE_WAGERING_FROM, policies.ABUSE_REVIEW_FROM)
    )
    sql = f"""
        SELECT count(*) FILTER (WHERE score < %s), count(*) FILTER (WHERE score >= %s AND score < %s),
               count(*) FILTER (WHERE score >= %s AND score < %s), count(*) FILTER (WHERE score >= %s)
        FROM (SELECT coalesce(s.score, 0) AS score FROM detection_found f
              LEFT JOIN ({scores}) s ON s.player_id = f.player_id) found
    """
    ((none, cut, more, review),) = fetch_rows(sql, [reduced, reduced, raised, raised, reviewed, reviewed, *params])
    return Bands(untouched=none, reduced=cut, raised=more, reviewed=review)
