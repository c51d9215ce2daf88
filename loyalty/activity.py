"""What a batch of reported events leads to, across the floors: recorded, counted towards bonuses, decided by rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from core.policies import saved_policies_read_once
from core.runs import Counts
from loyalty.actions import handle_events
from players.actions import KYC_COMPLETE
from players.activity import ActivityRefusedError, EventProblem, RecordedBatch, record_activity
from players.activity.stage import players_of_staged, staged_happenings, staging
from players.policies import ACTIVITY_LIVE_HOURS
from rewards.events import activity_event, live_rules
from safety.detection.catalogue import LIVE_KINDS
from safety.detection.running import detect_on_events
from wallet.identity import release_held_bonuses
from wallet.models import BonusStatus, Lot
from wallet.reported_wagers import count_reported_wagers

if TYPE_CHECKING:
    from django.contrib.auth.models import User


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityOutcome:
    """What became of a batch, how many bonuses its bets moved, and what live rules and waiting credits made of it.

    `refused` is what was wrong with the events that were left out, where they may be.
    """

    recorded: RecordedBatch
    bonuses_moved: int
    live: Counts
    refused: tuple[EventProblem, ...] = ()


def take_good_activity(*, source: str, events: Sequence[Any], **options: Any) -> ActivityOutcome:
    """Record the events of a batch that can be stored, and leave out those that cannot, with what is wrong with each.

    Options are those of `take_activity`. Raises its errors for the batch as a whole, and ActivityRefusedError where
    no event is left; then nothing has changed.
    """
    left = list(enumerate(events))
    refused: list[EventProblem] = []
    while True:
        try:
            outcome = take_activity(source=source, events=[event for _, event in left], **options)
        except ActivityRefusedError as error:
            # Something may go wrong that did not before, since others report at the same time: so it is tried again.
            refused += [replace(problem, index=left[problem.index][0]) for problem in error.found]
            bad = {problem.index for problem in refused}
            left = [(index, event) for index, event in left if index not in bad]
            if not left:
                raise ActivityRefusedError(refused, received=len(events)) from None
        else:
            recorded = replace(outcome.recorded, received=len(events))
            return replace(outcome, recorded=recorded, refused=tuple(sorted(refused, key=attrgetter("index"))))


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
        moved = count_reported_wagers(source=source.strip(), has_corrections=recorded.corrections > 0, at=at)
        if KYC_COMPLETE in recorded.triggers:
            _note_identity(at=at)
        live = _set_off(recorded.triggers, source=source.strip(), at=at, started_by=started_by)
        return ActivityOutcome(recorded=recorded, bonuses_moved=moved, live=live)


def _note_identity(*, at: datetime) -> None:
    """Pay what waited for the identity of players whom the staged events report, late or not; recording holds them."""
    release_held_bonuses(players_of_staged(KYC_COMPLETE), at=at)


def _set_off(triggers: Sequence[str], *, source: str, at: datetime, started_by: User | None) -> Counts:
    """Let the staged events set off what waits for them, in the order in which they happened."""
    since = at - timedelta(hours=ACTIVITY_LIVE_HOURS.value())
    _look_for_abuse(triggers, since=since, at=at)
    awaited = _awaited(triggers, at=at)
    if not awaited:
        return {}
    events = [
        activity_event(player_id=player_id, trigger=trigger, source=source, event_id=external_id)
        for player_id, trigger, external_id in staged_happenings(awaited, since=since)
    ]
    return handle_events(events, at=at, started_by=started_by) if events else {}


def _look_for_abuse(triggers: Sequence[str], *, since: datetime, at: datetime) -> None:
    """Look at whoever did what a detector waits for, so that the rewards decided next know of it."""
    for kind in sorted(LIVE_KINDS.intersection(triggers)):
        players = {player_id for player_id, _, _ in staged_happenings([kind], since=since)}
        detect_on_events(kind=kind, player_ids=players, at=at)


def _awaited(triggers: Sequence[str], *, at: datetime) -> list[str]:
    """Return the triggers that a live rule or a pending credit waits for: of most events nothing follows."""
    if not triggers:
        return []
    heard = live_rules(on=timezone.localdate(at), triggers=triggers)
    waiting = Lot.objects.filter(status=BonusStatus.PENDING, awaits__in=triggers)
    pending = set(waiting.values_list("awaits", flat=True).distinct())
    return [trigger for trigger in triggers if heard.get(trigger) or trigger in pending]
