"""Signals written from what a detector found: new evidence once, the same evidence again only counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from safety.detection.catalogue import SetDetector
from safety.detection.scope import Scope, corrections_sql, judged_sql
from safety.detection.statements import fetch_for_few, fetch_named, make_temporary
from safety.detection.thresholds import as_json

NOTHING_FOUND: Mapping[str, int] = {"found": 0, "found again": 0, "new": 0}


def record_signals(detector: SetDetector, *, scope: Scope) -> dict[str, int]:
    """Run a detector's pass over the players in scope and write its signals; return how many are new and found again.

    A player has at most one open signal of a detector: found again it is refreshed, and ages anew if there is newer
    evidence. What was resolved is not raised again by the evidence that was judged then. Must run inside a transaction.
    """
    if scope.player_ids is not None:
        found, given = _found(detector, scope=scope)
        return _counted(fetch_for_few(_RECORD.format(found=f"detection_found AS MATERIALIZED ({found}),"), given))
    if find_signals(detector, scope=scope) == 0:
        return dict(NOTHING_FOUND)
    return write_signals(detector, scope=scope)


def find_signals(detector: SetDetector, *, scope: Scope) -> int:
    """Fill `detection_found` with what the detector's pass finds now; return how many players it found."""
    # A statement that writes signals would not be worked on by several processes; one that fills a table is.
    found, given = _found(detector, scope=scope)
    return make_temporary("detection_found", found, given)


def write_signals(detector: SetDetector, *, scope: Scope) -> dict[str, int]:
    """Write what `detection_found` holds as signals; return how many are new and found again."""
    return _counted(fetch_named(_RECORD.format(found=""), _settings(detector, scope=scope)))


def _found(detector: SetDetector, *, scope: Scope) -> tuple[str, dict[str, Any]]:
    """Return the query of what a detector's pass finds, with the parameters that this and its record need."""
    query, parameters = detector.definition.query(scope, detector.thresholds)
    sql = _FOUND.format(
        judged=judged_sql(scope), corrections=corrections_sql(scope), query=query, ring=_ring_column(detector)
    )
    given = scope.parameters(window_days=detector.thresholds["window_days"])
    return sql, {**given, **parameters, **_settings(detector, scope=scope)}


def _settings(detector: SetDetector, *, scope: Scope) -> dict[str, Any]:
    return {
        "at": scope.at,
        "detector": detector.code,
        "severity": detector.severity,
        "is_shadow": detector.is_shadow,
        "thresholds_in_force": json.dumps(as_json(detector.thresholds)),
    }


def _counted(rows: list[tuple[Any, ...]]) -> dict[str, int]:
    ((refreshed, new),) = rows
    return {"found": refreshed + new, "found again": refreshed, "new": new}


def _ring_column(detector: SetDetector) -> str:
    return "f.ring_id" if detector.definition.prepare else "NULL::bigint"


_FOUND = """
    WITH judged AS MATERIALIZED ({judged}),
    corrections AS MATERIALIZED ({corrections}),
    query AS MATERIALIZED ({query})
    SELECT f.player_id, f.evidence_until, left(f.description, 500) AS description, {ring} AS ring_id,
           f.evidence || jsonb_build_object('thresholds', %(thresholds_in_force)s::jsonb) AS evidence,
           %(detector)s || ':' || f.player_id || ':' || extract(epoch FROM f.evidence_until) AS dedup_key
    FROM query f JOIN players p ON p.player_id = f.player_id LEFT JOIN judged j ON j.player_id = f.player_id
    WHERE j.until IS NULL OR f.evidence_until > j.until
"""
# Who comes second at the same time finds the other's open signal and adds none.
_RECORD = """
    WITH {found} refreshed AS (
        UPDATE abuse_signals s SET
            last_seen_at = %(at)s, times_seen = s.times_seen + 1, description = f.description, metadata = f.evidence,
            severity = %(severity)s, is_shadow = %(is_shadow)s, ring_id = f.ring_id, dedup_key = f.dedup_key,
            evidence_until = f.evidence_until,
            detected_at = CASE WHEN f.evidence_until > s.evidence_until THEN %(at)s ELSE s.detected_at END
        FROM detection_found f
        WHERE s.player_id = f.player_id AND s.detector = %(detector)s AND NOT s.is_resolved
        RETURNING s.player_id
    ),
    made AS (
        INSERT INTO abuse_signals
            (player_id, signal_type, detector, severity, description, metadata, detected_at, is_shadow, ring_id,
             dedup_key, evidence_until, first_seen_at, last_seen_at)
        SELECT f.player_id, %(detector)s, %(detector)s, %(severity)s, f.description, f.evidence, %(at)s, %(is_shadow)s,
               f.ring_id, f.dedup_key, f.evidence_until, %(at)s, %(at)s
        FROM detection_found f WHERE NOT EXISTS (SELECT FROM refreshed r WHERE r.player_id = f.player_id)
        ORDER BY f.player_id
        ON CONFLICT DO NOTHING
        RETURNING player_id
    )
    SELECT (SELECT count(*) FROM refreshed), (SELECT count(*) FROM made)
"""
