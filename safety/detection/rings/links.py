"""Which devices and addresses each player used: read from activity once, so that looking them up costs an index."""

from __future__ import annotations

from core.expressions import run_statement
from safety.detection.scope import Scope
from safety.detection.statements import run_for_few

# A line of version 6 has 2^64 addresses, and a device changes its own every day: the network is what accounts share
# (RFC 6177 and RFC 8981).
_SHARED_ADDRESS = """CASE family(a.ip_address) WHEN 6 THEN network(set_masklen(a.ip_address, 64))::text
                ELSE host(a.ip_address) END"""

LINKS_KEPT_DAYS = 365


def refresh_links(scope: Scope, *, window_days: int) -> int:
    """Bring the links of the players in scope up to date; return how many are new or were seen on another day."""
    # A row that stands is left out before: where it only conflicts it would be locked, which is written too.
    sql = f"""
        WITH seen AS (
            SELECT a.player_id, t.kind, t.value, min(a.occurred_at)::date AS first_on,
                   max(a.occurred_at)::date AS last_on
            FROM player_activity a
            CROSS JOIN LATERAL (VALUES ('DEVICE', nullif(a.device_id, '')), ('IP', {_SHARED_ADDRESS})) t (kind, value)
            WHERE a.occurred_at > %(since)s AND a.occurred_at <= %(at)s AND {scope.condition("a.player_id")}
              AND (a.device_id <> '' OR a.ip_address IS NOT NULL) AND t.value IS NOT NULL
            GROUP BY a.player_id, t.kind, t.value
        )
        INSERT INTO safety_links AS l (player_id, kind, value, first_seen_on, last_seen_on)
        SELECT s.player_id, s.kind, s.value, s.first_on, s.last_on
        FROM seen s LEFT JOIN safety_links k ON k.player_id = s.player_id AND k.kind = s.kind AND k.value = s.value
        WHERE k.player_id IS NULL OR k.first_seen_on > s.first_on OR k.last_seen_on < s.last_on
        ON CONFLICT (player_id, kind, value) DO UPDATE
            SET first_seen_on = least(l.first_seen_on, excluded.first_seen_on),
                last_seen_on = greatest(l.last_seen_on, excluded.last_seen_on)
            WHERE l.first_seen_on > excluded.first_seen_on OR l.last_seen_on < excluded.last_seen_on
    """
    return run_for_few(sql, scope.parameters(window_days=window_days))


def forget_old_links(scope: Scope) -> int:
    """Delete links that were not seen for a year."""
    return run_statement(
        "DELETE FROM safety_links WHERE last_seen_on < %s::date - %s::integer", [scope.at, LINKS_KEPT_DAYS]
    )
