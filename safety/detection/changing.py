"""Detectors changed by risk staff: checked in full, with who, when, why and what the detector's figures were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction

from core.errors import InvalidInputError, NotFoundError, RefusedError
from core.strict_json import is_storable
from safety.detection.catalogue import definition_of
from safety.detection.precision import precision_of
from safety.detection.thresholds import as_json, parse_thresholds
from safety.models import AbuseSignal, Detector, DetectorChange, DetectorMode

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500


class ConfirmationNeededError(RefusedError):
    """Raised when a detector is to be switched on without confirming what its figures say; they are in `details`."""

    code = "confirmation_needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorSettings:
    """What staff may change of a detector."""

    mode: str
    severity: int
    thresholds: Any


def change_detector(
    *, code: str, settings: DetectorSettings, reason: str, changed_by: User | None, is_confirmed: bool = False
) -> DetectorChange | None:
    """Change a detector and record it; None where nothing differs.

    Switching it on, so that its signals count, must be confirmed in sight of its precision: `is_confirmed`. Where it is
    to count no longer, the signals that nobody has judged stop counting too. Raises NotFoundError, InvalidInputError,
    ThresholdError naming the JSON path, and ConfirmationNeededError; then nothing is changed.
    """
    wanted = _checked(code=code, settings=settings, reason=reason)
    with transaction.atomic():
        detector = Detector.objects.select_for_update().filter(pk=code).first()
        if detector is None:
            raise NotFoundError(f"there is no detector {code!r}", code=code)
        before = _settings_of(detector)
        if before == wanted:
            return None
        figures = precision_of(code)
        if is_switched_on(before=before["mode"], after=wanted["mode"]) and not is_confirmed:
            raise ConfirmationNeededError(
                f"{code} would count from now on; {figures.in_words()}: confirm that it is to. "
                f"{figures.caution()}".strip(),
                **figures.as_json(),
            )
        detector.mode, detector.severity = wanted["mode"], wanted["severity"]
        detector.thresholds = wanted["thresholds"]
        detector.save(update_fields=["mode", "severity", "thresholds"])
        if is_switched_on(before=wanted["mode"], after=before["mode"]):
            _let_unjudged_signals_go(code)
        return DetectorChange.objects.create(
            detector=detector,
            before=before,
            after=wanted,
            precision=figures.as_json(),
            reason=reason,
            changed_by=changed_by,
        )


def is_switched_on(*, before: str, after: str) -> bool:
    """Tell whether a detector's signals begin to count."""
    return after == DetectorMode.ACTIVE and before != DetectorMode.ACTIVE


def _let_unjudged_signals_go(code: str) -> None:
    """Take what nobody has judged out of the scores: whoever stops a detector does not trust what it has found.

    What people confirmed goes on counting, and signals of open cases stay there to be judged. Scores follow by night.
    """
    AbuseSignal.objects.filter(detector=code, is_resolved=False, is_shadow=False, outcome="").update(is_shadow=True)


def check_settings(*, code: str, settings: DetectorSettings) -> None:
    """Raise NotFoundError, InvalidInputError or ThresholdError for settings that cannot be saved."""
    _checked(code=code, settings=settings, reason="checked only")


def _checked(*, code: str, settings: DetectorSettings, reason: str) -> dict[str, Any]:
    definition = definition_of(code)
    if settings.mode not in DetectorMode.values:
        modes = ", ".join(DetectorMode.values)
        raise InvalidInputError(f"mode is {settings.mode!r}: one of {modes} is needed", field="mode")
    if not 1 <= settings.severity <= 10:
        raise InvalidInputError(
            f"severity is {settings.severity}: a whole number from 1 to 10 is needed", field="severity"
        )
    if not reason.strip() or len(reason) > REASON_LENGTH_MAX or not is_storable(reason):
        raise InvalidInputError(f"a reason of 1 to {REASON_LENGTH_MAX} characters is needed", field="reason")
    thresholds = as_json(parse_thresholds(settings.thresholds, declared=definition.thresholds))
    return {"mode": str(settings.mode), "severity": settings.severity, "thresholds": thresholds}


def _settings_of(detector: Detector) -> dict[str, Any]:
    declared = definition_of(detector.code).thresholds
    thresholds = as_json(parse_thresholds(detector.thresholds, declared=declared))
    return {"mode": str(detector.mode), "severity": detector.severity, "thresholds": thresholds}
