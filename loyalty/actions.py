"""What follows when something happens to a player now: credits that waited for it, then the rules that wait for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError
from core.policies import saved_policies_read_once
from core.runs import Counts
from players.action_codes import CODE_SHAPE, is_action_code
from players.actions import KYC_COMPLETE, SOURCE, PlayerAction, record_actions
from rewards.events import PlayerEvent, activity_event, evaluate_events
from rewards.models import RewardDecision
from rewards.triggers import ANY, TIER_REACHED
from wallet.bonus_life import complete_bonuses, release_pending_credits
from wallet.bonuses import CLAIM
from wallet.models import BonusStatus, Lot

if TYPE_CHECKING:
    from django.contrib.auth.models import User

_RELEASED = "credits released"


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutcome:
    """What an action led to; repeated, `is_new` is false and the decisions are those of the first time."""

    is_new: bool
    credits_released: int
    decisions: list[RewardDecision]


def handle_action(
    *,
    player_id: str,
    action: str,
    event_id: str,
    occurred_at: datetime | None = None,
    at: datetime | None = None,
    started_by: User | None = None,
) -> ActionOutcome:
    """Record an action of a player and do what waits for it; the same again does nothing more.

    Raises the errors of `record_actions`.
    """
    at = at or timezone.now()
    done = PlayerAction(player_id=player_id, action=action, event_id=event_id, occurred_at=occurred_at or at)
    event = activity_event(player_id=player_id, trigger=action, source=SOURCE, event_id=event_id)
    with transaction.atomic(), saved_policies_read_once():
        is_new = bool(record_actions([done], at=at))
        counts = handle_events([event], at=at, started_by=started_by) if is_new else {}
    is_decided = not is_new or counts.keys() - {_RELEASED}
    return ActionOutcome(
        is_new=is_new,
        credits_released=counts.get(_RELEASED, 0),
        decisions=_decisions(event) if is_decided else [],
    )


def _decisions(event: PlayerEvent) -> list[RewardDecision]:
    decided = RewardDecision.objects.filter(player_id=event.player_id, occasion=event.name)
    return list(decided.select_related("rule").order_by("id"))


@transaction.atomic(savepoint=False)
def handle_events(events: Sequence[PlayerEvent], *, at: datetime, started_by: User | None = None) -> Counts:
    """Do what waits for events that the caller's transaction has recorded, in their order; return the counts.

    For a batch of the feed as for one action; the players are locked since. What was decided for an event before is
    left alone. Raises InvalidInputError for a trigger that no activity or action has; then the transaction must end.
    """
    for event in events:
        _check_trigger(event.trigger)
    on = timezone.localdate(at)
    released = _release_waiting(events, at=at)
    if any(event.trigger == KYC_COMPLETE for event in events):
        complete_bonuses(sorted({event.player_id for event in events}), at=at)
    counts = evaluate_events(events, on=on, at=at, started_by=started_by, are_locked=True)
    return {_RELEASED: released, **counts}


def _check_trigger(code: str) -> None:
    """Refuse what only the house itself sets off: a claim, a tier reached, and the rules' word for anything."""
    if not is_action_code(code) or code in {CLAIM, TIER_REACHED, ANY}:
        raise InvalidInputError(
            f"action is {code!r}: {CODE_SHAPE}, are needed, and none of "
            f"{CLAIM}, {TIER_REACHED}, {ANY}, which are the house's own",
            field="action",
        )


def _release_waiting(events: Sequence[PlayerEvent], *, at: datetime) -> int:
    """Let go what waits for one of the events; only players who have such credits are looked at one by one."""
    happened = {(event.player_id, event.trigger) for event in events}
    waiting = Lot.objects.filter(
        player_id__in={player_id for player_id, _ in happened},
        status=BonusStatus.PENDING,
        awaits__in={trigger for _, trigger in happened},
    )
    pairs: set[Any] = set(waiting.values_list("player_id", "awaits")) & happened
    return sum(
        release_pending_credits(player_id=player_id, action=trigger, at=at) for player_id, trigger in sorted(pairs)
    )
