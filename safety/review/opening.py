"""Open review cases and let evidence join them: set-based for everybody by night, for one player live.

A player has one undecided case at most: what opens a second one joins the first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from core.expressions import Sql, fetch_rows, run_statement
from core.runs import ALL_KEYS, Counts, KeyRange, Keys, NamedKeys
from safety import policies
from safety.models import UNDECIDED, ReviewAct, ReviewCase, ReviewCause
from safety.review.blocking import block_abusers
from safety.review.events import record_event
from safety.review.players import UNDECIDED_SQL, UNJUDGED_SQL
from wallet.ledger import lock_players
from wallet.postings import check_text_field

if TYPE_CHECKING:
    from django.contrib.auth.models import User

REASON_LENGTH_MAX = 500


@transaction.atomic
def open_due_cases(*, at: datetime, keys: Keys = ALL_KEYS) -> Counts:
    """Open a case for everybody whose stored score asks for one, or who is of a ring, with signals that nobody judged.

    Evidence found since joins the cases that are undecided, and whom a policy blocks is blocked. Return the counts.
    """
    concerned = _lock_players(_scores_found(keys), _rings_found(keys), _cases_there_are(keys))
    if not concerned:
        return {"cases opened": 0, "signals joined": 0, "players blocked": 0}
    # Under the lock it is looked again, at those few and not at the whole range.
    named = NamedKeys(keys=concerned)
    return {"cases opened": open_cases(_due(named), at=at), **refresh_cases(at=at, keys=named)}


def _lock_players(*found: Sql) -> list[str]:
    """Lock the players of the queries in key order, before any case is touched: as decisions and postings do.

    Return their keys.
    """
    asked = " UNION ".join(f"SELECT player_id FROM ({sql}) found" for sql, _ in found)
    params = [param for _, of_query in found for param in of_query]
    locked = f"SELECT player_id FROM players WHERE player_id IN ({asked}) ORDER BY player_id FOR NO KEY UPDATE"
    return [player_id for (player_id,) in fetch_rows(locked, params)]


def _due(keys: Keys) -> Sql:
    """Return a query of the players who are due for a case, each once: by the score where that asks for one."""
    (scores, of_scores), (rings, of_rings) = _scores_found(keys), _rings_found(keys)
    sql = f"""
        SELECT DISTINCT ON (player_id) player_id, cause, reason, ring_number
        FROM (SELECT * FROM ({scores}) scores UNION ALL SELECT * FROM ({rings}) rings) due
        ORDER BY player_id, cause = 'SCORE' DESC
    """
    return sql, [*of_scores, *of_rings]


def _cases_there_are(keys: Keys) -> Sql:
    """Return a query of the players with a case that is undecided, or decided while its rewards still wait."""
    in_range, params = keys.condition("c.player_id")
    sql = f"""
        SELECT c.player_id FROM safety_review_cases c WHERE c.status IN {UNDECIDED_SQL} AND {in_range}
        UNION
        SELECT c.player_id FROM safety_review_evidence e JOIN safety_review_cases c ON c.id = e.case_id
        WHERE e.settled_at IS NULL AND e.decision_id IS NOT NULL AND {in_range}
    """
    return sql, [*params, *params]


def _scores_found(keys: Keys) -> Sql:
    """Return a query of the players whose stored score asks for a person, with signals that nobody judged."""
    threshold = min(policies.ABUSE_REVIEW_FROM.value(), policies.ABUSE_BLOCK_FROM.value())
    in_range, params = keys.condition("m.player_id")
    sql = f"""
        SELECT m.player_id, 'SCORE' AS cause,
               left('The abuse score is ' || m.bonus_abuse_score || ': ' || seen.signs || '.', 500) AS reason,
               NULL::bigint AS ring_number
        FROM player_metrics m CROSS JOIN LATERAL (
            SELECT string_agg(DISTINCT lower(replace(s.signal_type, '_', ' ')), ', ') AS signs
            FROM abuse_signals s WHERE s.player_id = m.player_id AND {UNJUDGED_SQL}
        ) seen
        WHERE m.bonus_abuse_score >= %s AND {in_range} AND seen.signs IS NOT NULL
    """
    return sql, [threshold, *params]


def _rings_found(keys: Keys) -> Sql:
    """Return a query of the players whom a signal puts into a ring, with the newest ring's number."""
    in_range, params = keys.condition("s.player_id")
    sql = f"""
        SELECT DISTINCT ON (s.player_id) s.player_id, 'RING' AS cause,
               left('Of ring ' || s.ring_id || ': ' || coalesce(nullif(s.description, ''), s.signal_type), 500)
                   AS reason,
               s.ring_id AS ring_number
        FROM abuse_signals s WHERE {in_range} AND {UNJUDGED_SQL} AND s.ring_id IS NOT NULL
        ORDER BY s.player_id, s.detected_at DESC
    """
    return sql, params


def refresh_cases(*, at: datetime, keys: Keys = ALL_KEYS) -> Counts:
    """Let signals join the undecided cases, keep their scores, stakes and due times, and block whom a policy blocks.

    Must run inside a transaction.
    """
    joined = _join_signals(at=at, keys=keys)
    _mark_rings(keys)
    # First: it takes bonus money out of the players' hands.
    blocked = block_abusers(at=at, keys=keys)
    _refresh_stakes(at=at, keys=keys)
    return {"signals joined": joined, "players blocked": blocked}


def open_cases(found: Sql, *, at: datetime, by: User | None = None) -> int:
    """Open a case for each row (player_id, cause, reason, ring_number) of a query; return how many.

    Rows of players with an undecided case open none. Each player at most once.
    """
    sql, params = found
    who = by.pk if by else None
    return int(
        fetch_rows(
            _OPEN_SQL.format(found=sql),
            [*params, at, who, at, policies.REVIEW_DUE_HOURS.value(), who, at, at.isoformat()],
        )[0][0]
    )


_OPEN_SQL = """
    WITH found AS MATERIALIZED ({found}),
    opened AS (
        INSERT INTO safety_review_cases (player_id, cause, reason, ring_number, opened_at, opened_by_id, due_at)
        SELECT f.player_id, f.cause, f.reason, f.ring_number, %s, %s::integer, %s + make_interval(hours => %s)
        FROM found f
        ON CONFLICT (player_id) WHERE status IN ('OPEN', 'ASSIGNED', 'APPEALED') DO NOTHING
        RETURNING id, player_id, cause, reason
    ),
    recorded AS (
        INSERT INTO safety_review_events (case_id, act, status_before, status_after, by_id, at, text, details)
        SELECT id, 'OPENED', '', 'OPEN', %s::integer, %s, reason, jsonb_build_object('cause', cause) FROM opened
    ),
    told AS (
        INSERT INTO outbox_events (topic, key, payload)
        SELECT 'review.opened', 'review.opened:' || id, jsonb_build_object(
            'case_id', id, 'player_id', player_id, 'cause', cause, 'reason', reason, 'at', %s::text)
        FROM opened
    )
    SELECT count(*) FROM opened
"""


@transaction.atomic
def flag_for_review(player_id: str, reason: str, *, by: User | None = None, at: datetime | None = None) -> ReviewCase:
    """Have a person look at a player, and say why, 1 to 500 characters; return the case.

    Where one is undecided the reason joins it. Raises NotFoundError and InvalidInputError.
    """
    at = at or timezone.now()
    check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    lock_players([player_id])
    return _open_for(player_id, cause=ReviewCause.FLAG, reason=reason, ring_number=None, by=by, at=at)


@transaction.atomic
def open_ring_cases(
    *, ring_number: int, reasons: Mapping[str, str], by: User | None = None, at: datetime | None = None
) -> int:
    """Open a case for every member of a ring, `reasons` being by player; return how many are new.

    A member who is under review already keeps that case, which is marked with the ring. Raises InvalidInputError.
    """
    at = at or timezone.now()
    for reason in reasons.values():
        check_text_field("reason", reason, length_max=REASON_LENGTH_MAX, is_needed=True)
    members = NamedKeys(keys=sorted(reasons))
    named = json.dumps([{"player_id": key, "reason": reason} for key, reason in reasons.items()])
    found = (
        """
        SELECT r.player_id, 'RING' AS cause, r.reason, %s::bigint AS ring_number
        FROM jsonb_to_recordset(%s::jsonb) r (player_id text, reason text)
        JOIN players p ON p.player_id = r.player_id
        """,
        [ring_number, named],
    )
    _lock_players(found)
    opened = open_cases(found, at=at, by=by)
    mine = ReviewCase.objects.filter(player_id__in=list(reasons), status__in=UNDECIDED)
    mine.filter(ring_number=None).update(ring_number=ring_number)
    refresh_cases(at=at, keys=members)
    return opened


def _open_for(
    player_id: str, *, cause: ReviewCause, reason: str, ring_number: int | None, by: User | None, at: datetime
) -> ReviewCase:
    found = (
        "SELECT %s::text AS player_id, %s::text AS cause, %s::text AS reason, %s::bigint AS ring_number",
        [player_id, str(cause), reason, ring_number],
    )
    is_new = open_cases(found, at=at, by=by)
    case = ReviewCase.objects.get(player_id=player_id, status__in=UNDECIDED)
    if not is_new:
        record_event(case, ReviewAct.EVIDENCE, at=at, by=by, text=reason, cause=cause)
    refresh_cases(at=at, keys=KeyRange.holding(player_id))
    case.refresh_from_db()
    return case


def _join_signals(*, at: datetime, keys: Keys) -> int:
    """Let signals that nobody judged join their players' undecided cases; return how many.

    The cases are locked by a statement of its own: one that is being decided is left alone by the next one, which sees
    it decided.
    """
    in_range, params = keys.condition("c.player_id")
    waiting = f"""
        FROM safety_review_cases c JOIN abuse_signals s ON s.player_id = c.player_id
        WHERE c.status IN {UNDECIDED_SQL} AND {in_range} AND {UNJUDGED_SQL} AND s.case_id IS DISTINCT FROM c.id
    """
    locked = (
        f"SELECT id FROM safety_review_cases WHERE id IN (SELECT c.id {waiting}) ORDER BY player_id FOR NO KEY UPDATE"
    )
    if not fetch_rows(locked, params):
        return 0
    return int(fetch_rows(_JOIN_SQL.format(waiting=waiting), [*params, at])[0][0])


# A signal that was confirmed and is found again by newer evidence is to be judged anew.
_JOIN_SQL = """
    WITH joined AS (
        UPDATE abuse_signals a
        SET case_id = w.case_id, outcome = '', judged_by_id = NULL, judged_at = NULL, judgement = ''
        FROM (SELECT s.id, c.id AS case_id, c.status {waiting}) w WHERE a.id = w.id
        RETURNING a.id, w.case_id, w.status, a.signal_type, a.severity
    ),
    recorded AS (
        INSERT INTO safety_review_events (case_id, act, status_before, status_after, at, text, details)
        SELECT case_id, 'EVIDENCE', status, status, %s,
               left(string_agg(lower(replace(signal_type, '_', ' ')) || ' (severity ' || severity || ')', ', '
                               ORDER BY id), 2000),
               jsonb_build_object('signals', jsonb_agg(id ORDER BY id))
        FROM joined GROUP BY case_id, status
    )
    SELECT count(*) FROM joined
"""


def _mark_rings(keys: Keys) -> None:
    """Mark the undecided cases with the ring that their signals name."""
    in_range, params = keys.condition("c.player_id")
    run_statement(
        f"""
        UPDATE safety_review_cases c SET ring_number = r.ring_number
        FROM (SELECT s.case_id, max(s.ring_id) AS ring_number FROM abuse_signals s
              JOIN safety_review_cases c ON c.id = s.case_id
              WHERE c.status IN {UNDECIDED_SQL} AND {in_range} GROUP BY s.case_id) r
        WHERE r.case_id = c.id AND r.ring_number IS NOT NULL AND c.ring_number IS DISTINCT FROM r.ring_number
        """,
        params,
    )


def _refresh_stakes(*, at: datetime, keys: Keys) -> None:
    """Keep score and money at stake of the undecided cases; what has become urgent is due sooner, never later."""
    in_range, params = keys.condition("c.player_id")
    run_statement(
        f"""
        UPDATE safety_review_cases c
        SET abuse_score = n.abuse_score, money_at_stake = n.money, due_at = n.due_at
        FROM (
            SELECT s.id, s.abuse_score, s.money,
                   CASE WHEN s.money >= %s AND s.status <> 'APPEALED'
                        THEN least(s.due_at, %s + make_interval(hours => %s)) ELSE s.due_at END AS due_at
            FROM (
                SELECT c.id, c.due_at, c.status, coalesce(m.bonus_abuse_score, 0) AS abuse_score,
                       coalesce(b.bonus_balance, 0) + coalesce((
                           SELECT sum(e.money_value) FROM safety_review_evidence e
                           WHERE e.case_id = c.id AND e.settled_at IS NULL), 0) AS money
                FROM safety_review_cases c
                LEFT JOIN player_metrics m ON m.player_id = c.player_id
                LEFT JOIN loyalty_balances b ON b.player_id = c.player_id
                WHERE c.status IN {UNDECIDED_SQL} AND {in_range}
            ) s
        ) n
        WHERE n.id = c.id AND (c.abuse_score, c.money_at_stake, c.due_at)
                              IS DISTINCT FROM (n.abuse_score, n.money, n.due_at)
        """,
        [policies.REVIEW_URGENT_MONEY.value(), at, policies.REVIEW_URGENT_DUE_HOURS.value(), *params],
    )
