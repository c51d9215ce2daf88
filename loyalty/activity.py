"""What a batch of reported events leads to, across the floors: recorded, counted towards bonuses, decided by rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from core.policies import saved_policies_read_once
from core.runs import Counts
from loyalty.actions import handle_events
from players.activity import RecordedBatch, record_activity
from players.activity.stage import staged_happenings, staging
from players.policies import ACTIVITY_LIVE_HOURS
from rewards.events import activity_event, live_rules
from wallet.models import BonusStatus, Lot
from wallet.reported_wagers import count_reported_wagers

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOutcome:
    """What became of a batch, how many bonuses its bets moved, and what live rules and waiting credits made of it."""

    recorded: RecordedBatch
    bonuses_moved: int
    live: Counts


@transaction.atomic
def take_activity(
    *,
    source: str,
    events: Sequence[Any],
    at: datetime | None = None,
    create_players: bool | None = None,
    started_by: User | None = None,
) -> ActivityOutcome:
    """Record a batch and do everything that follows from it, in one transaction; known events lead to nothing more.

    Raises the errors of `record_activity`; then nothing has changed.
    """
    at = at or timezone.now()
    with saved_policies_read_once(), staging():
        recorded = record_activity(source=source, events=events, at=at, create_players=create_players)
        if not recorded.stored:
            return ActivityOutcome(recorded=recorded, bonuses_moved=0, live={})
        moved = count_reported_wagers(at=at)
        live = _set_off(recorded.triggers, source=source.strip(), at=at, started_by=started_by)
        return ActivityOutcome(recorded=recorded, bonuses_moved=moved, live=live)


def _set_off(triggers: Sequence[str], *, source: str, at: datetime, started_by: User | None) -> Counts:
    """Let the staged events set off what waits for them, in the order in which they happened."""
    awaited = _awaited(triggers, at=at)
    if not awaited:
        return {}
    since = at - timedelta(hours=ACTIVITY_LIVE_HOURS.value())
    events = [
        activity_event(player_id=player_id, trigger=trigger, source=source, event_id=external_id)
        for player_id, trigger, external_id in staged_happenings(awaited, since=since)
    ]
    return handle_events(events, at=at, started_by=started_by) if events else {}


def _awaited(triggers: Sequence[str], *, at: datetime) -> list[str]:
    """Return the triggers that a live rule or a pending credit waits for: of most events nothing follows."""
    if not triggers:
        return []
    heard = live_rules(on=timezone.localdate(at), triggers=triggers)
    waiting = Lot.objects.filter(status=BonusStatus.PENDING, awaits__in=triggers)
    pending = set(waiting.values_list("awaits", flat=True).distinct())
    return [trigger for trigger in triggers if heard.get(trigger) or trigger in pending]
