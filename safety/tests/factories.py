"""Signals and assumptions of safety, with fixed values."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from players.models import Player
from players.tests.factories import AT, ON
from safety.models import AbuseSignal, SegmentBaseline


def make_signal(
    player: Player, severity: int, *, days_old: float = 0, at: datetime = AT, is_resolved: bool = False
) -> AbuseSignal:
    """Write down a sign of abuse that was detected some days before `at`."""
    return AbuseSignal.objects.create(
        player=player,
        signal_type="SHARED_DEVICE",
        severity=severity,
        detected_at=at - timedelta(days=days_old),
        is_resolved=is_resolved,
        resolved_at=at if is_resolved else None,
    )


def set_baseline(segment: str, wager_per_active_day: str) -> None:
    """Say what an ordinary player of a segment stakes on an active day."""
    SegmentBaseline.objects.update_or_create(
        segment=segment, defaults={"wager_per_active_day": Decimal(wager_per_active_day), "players": 10, "as_of": ON}
    )
