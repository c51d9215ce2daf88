"""Switching where a player's totals come from: files or the feed, one at a time, with the opening balance said."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.errors import InvalidInputError, NotFoundError
from core.expressions import fetch_rows, run_statement
from players.models import PlayerSource

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 200
# The totals so far are the opening balance: up to their date, or up to yesterday where no file gave one.
_SWITCH_SQL = """
    WITH changed AS (
        UPDATE players p SET source = %(to)s, updated_at = now() FROM players before
        WHERE p.player_id = ANY (%(ids)s) AND p.source <> %(to)s AND before.player_id = p.player_id
        RETURNING p.player_id, before.source AS source_before
    ),
    opened AS (
        SELECT c.player_id, c.source_before,
               CASE WHEN m.player_id IS NULL THEN NULL
                    WHEN %(to)s = 'FEED' THEN coalesce(%(as_of)s, m.totals_as_of,
                        CASE WHEN m.total_deposited + m.total_wagered + m.total_won > 0 THEN %(yesterday)s END)
                    ELSE coalesce(%(as_of)s, %(yesterday)s) END AS as_of
        FROM changed c LEFT JOIN player_metrics m ON m.player_id = c.player_id
    ),
    dated AS (
        UPDATE player_metrics m SET totals_as_of = o.as_of, updated_at = now() FROM opened o
        WHERE m.player_id = o.player_id AND m.totals_as_of IS DISTINCT FROM o.as_of
    )
    INSERT INTO player_source_changes (player_id, source_before, source_after, opening_as_of, reason, changed_by_id)
    SELECT o.player_id, o.source_before, %(to)s, o.as_of, %(reason)s, %(by)s FROM opened o ORDER BY o.player_id
"""


@transaction.atomic
def switch_source(
    *,
    player_ids: Sequence[str],
    to: str,
    reason: str,
    as_of: date | None = None,
    by: User | None = None,
    today: date | None = None,
) -> int:
    """Let the totals of players come from files or from the feed from now on; return for how many that is new.

    Their totals so far are an opening balance as of `as_of`: the feed counts what happened on later business dates, and
    a later file's difference is spread over the days after it. Without `as_of` it is the date of the last file, or
    yesterday. Raises NotFoundError for an unknown player and InvalidInputError; then nothing is switched.
    """
    today = today or timezone.localdate()
    if to not in PlayerSource.values:
        raise InvalidInputError(f"source is {to!r}: one of {', '.join(PlayerSource.values)} is needed", field="source")
    if not 0 < len(reason.strip()) <= REASON_LENGTH_MAX:
        raise InvalidInputError(f"a reason of 1 to {REASON_LENGTH_MAX} characters is needed", field="reason")
    if as_of is not None and as_of > today:
        raise InvalidInputError(f"as_of is {as_of}: a business date up to today, {today}, is needed", field="as_of")
    ids = sorted(set(player_ids))
    _lock(ids)
    return run_statement(
        _SWITCH_SQL,
        {
            "ids": ids,
            "to": to,
            "as_of": as_of,
            "yesterday": today - timedelta(days=1),
            "reason": reason.strip(),
            "by": by.pk if by else None,
        },
    )


def _lock(ids: Sequence[str]) -> None:
    sql = "SELECT player_id FROM players WHERE player_id = ANY (%s) ORDER BY player_id FOR NO KEY UPDATE"
    found = {player_id for (player_id,) in fetch_rows(sql, [list(ids)])}
    for player_id in ids:
        if player_id not in found:
            raise NotFoundError(f"there is no player {player_id!r}", player_id=player_id)
