"""All detectors, and each with the settings that hold now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.errors import NotFoundError
from safety.detection.definition import DetectorDefinition
from safety.detection.detectors.bonus_only import BONUS_ONLY_PLAY
from safety.detection.detectors.claims import CLAIMS_UNDER_LIMITS
from safety.detection.detectors.low_risk import LOW_RISK_WAGERING
from safety.detection.detectors.registrations import REGISTRATION_VELOCITY
from safety.detection.detectors.stakes import MINIMUM_BETS
from safety.detection.detectors.win_rate import ABNORMAL_WIN_RATE
from safety.detection.detectors.withdrawals import WITHDRAWAL_AFTER_BONUS
from safety.detection.rings import SHARED_DEVICE
from safety.detection.thresholds import Thresholds, parse_thresholds
from safety.models import Detector, DetectorMode

DEFINITIONS: Mapping[str, DetectorDefinition] = {
    definition.code: definition
    for definition in (
        BONUS_ONLY_PLAY,
        WITHDRAWAL_AFTER_BONUS,
        MINIMUM_BETS,
        LOW_RISK_WAGERING,
        SHARED_DEVICE,
        ABNORMAL_WIN_RATE,
        REGISTRATION_VELOCITY,
        CLAIMS_UNDER_LIMITS,
    )
}

# The kinds of events that a detector waits for.
LIVE_KINDS = frozenset[str]().union(*(definition.live_on for definition in DEFINITIONS.values()))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDetector:
    """A detector as it is set: what to look for, how sure a find is, and whether it has consequences."""

    definition: DetectorDefinition
    mode: DetectorMode
    severity: int
    thresholds: Thresholds

    @property
    def code(self) -> str:
        return self.definition.code

    @property
    def is_shadow(self) -> bool:
        return self.mode == DetectorMode.SHADOW


def definition_of(code: str) -> DetectorDefinition:
    """Return a detector's definition. Raises NotFoundError naming those there are."""
    if code not in DEFINITIONS:
        raise NotFoundError(f"there is no detector {code!r}; there are {', '.join(sorted(DEFINITIONS))}", code=code)
    return DEFINITIONS[code]


def thresholds_of(detector: Detector) -> Thresholds:
    """Return all thresholds in force of a detector, those never saved as shipped."""
    return parse_thresholds(detector.thresholds, declared=definition_of(detector.code).thresholds)


def shipped_thresholds(code: str) -> dict[str, Any]:
    """Return the thresholds that a detector ships with."""
    return parse_thresholds({}, declared=definition_of(code).thresholds)


def detectors_in_force() -> list[SetDetector]:
    """Return the detectors that are not off."""
    return [detector for detector in _set_detectors() if detector.mode != DetectorMode.OFF]


def detectors_on_trial() -> list[SetDetector]:
    """Return the detectors whose signals do not count, those that are off too, to run in shadow."""
    return [
        replace(detector, mode=DetectorMode.SHADOW)
        for detector in _set_detectors()
        if detector.mode != DetectorMode.ACTIVE
    ]


def _set_detectors() -> Iterator[SetDetector]:
    rows = {row.code: row for row in Detector.objects.all()}
    for code, definition in DEFINITIONS.items():
        if row := rows.get(code):
            yield SetDetector(
                definition=definition,
                mode=DetectorMode(row.mode),
                severity=row.severity,
                thresholds=thresholds_of(row),
            )
