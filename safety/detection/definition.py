"""What a detector is: one definition for everybody by night and for one player live."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from safety.detection.scope import Scope
from safety.detection.thresholds import AnyThreshold, Thresholds

# A query of one row a player: player_id, evidence_until, description, evidence; ring_id and dedup_key may be NULL.
Query = tuple[str, dict[str, Any]]


class Reach(StrEnum):
    """Whether a detector can judge a player by the player's own rows."""

    PLAYER = "PLAYER"
    EVERYBODY = "EVERYBODY"


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorDefinition:
    """One detector; its mode, severity and saved thresholds stand in its row."""

    code: str
    title: str
    looks_for: str
    false_positives: str
    reach: Reach
    thresholds: Sequence[AnyThreshold]
    query: Callable[[Scope, Thresholds], Query]
    # Kinds of events upon which whoever did them is looked at before anything else is decided for them.
    live_on: frozenset[str] = frozenset()
    # What must be worked out first, in statements of its own; its result is what the caller of the run is told, and
    # None that nobody can be found.
    prepare: Callable[[Scope, Thresholds], dict[str, Any] | None] | None = None
