"""Counting sessions anew for days that are there already, after the policy for their gap has changed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError
from core.expressions import fetch_rows
from players.activity.days import apply_to_days_and_totals
from players.activity.retention import month_after
from players.activity.sessions import change_sessions_anew
from players.activity.stage import open_tables
from players.models import ActivityArchive

_PLAYERS_PER_CHUNK = 2_000
_LOCK_SQL = """
    SELECT p.player_id FROM players p
    WHERE p.player_id > %s AND EXISTS (SELECT FROM player_days d WHERE d.player_id = p.player_id AND d."on" >= %s)
    ORDER BY p.player_id LIMIT %s FOR NO KEY UPDATE
"""


def infer_sessions_anew(*, since: date) -> int:
    """Count inferred sessions and time played anew for business dates from `since` on; return how many days changed.

    A transaction per chunk of players, each of which may be repeated. Raises InvalidInputError for dates whose events
    are archived.
    """
    archived = ActivityArchive.objects.order_by("-month").values_list("month", flat=True).first()
    if archived is not None and since <= month_after(archived):
        raise InvalidInputError(
            f"since is {since}: the events up to {archived:%Y-%m} are archived; a later date is needed, "
            f"from {month_after(archived) + timedelta(days=1)} on",
            field="since",
        )
    return sum(_chunks(since))


def _chunks(since: date) -> Iterator[int]:
    after: str | None = ""
    while after is not None:
        with transaction.atomic():
            changed, after = _chunk(after, since=since)
        yield changed


def _chunk(after: str, *, since: date) -> tuple[int, str | None]:
    players = [player_id for (player_id,) in fetch_rows(_LOCK_SQL, [after, since, _PLAYERS_PER_CHUNK])]
    if not players:
        return 0, None
    open_tables(are_many=True)
    zone = timezone.get_default_timezone_name()
    changed = change_sessions_anew(players, since=since, zone=zone)
    if changed:
        apply_to_days_and_totals(zone=zone, are_many=True)
    return changed, players[-1]
