"""Rings as rows: a component found again is the ring it has most members in common with."""

from __future__ import annotations

from typing import Any

from safety.detection.statements import make_temporary, run_named


def keep_rings(parameters: dict[str, Any]) -> int:
    """Write the components of `ring_labels` that are large enough as rings; return how many were found."""
    _measure_members(parameters)
    found = _choose_rings(parameters)
    run_named(_MEMBERS, parameters)
    run_named(_THINGS, parameters)
    run_named(_TOTALS, parameters)
    return found


def _measure_members(parameters: dict[str, Any]) -> None:
    """Fill `ring_found` with the members of each component that is large enough, and their money in the window."""
    make_temporary(
        "ring_found",
        """
        WITH large AS (
            SELECT label FROM ring_labels GROUP BY label HAVING count(*) >= %(members_min)s
        ),
        members AS MATERIALIZED (
            SELECT l.player_id, l.label FROM ring_labels l JOIN large USING (label)
            JOIN players p ON p.player_id = l.player_id
        ),
        bonuses AS (
            SELECT player_id, sum(amount) AS bonus_value, sum(converted) AS converted, max(created_at) AS last_at
            FROM ring_bonuses WHERE player_id IN (SELECT player_id FROM members) GROUP BY player_id
        ),
        partners AS (
            SELECT player_id, max(partners) AS partners FROM (
                SELECT p AS player_id, count(*) AS partners FROM ring_pairs GROUP BY p
                UNION ALL
                -- On a farm's device all are linked to all, though only the next ones are paired.
                SELECT player_id, count(*) OVER (PARTITION BY kind, value) - 1 FROM ring_links WHERE is_farm
            ) n GROUP BY player_id
        )
        SELECT m.player_id, m.label, b.bonus_value, b.converted, b.last_at, p.partners,
               coalesce(c.deposited, 0) AS deposited, coalesce(c.withdrawn, 0) AS withdrawn, NULL::bigint AS ring_id
        FROM members m JOIN bonuses b USING (player_id) JOIN partners p USING (player_id)
        LEFT JOIN LATERAL (
            -- Corrections are stored as differences beside their originals.
            SELECT sum(a.amount) FILTER (WHERE a.kind = 'DEPOSIT') AS deposited,
                   sum(a.amount) FILTER (WHERE a.kind = 'WITHDRAWAL') AS withdrawn
            FROM player_activity a
            WHERE a.player_id = m.player_id AND a.occurred_at > %(since)s AND a.occurred_at <= %(at)s
              AND a.kind IN ('DEPOSIT', 'WITHDRAWAL')
        ) c ON true
        """,
        parameters,
        index="player_id",
    )


def _choose_rings(parameters: dict[str, Any]) -> int:
    """Give each component its ring: the one it shares most members with, each ring once, else a new one."""
    run_named(
        """
        WITH shared AS (
            SELECT f.label, m.ring_id, count(*) AS common FROM ring_found f
            JOIN safety_ring_members m ON m.player_id = f.player_id GROUP BY f.label, m.ring_id
        ),
        nearest AS (SELECT DISTINCT ON (label) * FROM shared ORDER BY label, common DESC, ring_id),
        chosen AS (SELECT DISTINCT ON (ring_id) * FROM nearest ORDER BY ring_id, common DESC, label)
        UPDATE ring_found f SET ring_id = c.ring_id FROM chosen c WHERE c.label = f.label
        """,
        parameters,
    )
    run_named(_NEW_RINGS, parameters)
    return run_named("SELECT DISTINCT ring_id FROM ring_found", parameters)


# The numbers are drawn first, so that each component knows which of the new rows is its own.
_NEW_RINGS = """
    WITH numbered AS (
        SELECT label, nextval(pg_get_serial_sequence('safety_rings', 'id')) AS ring_id
        FROM (SELECT DISTINCT label FROM ring_found WHERE ring_id IS NULL ORDER BY label) n
    ),
    made AS (
        INSERT INTO safety_rings (id, members_count, things_count, found_at, last_seen_at)
        SELECT ring_id, 0, 0, %(at)s, %(at)s FROM numbered
    )
    UPDATE ring_found f SET ring_id = n.ring_id FROM numbered n WHERE n.label = f.label
"""
_MEMBERS = """
    INSERT INTO safety_ring_members
        (ring_id, player_id, bonus_value, converted, deposited, withdrawn, partners, joined_at, last_seen_at)
    SELECT ring_id, player_id, bonus_value, converted, deposited, withdrawn, partners, %(at)s, %(at)s FROM ring_found
    ON CONFLICT (ring_id, player_id) DO UPDATE SET
        bonus_value = excluded.bonus_value, converted = excluded.converted, deposited = excluded.deposited,
        withdrawn = excluded.withdrawn, partners = excluded.partners, last_seen_at = excluded.last_seen_at
"""
_THINGS = """
    INSERT INTO safety_ring_things (ring_id, kind, value, members_count, last_seen_at)
    SELECT f.ring_id, l.kind, l.value, count(*), %(at)s FROM ring_found f JOIN ring_links l USING (player_id)
    GROUP BY f.ring_id, l.kind, l.value HAVING count(*) > 1
    ON CONFLICT (ring_id, kind, value) DO UPDATE SET
        members_count = excluded.members_count, last_seen_at = excluded.last_seen_at
"""
# Members who are no longer linked stay on the ring's page, and out of its figures.
_TOTALS = """
    UPDATE safety_rings r SET
        members_count = m.members, bonus_value = m.bonus_value, converted = m.converted, deposited = m.deposited,
        withdrawn = m.withdrawn, extracted = greatest(m.withdrawn - m.deposited, 0), last_seen_at = %(at)s,
        things_count = (SELECT count(*) FROM safety_ring_things t WHERE t.ring_id = r.id AND t.last_seen_at = %(at)s)
    FROM (
        SELECT ring_id, count(*) AS members, sum(bonus_value) AS bonus_value, sum(converted) AS converted,
               sum(deposited) AS deposited, sum(withdrawn) AS withdrawn
        FROM ring_found GROUP BY ring_id
    ) m
    WHERE m.ring_id = r.id
"""
