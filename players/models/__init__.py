from players.models.activity import (
    Activity,
    ActivityArchive,
    ActivityException,
    ActivityKey,
    ActivityKind,
    ExceptionReason,
    ExceptionStatus,
    GameCategory,
    PlayerDay,
    SourceChange,
)
from players.models.history import RiskScoreChange, SegmentChange, TierChange
from players.models.importing import ImportJob, ImportJobStatus, ImportPlayerTotals
from players.models.metrics import PlayerMetrics
from players.models.player import Player, PlayerSegment, PlayerSource
from players.models.restrictions import (
    CreditPurpose,
    PlayerRestriction,
    RestrictionEffect,
    RestrictionEffectKind,
    RestrictionKind,
)
from players.models.tiers import Tier, TierLevel

__all__ = [
    "Activity",
    "ActivityArchive",
    "ActivityException",
    "ActivityKey",
    "ActivityKind",
    "CreditPurpose",
    "ExceptionReason",
    "ExceptionStatus",
    "GameCategory",
    "ImportJob",
    "ImportJobStatus",
    "ImportPlayerTotals",
    "Player",
    "PlayerDay",
    "PlayerMetrics",
    "PlayerRestriction",
    "PlayerSegment",
    "PlayerSource",
    "RestrictionEffect",
    "RestrictionEffectKind",
    "RestrictionKind",
    "RiskScoreChange",
    "SegmentChange",
    "SourceChange",
    "Tier",
    "TierChange",
    "TierLevel",
]
