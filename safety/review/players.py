"""Which players a statement is about, and what of theirs a case is about."""

from __future__ import annotations

from typing import Any

from core.runs import Keys

UNDECIDED_SQL = "('OPEN', 'ASSIGNED', 'APPEALED')"
# Conditions on a signal `s`: it counts in the score; and no person has judged what it stands on by now.
COUNTS_SQL = "NOT s.is_resolved AND NOT s.is_shadow"
UNJUDGED_SQL = f"({COUNTS_SQL} AND (s.outcome = '' OR s.detected_at > s.judged_at))"


def confirmed_cases_sql(players: Keys) -> tuple[str, list[Any]]:
    """Return a query of (player_id, case_id): the last case that confirmed something of players of whom nothing is
    left to look at.
    """
    in_range, params = players.condition("c.player_id")
    sql = f"""
        SELECT c.player_id, max(c.id) AS case_id FROM safety_review_cases c
        WHERE {in_range} AND c.outcome IN ('CONFIRMED', 'PARTIAL')
          AND NOT EXISTS (SELECT 1 FROM safety_review_cases o
                          WHERE o.player_id = c.player_id AND o.status IN {UNDECIDED_SQL})
          AND NOT EXISTS (SELECT 1 FROM abuse_signals s WHERE s.player_id = c.player_id AND {UNJUDGED_SQL})
        GROUP BY c.player_id
    """
    return sql, params
