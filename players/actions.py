"""Actions of players as the platform reports them: recorded once, with what they say about the profile."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from core.errors import ConflictError, InvalidInputError, NotFoundError
from core.expressions import compile_expression, fetch_rows, run_statement
from players.models import Player
from players.profile import profile_depth_expression

KYC_COMPLETE = "KYC_COMPLETE"
# Under this source an action that is reported by itself has its unique name among all activity.
SOURCE = "actions"
CLOCKS_APART_MAX = timedelta(minutes=5)


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

    @property
    def body_hash(self) -> bytes:
        """What tells a repetition from another action under the same id."""
        body = [self.player_id, self.action, self.occurred_at.timestamp()]
        return hashlib.sha256(json.dumps(body).encode()).digest()


@transaction.atomic
def record_actions(actions: Sequence[PlayerAction], *, at: datetime) -> list[PlayerAction]:
    """Store the actions that are new and what follows for the profiles; return the new ones.

    Raises NotFoundError for an unknown player, InvalidInputError for an action still to come, and ActionDiffersError;
    then nothing is stored.
    """
    _check_times(actions, at=at)
    _check_players(actions)
    new = _new_actions(actions)
    if new:
        _store(new, at=at)
        _complete_profiles(new)
    return new


def _check_times(actions: Sequence[PlayerAction], *, at: datetime) -> None:
    for action in actions:
        if action.occurred_at > at + CLOCKS_APART_MAX:
            raise InvalidInputError(
                f"occurred_at is {action.occurred_at.isoformat()}, which is still to come: it is {at.isoformat()}",
                field="occurred_at",
            )


def _check_players(actions: Sequence[PlayerAction]) -> None:
    named = {action.player_id for action in actions}
    unknown = named - set(Player.objects.filter(pk__in=named).values_list("pk", flat=True))
    if unknown:
        player_id = min(unknown)
        raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)


def _new_actions(actions: Sequence[PlayerAction]) -> list[PlayerAction]:
    """Claim the actions' names and return those that were free; whoever comes second waits and finds them taken."""
    by_id: dict[str, PlayerAction] = {}
    for action in actions:
        if by_id.setdefault(action.event_id, action) != action:
            raise _differs(action)
    # In the order of the names, so that two batches cannot wait for each other.
    ordered = [by_id[event_id] for event_id in sorted(by_id)]
    ids, hashes, times = (
        [action.event_id for action in ordered],
        [action.body_hash for action in ordered],
        [action.occurred_at for action in ordered],
    )
    claimed = fetch_rows(
        """
        INSERT INTO player_activity_keys (source, external_id, body_hash, occurred_at)
        SELECT %s, * FROM unnest(%s::varchar[], %s::bytea[], %s::timestamptz[])
        ON CONFLICT (source, external_id) DO NOTHING RETURNING external_id
        """,
        [SOURCE, ids, hashes, times],
    )
    new = {event_id for (event_id,) in claimed}
    _check_same([action for action in ordered if action.event_id not in new])
    return [action for action in by_id.values() if action.event_id in new]


def _check_same(repeated: Sequence[PlayerAction]) -> None:
    if not repeated:
        return
    rows = fetch_rows(
        "SELECT external_id, body_hash FROM player_activity_keys WHERE source = %s AND external_id = ANY (%s)",
        [SOURCE, [action.event_id for action in repeated]],
    )
    stored = {event_id: bytes(body_hash) for event_id, body_hash in rows}
    for action in repeated:
        if stored[action.event_id] != action.body_hash:
            raise _differs(action)


def _differs(action: PlayerAction) -> ActionDiffersError:
    return ActionDiffersError(
        f"event_id {action.event_id!r} was used before for another player, action or time; a new action needs a new id",
        event_id=action.event_id,
    )


def _store(new: Sequence[PlayerAction], *, at: datetime) -> None:
    columns = [[getattr(one, name) for one in new] for name in ("player_id", "event_id", "occurred_at", "action")]
    run_statement(
        """
        INSERT INTO player_activity (player_id, kind, source, external_id, occurred_at, received_at, action)
        SELECT a.player_id, 'ACTION', %s, a.event_id, a.occurred_at, %s, a.action
        FROM unnest(%s::varchar[], %s::varchar[], %s::timestamptz[], %s::varchar[])
            a (player_id, event_id, occurred_at, action)
        """,
        [SOURCE, at, *columns],
    )


def _complete_profiles(new: Sequence[PlayerAction]) -> None:
    """Note when KYC was first completed, and how complete the players' profiles are now, where that changed."""
    first: dict[str, datetime] = {}
    for action in new:
        if action.action == KYC_COMPLETE:
            first[action.player_id] = min(action.occurred_at, first.get(action.player_id, action.occurred_at))
    if first:
        run_statement(
            """
            UPDATE players SET kyc_completed_at = k.at, updated_at = now()
            FROM unnest(%s::varchar[], %s::timestamptz[]) k (player_id, at)
            WHERE players.player_id = k.player_id AND players.kyc_completed_at IS NULL
            """,
            [list(first), list(first.values())],
        )
    depth, params = compile_expression(profile_depth_expression(), model=Player)
    run_statement(
        f"""
        UPDATE players SET profile_depth = {depth}, updated_at = now()
        WHERE player_id = ANY (%s) AND profile_depth <> {depth}
        """,
        [*params, sorted({action.player_id for action in new}), *params],
    )
