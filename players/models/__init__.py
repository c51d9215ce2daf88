from players.models.activity import Activity, ActivityKey, ActivityKind, GameCategory, PlayerDay
from players.models.history import RiskScoreChange, SegmentChange, TierChange
from players.models.importing import ImportJob, ImportJobStatus, ImportPlayerTotals
from players.models.jurisdictions import (
    DEFAULT_JURISDICTION,
    CountryName,
    Jurisdiction,
    JurisdictionLimit,
    LimitKind,
    LimitSeverity,
    PlayerJurisdictionChange,
    ProductType,
)
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
    "DEFAULT_JURISDICTION",
    "Activity",
    "ActivityKey",
    "ActivityKind",
    "CountryName",
    "CreditPurpose",
    "CreditRequirement",
    "GameCategory",
    "ImportJob",
    "ImportJobStatus",
    "ImportPlayerTotals",
    "Jurisdiction",
    "JurisdictionLimit",
    "LiftRequest",
    "LimitKind",
    "LimitSeverity",
    "Player",
    "PlayerDay",
    "PlayerJurisdictionChange",
    "PlayerMetrics",
    "PlayerRestriction",
    "PlayerSegment",
    "PlayerSource",
    "ProductType",
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
