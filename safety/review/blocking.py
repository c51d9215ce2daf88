"""The block that a policy puts on a player from a score on, until a person has decided the case."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q

from core.expressions import fetch_rows, run_statement
from core.runs import Keys, NamedKeys
from players.models import PlayerRestriction
from players.restrictions.imposing import Word
from safety import policies
from safety.abuse import SCORE_MAX
from safety.models import ReviewAct, ReviewCase
from safety.review.events import record_event
from safety.review.players import COUNTS_SQL
from wallet.restricting import apply_started, lift_restriction

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SOURCE = "abuse score"
_DUE_SQL = """
    FROM safety_review_cases c JOIN player_metrics m ON m.player_id = c.player_id
    WHERE c.status IN ('OPEN', 'ASSIGNED') AND c.restriction_id IS NULL AND m.bonus_abuse_score >= %s AND {in_range}
      AND NOT EXISTS (
          SELECT 1 FROM player_restrictions r
          WHERE r.player_id = c.player_id AND r.kind = 'BLOCKED' AND r.starts_at <= %s
            AND (r.ends_at IS NULL OR r.ends_at > %s))
"""
# The block with what it stands on: the case, the score and the signals by type, severity and description.
_BLOCK_SQL = """
    WITH due AS MATERIALIZED (SELECT c.id, c.player_id, c.status, m.bonus_abuse_score AS score {due}),
    blocked AS (
        INSERT INTO player_restrictions (player_id, kind, starts_at, created_at, source, reason, evidence)
        SELECT d.player_id, 'BLOCKED', %s, %s, %s,
               'Blocked at an abuse score of ' || d.score || ' until case ' || d.id || ' is decided.',
               jsonb_build_object('case', d.id, 'abuse_score', d.score, 'signals', (
                   SELECT coalesce(jsonb_agg(jsonb_build_object('id', s.id, 'type', s.signal_type,
                                                                'severity', s.severity, 'description', s.description)
                                             ORDER BY s.id), '[]')
                   FROM abuse_signals s WHERE s.player_id = d.player_id AND {counts}))
        FROM due d RETURNING id, player_id, starts_at, reason, evidence
    ),
    told AS (
        INSERT INTO outbox_events (topic, key, payload)
        SELECT 'restriction.imposed', 'restriction.imposed:by score:' || b.id,
               jsonb_build_object('restriction_id', b.id, 'player_id', b.player_id, 'kind', 'BLOCKED',
                                  'starts_at', b.starts_at, 'ends_at', NULL)
        FROM blocked b
    ),
    recorded AS (
        INSERT INTO player_restriction_changes (restriction_id, act, source, reason, evidence, actor, changed_at)
        SELECT b.id, 'IMPOSED', %s, b.reason, b.evidence, %s, %s FROM blocked b
    ),
    linked AS (
        UPDATE safety_review_cases c SET restriction_id = b.id
        FROM due d JOIN blocked b ON b.player_id = d.player_id WHERE c.id = d.id
    )
    INSERT INTO safety_review_events (case_id, act, status_before, status_after, at, text, details)
    SELECT d.id, 'BLOCKED', d.status, d.status, %s, 'Blocked at an abuse score of ' || d.score || '.',
           jsonb_build_object('restriction', b.id)
    FROM due d JOIN blocked b ON b.player_id = d.player_id
"""


def block_abusers(*, at: datetime, keys: Keys) -> int:
    """Block every player of an undecided case whose score a policy says so of; return how many.

    Must run inside a transaction; the players' locks are taken first, as for every restriction, and their bonuses end
    in the same transaction.
    """
    threshold = policies.ABUSE_BLOCK_FROM.value()
    if threshold > SCORE_MAX:
        return 0
    in_range, params = keys.condition("c.player_id")
    due, due_params = _DUE_SQL.format(in_range=in_range), [threshold, *params, at, at]
    locked = f"SELECT player_id FROM players WHERE player_id IN (SELECT c.player_id {due}) ORDER BY player_id"
    found = [player_id for (player_id,) in fetch_rows(f"{locked} FOR NO KEY UPDATE", due_params)]
    if not found:
        return 0
    blocking = [at, at, SOURCE, SOURCE, SOURCE, at, at]
    blocked = run_statement(_BLOCK_SQL.format(due=due, counts=COUNTS_SQL), [*due_params, *blocking])
    apply_started(at=at, keys=NamedKeys(keys=found), actor=SOURCE)
    return blocked


def lift_block(case: ReviewCase, *, at: datetime, by: User | None, text: str) -> None:
    """End the block that the house put on the player for this case, if it still holds; to be asked under the lock."""
    if case.restriction_id is None:
        return
    restriction_id = case.restriction_id
    if PlayerRestriction.objects.filter(pk=restriction_id).filter(Q(ends_at=None) | Q(ends_at__gt=at)).exists():
        lift_restriction(restriction_id=restriction_id, word=Word(source=SOURCE, reason=text, by=by), at=at)
        record_event(case, ReviewAct.UNBLOCKED, at=at, by=by, text=text, restriction=restriction_id)
