"""Recording a batch of events: stored once, and counted in daily rows, totals and sessions, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import DataError, transaction
from django.utils import timezone

from core.errors import InvalidInputError
from core.expressions import run_statement
from core.policies import saved_policies_read_once
from players.activity import corrections, exceptions, keys, people, sessions
from players.activity.batch import MANY_EVENTS, Batch, Event
from players.activity.days import apply_to_days_and_totals
from players.activity.events import EVENTS_MAX, EventReader
from players.activity.fields import FieldRefusedError, read_source
from players.activity.problems import ActivityRefusedError
from players.activity.profiles import complete_profiles
from players.activity.retention import retention_end
from players.activity.stage import stage_events, staging
from players.activity.sums import SumTooLargeError, sums_too_large
from players.models import ActivityKind
from players.policies import ACTIVITY_UNKNOWN_PLAYERS


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedEvent:
    """An event that was received and not counted; it is kept in the list of exceptions."""

    external_id: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBatch:
    """What became of a batch: every event received was stored now, known before, or listed.

    `triggers` is what its events may be to live rules: their kinds, and the codes of actions.
    """

    received: int
    stored: int
    repeated: int
    corrections: int
    players: int
    listed: tuple[ListedEvent, ...]
    triggers: tuple[str, ...]


def record_activity(
    *, source: str, events: Sequence[Any], at: datetime | None = None, create_players: bool | None = None
) -> RecordedBatch:
    """Store the events of a batch that are new, and count what they say; known ones change nothing.

    The players stay locked until the transaction ends. `create_players` None: as ACTIVITY_UNKNOWN_PLAYERS says. Raises
    InvalidInputError for the batch as a whole, and ActivityRefusedError with everything that is wrong with its events;
    then nothing is stored.
    """
    at = at or timezone.now()
    try:
        with transaction.atomic(), saved_policies_read_once(), staging():
            return record_in_transaction(source=source, events=events, at=at, create_players=create_players)
    except SumTooLargeError:
        if problems := sums_too_large(events, at=at):
            raise ActivityRefusedError(problems, received=len(events)) from None
        raise


def record_in_transaction(
    *, source: str, events: Sequence[Any], at: datetime, create_players: bool | None
) -> RecordedBatch:
    """Do as `record_activity` does in the transaction and `staging` of the caller, who ends both where this raises."""
    _check_size(events)
    source = _source(source)
    reader = EventReader(at=at)
    batch = reader.read(events)
    problems = reader.problems
    if create_players is None:
        create_players = ACTIVITY_UNKNOWN_PLAYERS.value() == "CREATE"
    if create_players:
        # Though the batch may be refused for others: whoever is made now is not what is wrong with it.
        people.create_missing_players(batch)
    problems += people.lock_players_of(batch)
    known = 0
    if len(batch):
        stage_events(batch)
        known, differing = keys.claim_keys(batch, source=source)
        problems += differing
    if problems:
        raise ActivityRefusedError(problems, received=len(events))
    fresh = len(batch) - known
    counted = count_staged(batch, source=source, at=at) if fresh else _Counted(corrections=0, players=0, listed=())
    return RecordedBatch(
        received=len(events),
        stored=fresh - len(counted.listed),
        repeated=known + reader.repeated,
        corrections=counted.corrections,
        players=counted.players,
        listed=counted.listed,
        triggers=batch.triggers,
    )


def _check_size(events: Sequence[Any]) -> None:
    if not 1 <= len(events) <= EVENTS_MAX:
        raise InvalidInputError(f"the batch has {len(events):,} events: 1 to {EVENTS_MAX:,} are needed", field="events")


def _source(given: Any) -> str:
    try:
        return read_source(given)
    except FieldRefusedError as error:
        raise InvalidInputError(f"source {error}", field="source") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted:
    corrections: int
    players: int
    listed: tuple[ListedEvent, ...]


def count_staged(batch: Batch, *, source: str, at: datetime, is_forced: bool = False) -> _Counted:
    """Store and count the staged events, whose names are claimed and whose players are locked.

    With `is_forced` events count that would be listed for their age. Raises SumTooLargeError.
    """
    try:
        return _count(batch, source=source, at=at, is_forced=is_forced)
    except DataError as error:
        raise SumTooLargeError(
            f"a sum of this batch is too large to be stored: {str(error).splitlines()[0]}", field="events"
        ) from error


def _count(batch: Batch, *, source: str, at: datetime, is_forced: bool) -> _Counted:
    zone = timezone.get_default_timezone_name()
    kinds = batch.kinds
    ending = retention_end(at=at)
    standing = people.prepare_players(retention_end=ending, zone=zone)
    listed: list[exceptions.Listed] = []
    if standing.may_be_old and not is_forced:
        listed += exceptions.take_uncountable(closed_before=standing.closed_before, zone=zone)
    if listed:
        people.gather_players_again()
        standing = people.see_standing(retention_end=ending, zone=zone)
    if ActivityKind.WAGER in kinds:
        sessions.change_inferred_sessions(
            zone=zone,
            are_going_on=standing.have_bets_going_on,
            are_others=standing.have_other_bets,
            are_late=standing.have_late_bets,
        )
    if ActivityKind.SESSION in kinds:
        sessions.change_reported_sessions(zone=zone)
    run_statement(_STORE_SQL, [source, at])
    corrected, uncorrectable, waited, players = 0, list[exceptions.Listed](), list[Event](), 0
    if kinds != {ActivityKind.ACTION}:
        corrected, uncorrectable, waited = _correct(
            batch, source=source, at=at, closed=standing.closed_before, zone=zone
        )
        players = apply_to_days_and_totals(zone=zone, are_many=len(batch) > MANY_EVENTS)
        if corrected and ActivityKind.DEPOSIT in kinds:
            corrections.correct_deposit_times()
    people.note_last_activity()
    if ActivityKind.ACTION in kinds:
        complete_profiles(batch)
    listed += uncorrectable
    return _Counted(
        corrections=corrected,
        players=players,
        listed=_list(listed, batch, waited, source=source, at=at) if listed else (),
    )


def _list(
    listed: Sequence[exceptions.Listed], batch: Batch, waited: Sequence[Event], *, source: str, at: datetime
) -> tuple[ListedEvent, ...]:
    """List what cannot be counted; return those of the batch itself."""
    exceptions.list_exceptions(listed, [*batch.events(), *waited], source=source, at=at)
    own = set(batch.columns["external_id"])
    return tuple(ListedEvent(external_id=one, reason=reason) for one, reason in listed if one in own)


def _correct(
    batch: Batch, *, source: str, at: datetime, closed: datetime, zone: str
) -> tuple[int, list[exceptions.Listed], list[Event]]:
    """Count the staged corrections and those that waited for a staged event."""
    waited = corrections.stage_waiting_corrections(source=source)
    if not waited and not batch.has_corrections:
        return 0, [], []
    uncorrectable = corrections.resolve_corrections(source=source, closed_before=closed)
    sessions.change_corrected_sessions(zone=zone)
    stored = corrections.store_corrections(source=source, at=at, zone=zone)
    if waited:
        exceptions.close_waiting(source=source, at=at)
    return stored, uncorrectable, waited


_STORE_SQL = """
    INSERT INTO player_activity (player_id, kind, source, external_id, occurred_at, received_at, amount, bonus_amount,
                                 bet_id, game_category, ended_at, ip_address, device_id, action)
    SELECT s.player_id, s.kind, %s, s.external_id, s.occurred_at, %s, s.amount, s.bonus_amount,
           s.bet_id, s.game_category, s.ended_at, s.ip_address, s.device_id, s.action
    FROM activity_stage s WHERE s.corrects_external_id = '' ORDER BY s.player_id, s.occurred_at
"""
