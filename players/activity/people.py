"""The players of a batch: locked in the order of their keys, known, and fed by events rather than files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from core.expressions import fetch_rows, run_statement
from players.activity.batch import Batch, Event
from players.activity.problems import EventProblem
from players.activity.sessions import BETS_GO_ON, OTHER_BETS, session_gap
from players.earning import LP_MULTIPLIER_SQL
from players.models import ActivityKind, Player, PlayerSource

_LOCK_SQL = """
    SELECT count(*), coalesce(bool_or(l.source = 'FILE'), false) FROM (
        SELECT p.source FROM players p WHERE p.player_id = ANY (%s) ORDER BY p.player_id FOR NO KEY UPDATE
    ) l
"""


def create_missing_players(batch: Batch) -> int:
    """Make the players of the events whom nobody knows; return how many."""
    return run_statement(
        """
        INSERT INTO players (player_id) SELECT DISTINCT n.player_id COLLATE "C" FROM unnest(%s::text[]) n (player_id)
        WHERE NOT EXISTS (SELECT FROM players p WHERE p.player_id = n.player_id)
        ORDER BY 1 ON CONFLICT (player_id) DO NOTHING
        """,
        [batch.player_ids],
    )


def lock_players_of(batch: Batch) -> list[EventProblem]:
    """Lock the players of the events; return a problem for every event whose player cannot have it.

    An action changes no totals, so it is taken whatever the source of the player's totals is.
    """
    known, are_some_with_files = fetch_rows(_LOCK_SQL, [batch.player_ids])[0]
    if known == len(batch.player_ids) and not are_some_with_files:
        return []
    sources = dict(Player.objects.filter(pk__in=batch.player_ids).values_list("player_id", "source"))
    problems = [problem_of(event, sources.get(event.player_id)) for event in batch.events()]
    return [problem for problem in problems if problem is not None]


def problem_of(event: Event, source: str | None) -> EventProblem | None:
    """Return why a player of that source cannot have the event; None stands for a player whom nobody knows."""
    if source is None:
        message = (
            f"is {event.player_id!r}, whom nobody knows: import the player first, or let events make players "
            "(the policy ACTIVITY_UNKNOWN_PLAYERS, or the option of a file)"
        )
    elif source == PlayerSource.FILE and event.kind != ActivityKind.ACTION:
        message = (
            f"is {event.player_id!r}, whose totals come from files; switch the source to the feed first: "
            f"manage.py switch_source --player {event.player_id} --to FEED, "
            f"POST /api/players/{event.player_id}/source, or the page Files or the feed"
        )
    else:
        return None
    return EventProblem(index=event.place, field="player_id", message=message, external_id=event.external_id)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the staged events' players lack, whether some events may be too old to count, and before when all are.

    Of the players with bets, some may go on with a session, some have other bets that come after all that are stored,
    and for some there is more to look at than their last bet: those have late bets.
    """

    lack_source: bool
    lack_metrics: bool
    may_be_old: bool
    have_late_bets: bool
    have_bets_going_on: bool
    have_other_bets: bool
    closed_before: datetime


# Bets of a player who is ahead all come after those that are stored, of which `bet_before` is the last if it lies
# within the gap. The last wager of the metrics is never before any of them, and is one of them where no file gave
# metrics; else the file may have said a later one.
_GATHER_SQL = f"""
    INSERT INTO activity_players
    SELECT b.player_id, p.source, m.player_id IS NOT NULL, m.totals_as_of, {LP_MULTIPLIER_SQL}, b.first_at, b.last_at,
           b.first_deposit_at, b.last_deposit_at, b.last_bet_at,
           CASE WHEN b.first_bet_at IS NULL OR m.last_wager_at IS NULL THEN true
                WHEN b.first_bet_at <= m.last_wager_at THEN false
                ELSE b.first_bet_at - m.last_wager_at > %(gap)s OR m.totals_as_of IS NULL OR EXISTS (
                    SELECT FROM player_activity a
                    WHERE a.player_id = b.player_id AND a.occurred_at = m.last_wager_at
                      AND a.kind = 'WAGER' AND a.corrects_external_id = ''
                ) END,
           CASE WHEN b.first_bet_at - m.last_wager_at <= %(gap)s THEN m.last_wager_at END
    FROM (
        SELECT s.player_id, min(s.occurred_at) AS first_at,
               max(greatest(s.occurred_at, s.ended_at)) FILTER (WHERE s.original <> 'WIN') AS last_at,
               min(s.occurred_at) FILTER (WHERE s.original = 'DEPOSIT') AS first_deposit_at,
               max(s.occurred_at) FILTER (WHERE s.original = 'DEPOSIT') AS last_deposit_at,
               min(s.occurred_at) FILTER (WHERE s.original = 'WAGER') AS first_bet_at,
               max(s.occurred_at) FILTER (WHERE s.original = 'WAGER') AS last_bet_at
        FROM (
            SELECT s.player_id, s.occurred_at, s.ended_at,
                   CASE s.corrects_external_id WHEN '' THEN s.kind END AS original
            FROM activity_stage s
        ) s GROUP BY s.player_id
    ) b
    JOIN players p ON p.player_id = b.player_id LEFT JOIN tiers t ON t.tier_level = p.tier
    LEFT JOIN player_metrics m ON m.player_id = b.player_id
    ORDER BY b.player_id
"""
_STANDING_SQL = f"""
    SELECT coalesce(bool_or(n.source = ''), false), coalesce(bool_or(NOT n.has_metrics), false),
           coalesce(bool_or(n.first_at < c.closed_before
                            OR (n.first_at AT TIME ZONE %(zone)s)::date <= n.totals_as_of), false),
           coalesce(bool_or(NOT n.is_ahead), false), coalesce(bool_or({BETS_GO_ON}), false),
           coalesce(bool_or({OTHER_BETS}), false), c.closed_before
    FROM (
        SELECT greatest(%(retention_end)s, (max(month) + interval '1 month') AT TIME ZONE 'UTC') AS closed_before
        FROM player_activity_archives
    ) c LEFT JOIN activity_players n ON true GROUP BY c.closed_before
"""
_DECLARE_SQL = """
    UPDATE players p SET source = 'FEED', updated_at = now()
    FROM (SELECT DISTINCT s.player_id FROM activity_stage s WHERE s.kind <> 'ACTION') n
    WHERE p.player_id = n.player_id AND p.source = ''
"""
_METRICS_SQL = """
    INSERT INTO player_metrics (player_id) SELECT n.player_id FROM activity_players n WHERE NOT n.has_metrics
    ORDER BY 1 ON CONFLICT (player_id) DO NOTHING
"""
# A payout comes without the player.
_LAST_ACTIVITY_SQL = """
    UPDATE players p SET last_activity_at = n.last_at FROM activity_players n
    WHERE p.player_id = n.player_id AND coalesce(p.last_activity_at < n.last_at, n.last_at IS NOT NULL)
"""


def prepare_players(*, retention_end: datetime, zone: str) -> Standing:
    """Gather the staged players, declare the feed as the source of those without one, and see that each has metrics."""
    gather_players()
    standing = see_standing(retention_end=retention_end, zone=zone)
    if standing.lack_source:
        run_statement(_DECLARE_SQL, [])
    if standing.lack_metrics:
        run_statement(_METRICS_SQL, [])
    return standing


def see_standing(*, retention_end: datetime, zone: str) -> Standing:
    """Return how the gathered players stand."""
    asked = {"retention_end": retention_end, "zone": zone, "gap": session_gap()}
    return Standing(*fetch_rows(_STANDING_SQL, asked)[0])


def gather_players() -> None:
    """Write down each staged player once, as the player stands before the batch counts."""
    run_statement(_GATHER_SQL, {"gap": session_gap()})


def gather_players_again() -> None:
    """Write down the staged players anew, after events were taken from the stage."""
    run_statement("DELETE FROM activity_players", [])
    gather_players()


def note_last_activity() -> None:
    """Note when the staged players were last active."""
    run_statement(_LAST_ACTIVITY_SQL, [])
