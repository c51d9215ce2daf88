"""Events and bonuses of the cast, written as rows: times are hours before AT."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from django.db.models import F, Q, QuerySet

from players.models import Activity, Player
from players.tests.factories import AT
from safety.detection.running import detect_everybody
from safety.models import AbuseSignal, Detector
from wallet.models import Lot

_numbers = count(1)


def hours_ago(hours: float) -> datetime:
    """Return a time before AT."""
    return AT - timedelta(hours=hours)


def make_event(player: Player, kind: str, hours: float, amount: str = "", **more: Any) -> Activity:
    """Write an event so many hours before AT."""
    more.setdefault("external_id", f"event-{next(_numbers)}")
    return Activity.objects.create(
        player=player,
        kind=kind,
        source="platform",
        occurred_at=hours_ago(hours),
        amount=Decimal(amount) if amount else None,
        **more,
    )


def make_session(player: Player, *, device: str = "", ip: str | None = None, hours: float = 48) -> Activity:
    """Write a session on a device or from an address."""
    return make_event(player, "SESSION", hours, device_id=device, ip_address=ip)


def make_bet(player: Player, hours: float, stake: str, payout: str = "0", **more: Any) -> None:
    """Write a bet and what it paid a second later, in blackjack unless told otherwise."""
    more = {"game_category": "blackjack", "bet_id": f"bet-{next(_numbers)}", **more}
    make_event(player, "WAGER", hours, stake, **more)
    if Decimal(payout):
        make_event(player, "WIN", hours - 1 / 3600, payout, **{**more, "bonus_amount": None})


def make_bonus(
    player: Player,
    hours: float,
    amount: str = "50.00",
    *,
    status: str = "ACTIVE",
    closed_hours: float | None = None,
    required: str = "0.00",
    **more: Any,
) -> Lot:
    """Write a bonus granted so many hours before AT."""
    granted_at = hours_ago(hours)
    return Lot.objects.create(
        player=player,
        operation_id=0,
        currency_type="BONUS",
        kind="REWARD",
        status=status,
        amount=Decimal(amount),
        remaining=Decimal(0),
        promotional_value=Decimal(amount),
        granted_on=granted_at.date(),
        created_at=granted_at,
        closed_at=None if closed_hours is None else hours_ago(closed_hours),
        wagering_required=Decimal(required),
        **more,
    )


def found_by(code: str, *, at: datetime = AT) -> set[str]:
    """Run one detector over everybody and return whom it has signals of that nobody has judged."""
    only(code)
    detect_everybody(at=at)
    return set(unjudged().filter(detector=code).values_list("player_id", flat=True))


def unjudged() -> QuerySet[AbuseSignal]:
    """Return the open signals that nobody has judged, or that stand on newer evidence than was judged."""
    return AbuseSignal.objects.filter(Q(outcome="") | Q(detected_at__gt=F("judged_at")), is_resolved=False)


def only(code: str) -> None:
    """Switch all other detectors off."""
    Detector.objects.exclude(pk=code).update(mode="OFF")


def set_thresholds(code: str, **thresholds: Any) -> None:
    """Let these thresholds hold and the others stay as shipped."""
    Detector.objects.filter(pk=code).update(thresholds=thresholds)


def judge(player_id: str, outcome: str, *, detector: str = "", at: datetime = AT) -> None:
    """Judge a player's signals: dismissed ones are resolved, confirmed ones go on counting."""
    signals = AbuseSignal.objects.filter(player_id=player_id)
    if detector:
        signals = signals.filter(detector=detector)
    is_dismissed = outcome == "DISMISSED"
    signals.update(outcome=outcome, judged_at=at, is_resolved=is_dismissed, resolved_at=at if is_dismissed else None)
