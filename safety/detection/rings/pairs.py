"""Pairs of accounts that share devices or addresses at about the same time, and used bonuses at about the same time."""

from __future__ import annotations

from typing import Any

from safety.detection.rings.crowds import links_its_users, mark_farms, users_counted_max
from safety.detection.scope import Scope, all_bonuses_sql
from safety.detection.statements import fetch_for_few, make_temporary, run_named

_REACHED_MAX = 5_000
_HOPS_MAX = 50


def gather_links(scope: Scope, parameters: dict[str, Any]) -> None:
    """Fill `ring_links` with the links of accounts that were given bonuses, by things that not too many use.

    Of players by name, `ring_reached` must hold whom they can be connected with.

    What more accounts use than its limit, whether they were given bonuses or not, connects nobody, unless it is a
    farm's. A farm's address is one among others: it takes several to link two accounts, so all pairs are looked at.
    """
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
    mark_farms(parameters)
    make_temporary(
        "ring_links",
        """
        SELECT l.player_id, l.kind, l.value, l.first_seen_on, l.last_seen_on,
               f.value IS NOT NULL AND f.kind = 'DEVICE' AS is_farm,
               CASE l.kind WHEN 'DEVICE' THEN %(device_weight)s::numeric ELSE %(ip_weight)s::numeric END AS weight
        FROM safety_links l JOIN ring_things t ON t.kind = l.kind AND t.value = l.value
        JOIN (SELECT DISTINCT player_id FROM ring_bonuses) b ON b.player_id = l.player_id
        LEFT JOIN ring_farms f ON f.kind = l.kind AND f.value = l.value
        WHERE l.last_seen_on >= %(since)s::date AND l.value <> ALL(%(left_out)s::text[])
          AND (t.users <= CASE l.kind WHEN 'DEVICE' THEN %(device_users_max)s ELSE %(ip_users_max)s END
               OR f.value IS NOT NULL)
        """,
        parameters,
    )


def pair_accounts(parameters: dict[str, Any]) -> int:
    """Fill `ring_pairs` with the accounts (p, q) that are linked, both ways; return how many.

    On a farm's device each account is paired with the next by the time of their bonuses: that connects whom all pairs
    would connect, and their number grows with the accounts and not with its square.
    """
    return make_temporary(
        "ring_pairs",
        """
        WITH together AS MATERIALIZED (
            SELECT a.player_id AS p, b.player_id AS q
            FROM ring_links a JOIN ring_links b
                ON b.kind = a.kind AND b.value = a.value AND b.player_id > a.player_id
                AND a.first_seen_on <= b.last_seen_on + %(shared_within_days)s::integer
                AND b.first_seen_on <= a.last_seen_on + %(shared_within_days)s::integer
            WHERE NOT a.is_farm AND NOT b.is_farm
            GROUP BY a.player_id, b.player_id HAVING sum(a.weight) >= %(weight_min)s
        ),
        in_turn AS (
            SELECT l.player_id, b.granted_on, l.first_seen_on, l.last_seen_on, lag(l.player_id) OVER turn AS before,
                   lag(b.granted_on) OVER turn AS granted_before, lag(l.first_seen_on) OVER turn AS first_seen_before,
                   lag(l.last_seen_on) OVER turn AS last_seen_before
            FROM ring_links l JOIN ring_bonuses b ON b.player_id = l.player_id
            WHERE l.is_farm AND l.weight >= %(weight_min)s
            WINDOW turn AS (PARTITION BY l.kind, l.value ORDER BY b.granted_on, b.id)
        ),
        overlapping AS (
            SELECT t.p, t.q FROM together t
            JOIN ring_bonuses a ON a.player_id = t.p JOIN ring_bonuses b ON b.player_id = t.q
                AND b.granted_on BETWEEN a.granted_on - %(bonuses_within_days)s::integer
                    AND a.granted_on + %(bonuses_within_days)s::integer
            UNION
            SELECT least(before, player_id), greatest(before, player_id) FROM in_turn
            WHERE before <> player_id AND granted_on <= granted_before + %(bonuses_within_days)s::integer
              AND first_seen_before <= last_seen_on + %(shared_within_days)s::integer
              AND first_seen_on <= last_seen_before + %(shared_within_days)s::integer
        )
        SELECT p, q FROM overlapping UNION ALL SELECT q, p FROM overlapping
        """,
        parameters,
        index="p",
    )


def reach_accounts(parameters: dict[str, Any]) -> int:
    """Fill `ring_reached` with the accounts that can be reached from those in scope, hop by hop over things.

    Return how many there are.
    """
    reached = make_temporary("ring_reached", "SELECT unnest(%(scope_players)s::varchar[]) AS player_id", parameters)
    make_temporary("ring_looked_at", "SELECT kind, value FROM safety_links LIMIT 0", parameters)
    for _ in range(_HOPS_MAX):
        more = run_named(_HOP, parameters)
        reached += more
        if more == 0:
            break
    return reached


def shares_with_others(parameters: dict[str, Any]) -> bool:
    """Return whether anybody can be reached from those in scope at all, by lookups that leave nothing behind."""
    return bool(fetch_for_few(_FIRST_HOP, parameters)[0][0])


# Each thing is looked at once, and counted before it is joined: what hundreds use is not measured for each of them.
_LINKING = f"""
    counted AS MATERIALIZED (
        SELECT t.kind, t.value, c.users FROM fresh t CROSS JOIN LATERAL (
            -- One more than the limit tells that there are too many.
            SELECT count(*) AS users FROM (
                SELECT FROM safety_links u WHERE u.value = t.value AND u.kind = t.kind
                    AND u.last_seen_on >= %(since)s::date
                LIMIT 1 + {users_counted_max(kind="t.kind")}
            ) seen
        ) c
    ),
    linking AS MATERIALIZED (
        SELECT t.kind, t.value FROM counted t WHERE t.users > 1 AND {links_its_users(users="t.users")}
    )"""
_HOP = f"""
    WITH fresh AS MATERIALIZED (
        SELECT DISTINCT l.kind, l.value FROM ring_reached r JOIN safety_links l ON l.player_id = r.player_id
        WHERE l.last_seen_on >= %(since)s::date
          AND NOT EXISTS (SELECT FROM ring_looked_at a WHERE a.kind = l.kind AND a.value = l.value)
    ),
    looked_at AS (INSERT INTO ring_looked_at SELECT kind, value FROM fresh),
    {_LINKING}
    INSERT INTO ring_reached
    SELECT DISTINCT o.player_id FROM linking t
    JOIN safety_links o ON o.value = t.value AND o.kind = t.kind AND o.last_seen_on >= %(since)s::date
    WHERE NOT EXISTS (SELECT FROM ring_reached r WHERE r.player_id = o.player_id)
    LIMIT {_REACHED_MAX}
"""
_FIRST_HOP = f"""
    WITH fresh AS MATERIALIZED (
        SELECT DISTINCT l.kind, l.value FROM safety_links l
        WHERE l.player_id = ANY(%(scope_players)s) AND l.last_seen_on >= %(since)s::date
    ),
    {_LINKING}
    SELECT EXISTS (
        SELECT FROM linking t
        JOIN safety_links o ON o.value = t.value AND o.kind = t.kind AND o.last_seen_on >= %(since)s::date
        WHERE o.player_id <> ALL(%(scope_players)s)
    )
"""


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
