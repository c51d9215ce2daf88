from players.models.activity import Activity, ActivityKey, ActivityKind, GameCategory, PlayerDay
from players.models.history import RiskScoreChange, SegmentChange, TierChange
from players.models.importing import ImportJob, ImportJobStatus, ImportPlayerTotals
from players.models.metrics import PlayerMetrics
from players.models.player import Player, PlayerSegment, PlayerSource
from players.models.restrictions import (
    CreditPurpose,
    CreditRequirement,
    LiftRequest,
    PlayerRestriction,
    RestrictionAct,
    RestrictionChange,
    RestrictionEffect,
    RestrictionEffectKind,
    RestrictionKind,
)
from players.models.tiers import Tier, TierLevel

__all__ = [
    "Activity",
    "ActivityKey",
    "ActivityKind",
    "CreditPurpose",
    "CreditRequirement",
    "GameCategory",
    "ImportJob",
    "ImportJobStatus",
    "ImportPlayerTotals",
    "LiftRequest",
    "Player",
    "PlayerDay",
    "PlayerMetrics",
    "PlayerRestriction",
    "PlayerSegment",
    "PlayerSource",
    "RestrictionAct",
    "RestrictionChange",
    "RestrictionEffect",
    "RestrictionEffectKind",
    "RestrictionKind",
    "RiskScoreChange",
    "SegmentChange",
    "Tier",
    "TierChange",
    "TierLevel",
]
