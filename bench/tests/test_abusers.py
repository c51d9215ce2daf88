"""What the detectors find among ordinary players with abusers planted, by the thresholds they ship with.

The floors were fixed before any label was read.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bench.abusers import judge_detectors, plant_population, ring_of_twenty
from safety.detection.running import detect_everybody
from safety.models import AbuseSignal

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 10, 12, tzinfo=ZoneInfo("UTC"))
RECALL_MIN = 0.8
FALSE_POSITIVE_RATE_MAX = 0.01


def test_each_detector_finds_its_kind_and_hardly_anybody_else() -> None:
    plant_population(players=2_000, each=15, sessions_max=5, bets_max=16, at=AT, seed=3)

    detect_everybody(at=AT)
    judgements = judge_detectors()
    planted, found = ring_of_twenty()

    assert {code: one for code, one in judgements.items() if one.recall < RECALL_MIN} == {}
    assert {code: one for code, one in judgements.items() if one.false_positive_rate > FALSE_POSITIVE_RATE_MAX} == {}
    assert len(planted) == 20
    assert found == planted
    told = AbuseSignal.objects.values_list("metadata", flat=True)
    assert all({"figures", "thresholds"} <= set(evidence) for evidence in told)
