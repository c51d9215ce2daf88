"""The names of events: claimed once, whoever comes second waits and finds them taken."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from core.expressions import fetch_rows, run_statement
from players.activity.batch import MANY_EVENTS, Batch
from players.activity.problems import EventProblem

# In the order of the names, so that two batches cannot wait for each other.
_INSERT_SQL = """
    INSERT INTO player_activity_keys (source, external_id, body_hash, occurred_at)
    SELECT %s, s.external_id, s.body_hash, s.occurred_at FROM activity_stage s ORDER BY s.external_id
"""
# What was known leaves the stage.
_CLAIM_SQL = f"""
    WITH claimed AS ({_INSERT_SQL} ON CONFLICT (source, external_id) DO NOTHING RETURNING external_id)
    DELETE FROM activity_stage s WHERE NOT EXISTS (SELECT FROM claimed c WHERE c.external_id = s.external_id)
    RETURNING s.external_id, s.body_hash
"""


def claim_keys(batch: Batch, *, source: str) -> tuple[int, list[EventProblem]]:
    """Claim the names of the staged events; those known already leave the stage.

    Return how many were known with the same body, and a problem for each that was known with another.
    """
    if len(batch) > MANY_EVENTS and _are_all_new(source):
        return 0, []
    known = fetch_rows(_CLAIM_SQL, [source])
    rows = fetch_rows(
        "SELECT external_id, body_hash FROM player_activity_keys WHERE source = %s AND external_id = ANY (%s)",
        [source, [external_id for external_id, _ in known]],
    )
    stored = {external_id: bytes(body_hash) for external_id, body_hash in rows}
    differing = {external_id for external_id, body in known if stored[external_id] != bytes(body)}
    named = zip(batch.columns["place"], batch.columns["external_id"], strict=True) if differing else ()
    problems = [_differs(place, external_id) for place, external_id in named if external_id in differing]
    return len(known) - len(problems), problems


def look_up_keys(batch: Batch, *, source: str) -> tuple[int, list[EventProblem]]:
    """Return what `claim_keys` would, as far as it can be told now, and claim nothing."""
    rows = fetch_rows(
        """
        SELECT s.external_id, k.body_hash = decode(s.body_hash, 'hex')
        FROM unnest(%s::text[], %s::text[]) s (external_id, body_hash)
        JOIN player_activity_keys k ON k.source = %s AND k.external_id = s.external_id
        """,
        [batch.columns["external_id"], batch.body_hashes(), source],
    )
    differing = {external_id for external_id, is_same in rows if not is_same}
    named = zip(batch.columns["place"], batch.columns["external_id"], strict=True) if differing else ()
    return len(rows) - len(differing), [_differs(place, one) for place, one in named if one in differing]


def _differs(index: int, external_id: str) -> EventProblem:
    return EventProblem(
        index=index,
        field="external_id",
        external_id=external_id,
        message=f"is {external_id!r}, which this source used before for another event; a new event needs a new id, and "
        "a correction names the id it corrects in corrects_external_id",
    )


def _are_all_new(source: str) -> bool:
    """Claim all names at once, which is quicker than asking for each; where one is taken, none is claimed."""
    try:
        with transaction.atomic():
            run_statement(_INSERT_SQL, [source])
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        return False
    return True
