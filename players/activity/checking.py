"""Saying what reporting events would meet, and storing nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any

from players.activity.batch import Batch
from players.activity.events import EventReader
from players.activity.keys import look_up_keys
from players.activity.people import problem_of
from players.activity.problems import EventProblem
from players.models import Player


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedEvents:
    """The events that could be read, how many of them are known already, and everything that is wrong, by place."""

    batch: Batch
    known: int
    problems: tuple[EventProblem, ...]


def check_activity(*, source: str, events: Sequence[Any], create_players: bool, at: datetime) -> CheckedEvents:
    """Look at events as recording them would, as far as it can be told without their players' locks.

    Whether one comes too late, or corrects what is not there, only recording finds out: such events are listed.
    """
    reader = EventReader(at=at)
    batch = reader.read(events)
    known, differing = look_up_keys(batch, source=source) if len(batch) else (0, [])
    problems = [*reader.problems, *_problems_of_players(batch, create_players=create_players), *differing]
    return CheckedEvents(
        batch=batch, known=known + reader.repeated, problems=tuple(sorted(problems, key=attrgetter("index")))
    )


def _problems_of_players(batch: Batch, *, create_players: bool) -> list[EventProblem]:
    sources = dict(Player.objects.filter(pk__in=batch.player_ids).values_list("player_id", "source"))
    unknown = "" if create_players else None
    if all(sources.get(player_id, unknown) not in {None, "FILE"} for player_id in batch.player_ids):
        return []
    problems = [problem_of(event, sources.get(event.player_id, unknown)) for event in batch.events()]
    return [problem for problem in problems if problem is not None]
