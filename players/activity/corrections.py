"""Corrections: an event that says another as it should have been. What it changes is counted on the original's day.

A correction is stored beside its original with the difference, so that the amounts of a player's events add up to what
is true. Of several corrections of one original the one made last holds, whichever arrives last.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from core.expressions import fetch_rows, run_statement
from players.activity.batch import Batch, Event
from players.activity.events import SESSION_DAYS_MAX
from players.activity.stage import add_staged

# A key's time is that of the event as it was sent: of a correction, when it was made.
_RESOLVE_SQL = """
    INSERT INTO activity_corrections
    WITH given AS (
        SELECT s.*, k.occurred_at AS key_at FROM activity_stage s
        LEFT JOIN player_activity_keys k ON k.source = %(source)s AND k.external_id = s.corrects_external_id
        WHERE s.corrects_external_id <> ''
    ),
    judged AS (
        SELECT g.*, o.kind AS original_kind, o.occurred_at AS original_at, o.amount AS original_amount,
               o.bonus_amount AS original_bonus, o.bet_id AS original_bet, o.game_category AS original_category,
               o.ended_at AS original_ended_at,
               CASE WHEN g.key_at IS NULL THEN 'ORIGINAL_UNKNOWN'
                    WHEN o.kind IS NULL AND e.status = 'OPEN' THEN 'ORIGINAL_UNKNOWN'
                    WHEN o.kind IS NULL AND g.key_at < %(closed_before)s THEN 'ORIGINAL_ARCHIVED'
                    WHEN o.kind IS DISTINCT FROM g.kind THEN 'NOT_ITS_ORIGINAL'
                    WHEN g.bet_id NOT IN ('', o.bet_id) OR g.game_category NOT IN ('', o.game_category)
                         OR g.ended_at < o.occurred_at
                         OR g.ended_at > o.occurred_at + make_interval(days => %(days_max)s) THEN 'DOES_NOT_FIT'
               END AS reason
        FROM given g
        LEFT JOIN LATERAL (
            SELECT a.* FROM player_activity a
            WHERE a.player_id = g.player_id AND a.occurred_at = g.key_at AND a.source = %(source)s
              AND a.external_id = g.corrects_external_id AND a.corrects_external_id = ''
        ) o ON true
        LEFT JOIN player_activity_exceptions e
            ON o.kind IS NULL AND e.source = %(source)s AND e.external_id = g.corrects_external_id
    ),
    standing AS (
        SELECT j.*, row_number() OVER (
                   PARTITION BY j.corrects_external_id, j.reason IS NULL
                   ORDER BY j.occurred_at DESC, j.external_id DESC
               ) = 1 AND coalesce((j.occurred_at, j.external_id) > (h.made_at, h.external_id), true) AS is_latest,
               j.original_amount + coalesce(h.amount, 0) AS amount_before,
               coalesce(j.original_bonus, 0) + coalesce(h.bonus, 0) AS bonus_before,
               CASE WHEN h.made_at IS NULL THEN j.original_ended_at ELSE h.ended_at END AS ended_at_before
        FROM judged j
        LEFT JOIN LATERAL (
            SELECT sum(x.amount) AS amount, sum(coalesce(x.bonus_amount, 0)) AS bonus,
                   (array_agg(k.occurred_at ORDER BY k.occurred_at DESC, k.external_id DESC))[1] AS made_at,
                   (array_agg(k.external_id ORDER BY k.occurred_at DESC, k.external_id DESC))[1] AS external_id,
                   (array_agg(x.ended_at ORDER BY k.occurred_at DESC, k.external_id DESC))[1] AS ended_at
            FROM player_activity x
            JOIN player_activity_keys k ON k.source = x.source AND k.external_id = x.external_id
            WHERE j.reason IS NULL AND x.corrects_external_id = j.corrects_external_id
              AND x.corrects_external_id > '' AND x.source = %(source)s
              AND x.player_id = j.player_id AND x.occurred_at = j.original_at
        ) h ON true
    )
    SELECT s.external_id, s.player_id, s.kind, s.corrects_external_id, s.reason, s.is_latest, s.original_at,
           CASE WHEN s.is_latest THEN coalesce(s.amount, 0) - s.amount_before ELSE 0 END,
           CASE WHEN s.is_latest THEN coalesce(s.bonus_amount, 0) - s.bonus_before ELSE 0 END,
           CASE WHEN s.is_latest AND s.kind = 'WAGER'
                THEN (coalesce(s.amount, 0) > coalesce(s.bonus_amount, 0))::integer
                     - (s.amount_before > s.bonus_before)::integer
                ELSE 0 END,
           s.original_bet, s.original_category, s.ended_at_before, s.ended_at, s.ip_address, s.device_id
    FROM standing s
"""
_STORE_SQL = """
    INSERT INTO player_activity (player_id, kind, source, external_id, occurred_at, received_at, amount, bonus_amount,
                                 bet_id, game_category, ended_at, ip_address, device_id, corrects_external_id)
    SELECT c.player_id, c.kind, %s, c.external_id, c.occurred_at, %s,
           CASE WHEN c.kind <> 'SESSION' THEN c.amount END, CASE WHEN c.bonus_amount <> 0 THEN c.bonus_amount END,
           c.bet_id, c.game_category, c.ended_at, c.ip_address, c.device_id, c.corrects_external_id
    FROM activity_corrections c WHERE c.reason IS NULL ORDER BY c.player_id, c.occurred_at
"""
_CHANGES_SQL = """
    INSERT INTO activity_changes (player_id, "on", game_category, deposited, withdrawn, wagered, won, bets)
    SELECT c.player_id, (c.occurred_at AT TIME ZONE %s)::date, c.game_category,
           sum(c.amount) FILTER (WHERE c.kind = 'DEPOSIT'), sum(c.amount) FILTER (WHERE c.kind = 'WITHDRAWAL'),
           sum(c.amount - c.bonus_amount) FILTER (WHERE c.kind = 'WAGER'),
           sum(c.amount - c.bonus_amount) FILTER (WHERE c.kind = 'WIN'), sum(c.bets)
    FROM activity_corrections c WHERE c.reason IS NULL AND c.is_latest AND c.kind <> 'SESSION' GROUP BY 1, 2, 3
"""


def stage_waiting_corrections(*, source: str) -> list[Event]:
    """Stage the corrections that waited for one of the staged events, beside them; return them."""
    rows = fetch_rows(
        """
        SELECT e.body FROM player_activity_exceptions e
        JOIN activity_stage s ON s.external_id = e.corrects_external_id
        WHERE e.source = %s AND e.status = 'WAITING' ORDER BY e.external_id
        """,
        [source],
    )
    waiting = [event_of_body(json.loads(body)) for (body,) in rows]
    if waiting:
        add_staged(Batch.of(waiting))
    return waiting


def resolve_corrections(*, source: str, closed_before: datetime) -> list[tuple[str, str]]:
    """Find what the staged corrections correct; return id and reason of those that cannot be counted."""
    run_statement(_RESOLVE_SQL, {"source": source, "closed_before": closed_before, "days_max": SESSION_DAYS_MAX})
    return fetch_rows("SELECT external_id, reason FROM activity_corrections WHERE reason IS NOT NULL", [])


def store_corrections(*, source: str, at: datetime, zone: str) -> int:
    """Store the corrections that can be counted, and note what they change; return how many."""
    run_statement(_CHANGES_SQL, [zone])
    return run_statement(_STORE_SQL, [source, at])


# What a deposit came to is the sum of it and its corrections; a time that was a corrected one's is found anew.
_DEPOSIT_TIMES_SQL = """
    UPDATE player_metrics m
    SET first_deposit_at = CASE WHEN m.first_deposit_at = ANY (n.corrected) THEN n.first_at
                                ELSE least(m.first_deposit_at, n.first_at) END,
        last_deposit_at = CASE WHEN m.last_deposit_at = ANY (n.corrected) THEN n.last_at
                               ELSE greatest(m.last_deposit_at, n.last_at) END
    FROM (
        SELECT c.player_id, c.corrected, min(d.occurred_at) AS first_at, max(d.occurred_at) AS last_at
        FROM (
            SELECT k.player_id, array_agg(k.occurred_at) AS corrected FROM activity_corrections k
            WHERE k.reason IS NULL AND k.is_latest AND k.kind = 'DEPOSIT' GROUP BY k.player_id
        ) c
        LEFT JOIN LATERAL (
            SELECT a.occurred_at FROM player_activity a WHERE a.player_id = c.player_id AND a.kind = 'DEPOSIT'
            GROUP BY a.source, coalesce(nullif(a.corrects_external_id, ''), a.external_id), a.occurred_at
            HAVING sum(a.amount) > 0
        ) d ON true
        GROUP BY c.player_id, c.corrected
    ) n
    WHERE m.player_id = n.player_id
"""


def correct_deposit_times() -> int:
    """Find anew when players deposited first and last whose deposits the batch corrects; return of how many players.

    A void deposit was none. Unknown where no stored deposit is left: an earlier one may be archived or from a file.
    """
    return run_statement(_DEPOSIT_TIMES_SQL, [])


def event_of_body(body: dict[str, Any]) -> Event:
    """Return the event that `Event.as_body` was made of; it has no place in a batch."""
    texts = [body.get(name, "") for name in Event._fields[1:14]]
    return Event._make([-1, *texts, bool(body.get("void", False))])
