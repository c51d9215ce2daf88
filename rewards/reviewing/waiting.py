"""Rewards that wait for a person: each belongs to the review case of its player, with what it is worth."""

from __future__ import annotations

import json
from datetime import datetime

from core.expressions import Sql, fetch_rows, run_statement
from core.runs import Keys, NamedKeys
from rewards.models import RewardType
from safety.profitability import RewardTerms, unit_value
from safety.review.opening import open_cases, refresh_cases
from safety.review.players import UNDECIDED_SQL

# A condition on a decision `d`: it waits for a person because of the abuse score, not for the approval of a perk.
WAITS_SQL = "d.verdict = 'PENDING_REVIEW' AND d.reason = 'ABUSE_REVIEW'"


def open_cases_of_rewards(*, at: datetime, keys: Keys) -> int:
    """Open a case for every player with a reward that waits, or let the reward join the one there is; return the new.

    Must run inside a transaction, with the players of such rewards locked.
    """
    in_range, params = keys.condition("d.player_id")
    unlinked = f"""
        {WAITS_SQL} AND {in_range} AND NOT EXISTS (
            SELECT 1 FROM safety_review_evidence e JOIN safety_review_cases c ON c.id = e.case_id
            WHERE e.decision_id = d.id AND c.status IN {UNDECIDED_SQL})
    """
    owners = fetch_rows(f"SELECT DISTINCT d.player_id FROM reward_decisions d WHERE {unlinked}", params)
    if not owners:
        return 0
    opened = open_cases(
        (
            f"""
            SELECT d.player_id, 'REWARD' AS cause,
                   CASE count(*) WHEN 1 THEN 'A reward waits' ELSE count(*) || ' rewards wait' END
                   || ' because of the abuse score.' AS reason, NULL::bigint AS ring_number
            FROM reward_decisions d WHERE {unlinked} GROUP BY d.player_id
            """,
            params,
        ),
        at=at,
    )
    if _join_rewards((unlinked, params), at=at):
        # Nobody else's case: the others of the range are not locked.
        refresh_cases(at=at, keys=NamedKeys(keys=sorted(player_id for (player_id,) in owners)))
    return opened


def _join_rewards(unlinked: Sql, *, at: datetime) -> int:
    """Make the rewards evidence of their players' undecided cases, which are locked first: see `safety.review`."""
    waiting, params = unlinked
    locked = f"""
        SELECT id FROM safety_review_cases WHERE status IN {UNDECIDED_SQL} AND player_id IN (
            SELECT d.player_id FROM reward_decisions d WHERE {waiting}) ORDER BY player_id FOR NO KEY UPDATE
    """
    if not fetch_rows(locked, params):
        return 0
    return run_statement(_JOIN_SQL.format(waiting=waiting), [unit_values(), *params, at, at])


_JOIN_SQL = f"""
    WITH waiting AS MATERIALIZED (
        SELECT c.id AS case_id, c.status, d.id AS decision_id, r.rule_id, r.name,
               round(coalesce(d.amount_computed, 0)
                     * coalesce((u.value_of ->> (r.reward_config ->> 'type'))::numeric, 1), 2) AS money_value
        FROM reward_decisions d
        JOIN reward_rules r ON r.number = d.rule_number
        JOIN safety_review_cases c ON c.player_id = d.player_id AND c.status IN {UNDECIDED_SQL}
        CROSS JOIN (SELECT %s::jsonb AS value_of) u
        WHERE {{waiting}}
    ),
    joined AS (
        INSERT INTO safety_review_evidence (case_id, kind, decision_id, money_value, text, added_at)
        SELECT case_id, 'REWARD', decision_id, money_value, left(name, 500), %s FROM waiting
        ON CONFLICT (decision_id) DO UPDATE SET case_id = excluded.case_id, settled_at = NULL, settlement = ''
        RETURNING case_id, decision_id
    )
    INSERT INTO safety_review_events (case_id, act, status_before, status_after, at, text, details)
    SELECT w.case_id, 'EVIDENCE', w.status, w.status, %s,
           left('Waits: ' || string_agg(w.name || ' worth ' || w.money_value, ', ' ORDER BY w.decision_id), 2000),
           jsonb_build_object('decisions', jsonb_agg(w.decision_id ORDER BY w.decision_id))
    FROM joined j JOIN waiting w ON w.decision_id = j.decision_id GROUP BY w.case_id, w.status
"""


def unit_values() -> str:
    """Return what one unit of each type of reward is worth in money, as a JSON object."""
    types = [RewardTerms(reward_type=str(kind)) for kind in RewardType]
    return json.dumps({terms.reward_type: str(unit_value(terms)) for terms in types})
