"""The players of a batch: locked in the order of their keys, known, and fed by events rather than files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.expressions import fetch_rows, run_statement
from players.activity.events import Event
from players.activity.problems import EventProblem
from players.models import ActivityKind, PlayerSource

_LOCK_SQL = """
    SELECT p.player_id, p.source FROM players p WHERE p.player_id = ANY (%s) ORDER BY p.player_id FOR NO KEY UPDATE
"""


def create_missing_players(events: Sequence[Event]) -> int:
    """Make the players of the events whom nobody knows; return how many."""
    return run_statement(
        """
        INSERT INTO players (player_id) SELECT DISTINCT n.player_id COLLATE "C" FROM unnest(%s::text[]) n (player_id)
        WHERE NOT EXISTS (SELECT FROM players p WHERE p.player_id = n.player_id)
        ORDER BY 1 ON CONFLICT (player_id) DO NOTHING
        """,
        [sorted({event.player_id for event in events})],
    )


def lock_players_of(events: Sequence[Event]) -> list[EventProblem]:
    """Lock the players of the events; return a problem for every event whose player cannot have it.

    An action changes no totals, so it is taken whatever the source of the player's totals is.
    """
    asked = sorted({event.player_id for event in events})
    sources = dict(fetch_rows(_LOCK_SQL, [asked]))
    if len(sources) == len(asked) and PlayerSource.FILE not in sources.values():
        return []
    problems = [_problem(event, sources.get(event.player_id)) for event in events]
    return [problem for problem in problems if problem is not None]


def _problem(event: Event, source: str | None) -> EventProblem | None:
    if source is None:
        message = (
            f"is {event.player_id!r}, whom nobody knows: import the player first, or let events make players "
            "(the policy ACTIVITY_UNKNOWN_PLAYERS, or --create-players for a file)"
        )
    elif source == PlayerSource.FILE and event.kind != ActivityKind.ACTION:
        message = (
            f"is {event.player_id!r}, whose totals come from files; switch the source to the feed first: "
            f"manage.py switch_source --player {event.player_id} --to FEED, or "
            f"POST /api/players/{event.player_id}/source"
        )
    else:
        return None
    return EventProblem(index=event.place, field="player_id", message=message, external_id=event.external_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the staged events' players lack, whether some events may be too old to count, and before when all are."""

    lack_source: bool
    lack_metrics: bool
    may_be_old: bool
    closed_before: datetime


# The earliest event of all stands for each player's: where it may be too old, every one is looked at.
_STANDING_SQL = """
    SELECT p.lack_source, m.known < %(players)s,
           %(first_at)s < c.closed_before
               OR coalesce((%(first_at)s AT TIME ZONE %(zone)s)::date <= m.totals_as_of, false),
           c.closed_before
    FROM (
        SELECT greatest(%(retention_end)s, (max(month) + interval '1 month') AT TIME ZONE 'UTC') AS closed_before
        FROM player_activity_archives
    ) c, (
        SELECT count(*) AS known, max(totals_as_of) AS totals_as_of FROM player_metrics WHERE player_id = ANY (%(ids)s)
    ) m, (
        SELECT coalesce(bool_or(source = ''), false) AS lack_source FROM players WHERE player_id = ANY (%(ids)s)
    ) p
"""
_DECLARE_SQL = """
    UPDATE players p SET source = 'FEED', updated_at = now()
    FROM (SELECT DISTINCT s.player_id FROM activity_stage s WHERE s.kind <> 'ACTION') n
    WHERE p.player_id = n.player_id AND p.source = ''
"""
_METRICS_SQL = """
    INSERT INTO player_metrics (player_id)
    SELECT DISTINCT s.player_id FROM activity_stage s
    WHERE NOT EXISTS (SELECT FROM player_metrics m WHERE m.player_id = s.player_id)
    ORDER BY 1 ON CONFLICT (player_id) DO NOTHING
"""


def prepare_players(events: Sequence[Event], *, retention_end: datetime, zone: str) -> Standing:
    """Declare the feed as the source of staged players without one, and see that each has a row of metrics."""
    ids = sorted({event.player_id for event in events})
    # Times in UTC are in the order of their texts.
    first_at = datetime.fromisoformat(min(event.occurred_at for event in events))
    asked = {"ids": ids, "players": len(ids), "first_at": first_at, "retention_end": retention_end, "zone": zone}
    standing = Standing(*fetch_rows(_STANDING_SQL, asked)[0])
    if standing.lack_source:
        run_statement(_DECLARE_SQL, [])
    if standing.lack_metrics:
        run_statement(_METRICS_SQL, [])
    return standing
