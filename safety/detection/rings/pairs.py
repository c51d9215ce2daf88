"""Pairs of accounts that share devices or addresses at about the same time, and used bonuses at about the same time."""

from __future__ import annotations

from typing import Any

from safety.detection.scope import Scope, all_bonuses_sql
from safety.detection.statements import fetch_named, make_temporary, run_named

_SHOWN_MAX = 20
_REACHED_MAX = 5_000
_HOPS_MAX = 50


def gather_links(scope: Scope, parameters: dict[str, Any]) -> None:
    """Fill `ring_links` with the links of accounts that were given bonuses, by things that not too many use.

    An address of a mobile carrier or a café connects thousands who have nothing to do with each other: what more
    accounts use than its limit, whether they were given bonuses or not, connects nobody.
    """
    if scope.player_ids is not None:
        _reach(parameters)
    make_temporary("ring_bonuses", all_bonuses_sql(Scope(at=scope.at)) + _only_reached("l", scope), parameters)
    make_temporary(
        "ring_things",
        f"""
        SELECT kind, value, count(*) AS users FROM safety_links l
        WHERE last_seen_on >= %(since)s::date {_things_reached(scope)}
        GROUP BY kind, value HAVING count(*) > 1
        """,
        parameters,
    )
    make_temporary(
        "ring_links",
        """
        SELECT l.player_id, l.kind, l.value, l.first_seen_on, l.last_seen_on,
               CASE l.kind WHEN 'DEVICE' THEN %(device_weight)s::numeric ELSE %(ip_weight)s::numeric END AS weight
        FROM safety_links l JOIN ring_things t ON t.kind = l.kind AND t.value = l.value
        JOIN (SELECT DISTINCT player_id FROM ring_bonuses) b ON b.player_id = l.player_id
        WHERE l.last_seen_on >= %(since)s::date
          AND t.users <= CASE l.kind WHEN 'DEVICE' THEN %(device_users_max)s ELSE %(ip_users_max)s END
        """,
        parameters,
    )


def pair_accounts(parameters: dict[str, Any]) -> int:
    """Fill `ring_pairs` with the accounts (p, q) that are linked, both ways; return how many."""
    return make_temporary(
        "ring_pairs",
        """
        WITH together AS MATERIALIZED (
            SELECT a.player_id AS p, b.player_id AS q
            FROM ring_links a JOIN ring_links b
                ON b.kind = a.kind AND b.value = a.value AND b.player_id > a.player_id
                AND a.first_seen_on <= b.last_seen_on + %(shared_within_days)s::integer
                AND b.first_seen_on <= a.last_seen_on + %(shared_within_days)s::integer
            GROUP BY a.player_id, b.player_id HAVING sum(a.weight) >= %(weight_min)s
        ),
        overlapping AS (
            SELECT DISTINCT t.p, t.q FROM together t
            JOIN ring_bonuses a ON a.player_id = t.p JOIN ring_bonuses b ON b.player_id = t.q
                AND b.granted_on BETWEEN a.granted_on - %(bonuses_within_days)s::integer
                    AND a.granted_on + %(bonuses_within_days)s::integer
        )
        SELECT p, q FROM overlapping UNION ALL SELECT q, p FROM overlapping
        """,
        parameters,
        index="p",
    )


def crowded_things(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the things left out because too many use them, the most used first: a person may want to look."""
    rows = fetch_named(
        f"""
        SELECT kind, value, users FROM ring_things
        WHERE users > CASE kind WHEN 'DEVICE' THEN %(device_users_max)s ELSE %(ip_users_max)s END
        ORDER BY kind, users DESC, value LIMIT {_SHOWN_MAX}
        """,
        parameters,
    )
    return [{"kind": kind, "value": value, "accounts": users} for kind, value, users in rows]


def _reach(parameters: dict[str, Any]) -> None:
    """Fill `ring_reached` with all accounts that can be reached from those in scope, hop by hop over things."""
    make_temporary("ring_reached", "SELECT unnest(%(scope_players)s::varchar[]) AS player_id", parameters)
    hop = f"""
        INSERT INTO ring_reached
        SELECT DISTINCT o.player_id FROM (
            SELECT DISTINCT l.kind, l.value FROM ring_reached r JOIN safety_links l ON l.player_id = r.player_id
            WHERE l.last_seen_on >= %(since)s::date
        ) t
        CROSS JOIN LATERAL (
            -- One more than the limit tells that there are too many.
            SELECT count(*) AS users FROM (
                SELECT FROM safety_links u WHERE u.value = t.value AND u.kind = t.kind
                    AND u.last_seen_on >= %(since)s::date
                LIMIT greatest(%(device_users_max)s, %(ip_users_max)s) + 1
            ) seen
        ) c
        JOIN safety_links o ON o.value = t.value AND o.kind = t.kind AND o.last_seen_on >= %(since)s::date
        WHERE c.users <= CASE t.kind WHEN 'DEVICE' THEN %(device_users_max)s ELSE %(ip_users_max)s END
          AND NOT EXISTS (SELECT FROM ring_reached r WHERE r.player_id = o.player_id)
        LIMIT {_REACHED_MAX}
    """
    for _ in range(_HOPS_MAX):
        if run_named(hop, parameters) == 0:
            return


def _only_reached(alias: str, scope: Scope) -> str:
    if scope.player_ids is None:
        return ""
    return f" AND {alias}.player_id IN (SELECT player_id FROM ring_reached)"


def _things_reached(scope: Scope) -> str:
    if scope.player_ids is None:
        return ""
    return """
        AND (l.kind, l.value) IN (
            SELECT o.kind, o.value FROM safety_links o JOIN ring_reached r ON r.player_id = o.player_id
        )
    """
