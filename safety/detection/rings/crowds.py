"""Things that more accounts use than people share: a farm's device, or a terminal and an address that connect nobody.

A café's terminal, a mobile carrier's address and an identifier that every telephone of a make reports connect
hundreds who have nothing to do with each other. On a farm's device nearly all accounts live on bonuses, and hardly one
of them is ever seen on a device of its own; a café's guests have telephones, and not all of them were given a bonus.
The same is asked of an address that more use than a home, where these accounts are few enough to be one person's.
"""

from __future__ import annotations

from typing import Any

from safety.detection.scope import GIVEN_BONUS
from safety.detection.statements import fetch_named, make_temporary

_SHOWN_MAX = 20

# Of a device or an address `t`: the accounts that use it, those of them with bonuses, and those without one of their
# own, which is one that fewer accounts use than make a ring. One row is asked for and not whether there is one: that
# might be answered by looking at all players' devices first.
_MEASURED = f"""
    SELECT count(*) AS users,
           count(*) FILTER (WHERE (
               SELECT 1 FROM wallet_lots b WHERE b.player_id = u.player_id AND {GIVEN_BONUS}
                   AND b.created_at > %(since)s AND b.created_at <= %(at)s LIMIT 1) IS NOT NULL) AS with_bonuses,
           count(*) FILTER (WHERE (
               SELECT 1 FROM safety_links own WHERE own.player_id = u.player_id AND own.kind = t.kind
                   AND own.last_seen_on >= %(since)s::date
                   AND (SELECT count(*) FROM (
                       SELECT FROM safety_links o WHERE o.value = own.value AND o.kind = t.kind
                           AND o.last_seen_on >= %(since)s::date LIMIT %(members_min)s) seen
                   ) < %(members_min)s LIMIT 1) IS NULL) AS without_their_own
    FROM safety_links u
    WHERE u.value = t.value AND u.kind = t.kind AND u.last_seen_on >= %(since)s::date
"""
_IS_FARM = """(
    m.with_bonuses >= m.users * %(crowd_bonus_share_min)s
    AND m.without_their_own >= m.users * %(crowd_without_own_device_share_min)s
)"""
# By kind: how many a thing connects whoever they are, and how many where it looks like a farm's.
_HOME_MAX = "CASE t.kind WHEN 'DEVICE' THEN %(device_users_max)s ELSE %(ip_users_max)s END"
_CROWD_MAX = "CASE t.kind WHEN 'DEVICE' THEN %(crowd_users_max)s ELSE %(ip_crowd_users_max)s END"


def links_its_users(*, users: str) -> str:
    """Return SQL that holds for a thing `t` that links the accounts using it, given SQL of their number."""
    return f"""(
        t.value <> ALL(%(left_out)s::text[])
        AND CASE WHEN {users} <= {_HOME_MAX} THEN true WHEN {users} > {_CROWD_MAX} THEN false
            ELSE (SELECT {_IS_FARM} FROM ({_MEASURED}) m) END
    )"""


def users_counted_max(*, kind: str) -> str:
    """Return SQL of the number of users from which counting more changes nothing, given SQL of the thing's kind."""
    return f"""CASE {kind} WHEN 'DEVICE' THEN greatest(%(device_users_max)s, %(crowd_users_max)s)
        ELSE greatest(%(ip_users_max)s, %(ip_crowd_users_max)s) END"""


def mark_farms(parameters: dict[str, Any]) -> None:
    """Fill `ring_farms` with the crowded devices and addresses of `ring_things` that link their users."""
    make_temporary(
        "ring_farms",
        f"""
        SELECT t.kind, t.value FROM ring_things t
        WHERE t.users > {_HOME_MAX} AND {links_its_users(users="t.users")}
        """,
        parameters,
    )


def things_left_out(parameters: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what links nobody because too many use it, the most used first: a person may want to look."""
    rows = fetch_named(
        f"""
        SELECT t.kind, t.value, t.users, m.with_bonuses, m.without_their_own
        FROM (
            SELECT * FROM ring_things t
            WHERE t.users > {_HOME_MAX}
              AND NOT EXISTS (SELECT FROM ring_farms f WHERE f.kind = t.kind AND f.value = t.value)
            ORDER BY t.kind, t.users DESC, t.value LIMIT {_SHOWN_MAX}
        ) t
        LEFT JOIN LATERAL (
            -- Of a carrier's address nothing is measured: thousands use it.
            {_MEASURED} AND t.users <= {_CROWD_MAX}
        ) m ON m.users > 0
        ORDER BY t.kind, t.users DESC, t.value
        """,
        parameters,
    )
    names = ("kind", "value", "accounts", "with_bonuses", "without_their_own")
    return [{name: figure for name, figure in zip(names, row, strict=True) if figure is not None} for row in rows]
