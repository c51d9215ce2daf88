from safety.models.assumptions import AssumptionKind, AssumptionVersion
from safety.models.candidates import RewardQuestion
from safety.models.caps import CapKind, CapWindow, PoolDay, PoolMember, PoolRelease, RewardCap, RewardCapChange
from safety.models.detection import Detector, DetectorChange, DetectorMode, Link, Ring, RingMember, RingThing, ThingKind
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
from safety.models.signals import AbuseSignal, SignalFinding, SignalLabel
from safety.models.violations import SafetyViolation, ViolationPath

__all__ = [
    "UNDECIDED",
    "AbuseSignal",
    "AssumptionKind",
    "AssumptionVersion",
    "CapKind",
    "CapWindow",
    "CaseOutcome",
    "CashGrant",
    "Contamination",
    "Detector",
    "DetectorChange",
    "DetectorMode",
    "EarnRateAcceptance",
    "EvidenceKind",
    "JurisdictionProfile",
    "Link",
    "PoolDay",
    "PoolMember",
    "PoolRelease",
    "ProfileStatus",
    "RetentionMultiplier",
    "ReviewAct",
    "ReviewCase",
    "ReviewCause",
    "ReviewEvent",
    "ReviewEvidence",
    "ReviewOutcome",
    "ReviewStatus",
    "RewardCap",
    "RewardCapChange",
    "RewardFamily",
    "RewardQuestion",
    "Ring",
    "RingMember",
    "RingThing",
    "SafetyViolation",
    "SegmentBaseline",
    "SignalFinding",
    "SignalLabel",
    "ThingKind",
    "UnitValue",
    "ViolationPath",
    "VipApproval",
    "VipCheck",
    "VipCheckKind",
    "VipCheckResult",
    "VipStatus",
]
