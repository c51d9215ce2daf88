from safety.models.earn_rates import EarnRateAcceptance
from safety.models.grants import CashGrant, Contamination
from safety.models.jurisdictions import (
    JurisdictionProfile,
    ProfileStatus,
    VipApproval,
    VipCheck,
    VipCheckKind,
    VipCheckResult,
    VipStatus,
)
from safety.models.profit import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue
from safety.models.review import (
    UNDECIDED,
    CaseOutcome,
    EvidenceKind,
    ReviewAct,
    ReviewCase,
    ReviewCause,
    ReviewEvent,
    ReviewEvidence,
    ReviewOutcome,
    ReviewStatus,
)
from safety.models.signals import AbuseSignal

__all__ = [
    "UNDECIDED",
    "AbuseSignal",
    "CaseOutcome",
    "CashGrant",
    "Contamination",
    "EarnRateAcceptance",
    "EvidenceKind",
    "JurisdictionProfile",
    "ProfileStatus",
    "RetentionMultiplier",
    "ReviewAct",
    "ReviewCase",
    "ReviewCause",
    "ReviewEvent",
    "ReviewEvidence",
    "ReviewOutcome",
    "ReviewStatus",
    "RewardFamily",
    "SegmentBaseline",
    "UnitValue",
    "VipApproval",
    "VipCheck",
    "VipCheckKind",
    "VipCheckResult",
    "VipStatus",
]
