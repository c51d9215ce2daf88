"""Actions of players that are reported one by one: events of the activity feed under a source of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from core.errors import ConflictError, InvalidInputError, LoyaltyError, NotFoundError
from players.activity import ActivityRefusedError
from players.activity.problems import EventProblem
from players.activity.profiles import KYC_COMPLETE
from players.activity.recording import record_in_transaction
from players.activity.stage import staged_ids, staging
from players.models import Player

__all__ = ["KYC_COMPLETE", "SOURCE", "ActionDiffersError", "PlayerAction", "record_actions"]

# Under this source an action that is reported by itself has its unique name among all activity.
SOURCE = "actions"


class ActionDiffersError(ConflictError):
    """Raised when an action's id was used before for another player, action or time."""

    code = "action_differs"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayerAction:
    """Something a player did that is no play: `action` is its code, such as KYC_COMPLETE."""

    player_id: str
    action: str
    event_id: str
    occurred_at: datetime

    def as_event(self) -> dict[str, Any]:
        """Return the action as an event of the feed."""
        return {
            "kind": "ACTION",
            "external_id": self.event_id,
            "player_id": self.player_id,
            "action": self.action,
            "occurred_at": self.occurred_at,
        }


@transaction.atomic
def record_actions(actions: Sequence[PlayerAction], *, at: datetime) -> list[PlayerAction]:
    """Store the actions that are new and what follows for the profiles; return the new ones.

    Raises NotFoundError for an unknown player, InvalidInputError for an action still to come, and ActionDiffersError;
    then nothing is stored.
    """
    if not actions:
        return []
    try:
        new = _record(actions, at=at)
    except ActivityRefusedError as error:
        raise _as_error_of_action(error.found[0], actions) from None
    by_id = {action.event_id: action for action in reversed(actions)}
    return [action for event_id, action in reversed(by_id.items()) if event_id in new]


def _record(actions: Sequence[PlayerAction], *, at: datetime) -> set[str]:
    """Return the ids of the actions that are new."""
    with staging():
        recorded = record_in_transaction(
            source=SOURCE, events=[action.as_event() for action in actions], at=at, create_players=False
        )
        if not recorded.stored:
            return set()
        return staged_ids() if recorded.stored < len(actions) else {action.event_id for action in actions}


def _as_error_of_action(problem: EventProblem, actions: Sequence[PlayerAction]) -> LoyaltyError:
    """Say what is wrong in the words of whoever reports a single action."""
    action = actions[problem.index]
    field = "event_id" if problem.field == "external_id" else problem.field
    if field == "player_id" and not Player.objects.filter(pk=action.player_id).exists():
        return NotFoundError(f"there is no player {action.player_id!r}", player_id=action.player_id)
    if field == "event_id" and action.event_id in problem.message:
        return ActionDiffersError(
            f"event_id {action.event_id!r} was used before for another player, action or time; a new action needs a "
            "new id",
            event_id=action.event_id,
        )
    return InvalidInputError(f"{field} {problem.message}", field=field)
