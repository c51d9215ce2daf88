"""Connected components, set-based: every account takes the least label around it until none changes.

After each round an account also takes its label's own label (pointer jumping), so that a chain of n accounts settles in
about log n rounds instead of n.
"""

from __future__ import annotations

from typing import Any

from core.errors import LoyaltyError
from safety.detection.statements import make_temporary, run_named

_ROUNDS_MAX = 200

_TAKE_LEAST = """
    UPDATE ring_labels l SET label = n.label
    FROM (
        SELECT e.p, min(o.label) AS label FROM ring_pairs e JOIN ring_labels o ON o.player_id = e.q GROUP BY e.p
    ) n
    WHERE n.p = l.player_id AND n.label < l.label
"""
_JUMP = """
    UPDATE ring_labels l SET label = o.label FROM ring_labels o
    WHERE o.player_id = l.label AND o.label < l.label
"""


class RoundsExceededError(LoyaltyError):
    """Raised when labels have not settled after so many rounds; nothing was written then."""

    code = "rings_do_not_settle"


def label_components(parameters: dict[str, Any]) -> None:
    """Fill `ring_labels` from `ring_pairs`: accounts with one label are connected. Raises RoundsExceededError."""
    make_temporary(
        "ring_labels",
        'SELECT DISTINCT p AS player_id, p COLLATE "C" AS label FROM ring_pairs',
        parameters,
        index="player_id",
    )
    for _ in range(_ROUNDS_MAX):
        if run_named(_TAKE_LEAST, {}) == 0:
            return
        run_named(_JUMP, {})
    raise RoundsExceededError(f"the rings' labels have not settled after {_ROUNDS_MAX} rounds")
