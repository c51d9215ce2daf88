"""Rings: accounts that share devices or addresses and use bonuses at the same time."""

from __future__ import annotations

from typing import Any

from safety.detection.definition import DetectorDefinition, Query, Reach
from safety.detection.rings.components import label_components
from safety.detection.rings.crowds import things_left_out
from safety.detection.rings.keeping import keep_rings
from safety.detection.rings.pairs import gather_links, pair_accounts, reach_accounts, shares_with_others
from safety.detection.scope import Scope
from safety.detection.statements import run_named
from safety.detection.thresholds import NameList, Thresholds, count, rate, window

# Night, live and command may look at the same time; a ring must not be made twice. Any number no other lock uses.
_RINGS_LOCK = 5_107_001


def find_rings(scope: Scope, thresholds: Thresholds) -> dict[str, Any] | None:
    """Find the rings, write them, and leave the members in `ring_found`; None for players who share with too few.

    Must run inside a transaction.
    """
    parameters = {**scope.parameters(window_days=thresholds["window_days"]), **thresholds}
    by_name = scope.player_ids
    # Most players share nothing with anybody: they wait for nobody.
    if by_name is not None and not shares_with_others(parameters):
        return None
    run_named("SELECT pg_advisory_xact_lock(%(lock)s)", {"lock": _RINGS_LOCK})
    # Who was looked at meanwhile is known only now.
    if by_name is not None and reach_accounts(parameters) < thresholds["members_min"]:
        return None
    gather_links(scope, parameters)
    pairs = pair_accounts(parameters)
    label_components(parameters)
    rings = keep_rings(parameters)
    told: dict[str, Any] = {"pairs": pairs // 2, "rings": rings}
    return told if by_name is not None else told | {"left out": things_left_out(parameters)}


_SQL = """
    SELECT f.player_id, f.last_at AS evidence_until,
           format('One of %%s accounts that share %%s devices or IP addresses and used bonuses at the same time; '
                  'together they were given %%s, deposited %%s and withdrew %%s.', r.members_count, r.things_count,
                  r.bonus_value, r.deposited, r.withdrawn) AS description,
           jsonb_build_object('figures', jsonb_build_object('ring', r.id, 'members', r.members_count,
                   'partners', f.partners, 'ring_bonus_value', r.bonus_value, 'ring_deposited', r.deposited,
                   'ring_withdrawn', r.withdrawn, 'ring_extracted', r.extracted, 'bonus_value', f.bonus_value,
                   'deposited', f.deposited, 'withdrawn', f.withdrawn),
               'shared', (SELECT jsonb_agg(jsonb_build_object('kind', t.kind, 'value', t.value,
                       'members', t.members_count) ORDER BY t.members_count DESC, t.value)
                   FROM (SELECT t.* FROM safety_ring_things t JOIN ring_links l
                             ON l.kind = t.kind AND l.value = t.value AND l.player_id = f.player_id
                         WHERE t.ring_id = r.id ORDER BY t.members_count DESC, t.value LIMIT 20) t)) AS evidence,
           r.id AS ring_id
    FROM ring_found f JOIN safety_rings r ON r.id = f.ring_id
    WHERE {in_scope} AND NOT EXISTS (
        SELECT FROM abuse_signals s
        WHERE s.player_id = f.player_id AND s.ring_id = f.ring_id AND s.is_resolved
          AND s.outcome IS DISTINCT FROM 'CONFIRMED'
          AND s.resolved_at >= (SELECT max(m.joined_at) FROM safety_ring_members m WHERE m.ring_id = f.ring_id)
    )
"""


def _query(scope: Scope, thresholds: Thresholds) -> Query:
    """Return a signal for each member; a ring dismissed for a member is raised again only once it has grown."""
    return _SQL.format(in_scope=scope.condition("f.player_id")), dict(thresholds)


SHARED_DEVICE = DetectorDefinition(
    code="SHARED_DEVICE",
    title="Accounts in a ring",
    looks_for="Accounts connected by shared devices or IP addresses that were given bonuses at about the same time.",
    false_positives="A large family or a shared flat with one computer; a terminal whose guests have no device of "
    "their own: name it in left_out.",
    reach=Reach.EVERYBODY,
    thresholds=(
        window(60),
        count("members_min", 3, "Accounts that make a ring; two are a household.", minimum=2),
        rate("device_weight", "1", "Weight of a shared device.", maximum="100"),
        rate("ip_weight", "0.4", "Weight of a shared IP address.", maximum="100"),
        rate("weight_min", "1", "Sum of the weights from which two accounts are linked.", maximum="100"),
        count(
            "device_users_max",
            50,
            "A device that more accounts use connects them only if it looks like a farm's, by the shares below.",
            minimum=2,
            maximum=1000,
        ),
        count(
            "ip_users_max",
            15,
            "An IP address that more accounts use connects them only if it looks like a farm's, by the shares below.",
            minimum=2,
            maximum=1000,
        ),
        count("ip_crowd_users_max", 50, "An IP address that more use connects nobody.", minimum=2, maximum=1000),
        count(
            "crowd_users_max",
            500,
            "A device that more accounts use connects nobody: an identifier that many devices report.",
            minimum=2,
            maximum=5000,
        ),
        rate(
            "crowd_bonus_share_min",
            "0.9",
            "On a farm's device or address, at least this share of the accounts has bonuses.",
        ),
        rate(
            "crowd_without_own_device_share_min",
            "0.8",
            "On a farm's device or address, at least this share of the accounts is seen on none that fewer use than "
            "make a ring.",
        ),
        NameList(
            name="left_out",
            help="Devices and IP addresses that connect nobody, because you know them: a café's terminal, an office.",
        ),
        count("shared_within_days", 14, "Days that may lie between the two uses of a thing.", minimum=0, maximum=365),
        count("bonuses_within_days", 14, "Days that may lie between the two bonuses.", minimum=0, maximum=365),
    ),
    query=_query,
    prepare=find_rings,
)
