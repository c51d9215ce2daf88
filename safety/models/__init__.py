from safety.models.assumptions import AssumptionKind, AssumptionVersion
from safety.models.candidates import RewardQuestion
from safety.models.caps import CapKind, CapWindow, PoolDay, PoolMember, PoolRelease, RewardCap, RewardCapChange
from safety.models.earn_rates import EarnRateAcceptance
from safety.models.grants import CashGrant, Contamination
from safety.models.profit import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue
from safety.models.signals import AbuseSignal
from safety.models.violations import SafetyViolation, ViolationPath

__all__ = [
    "AbuseSignal",
    "AssumptionKind",
    "AssumptionVersion",
    "CapKind",
    "CapWindow",
    "CashGrant",
    "Contamination",
    "EarnRateAcceptance",
    "PoolDay",
    "PoolMember",
    "PoolRelease",
    "RetentionMultiplier",
    "RewardCap",
    "RewardCapChange",
    "RewardFamily",
    "RewardQuestion",
    "SafetyViolation",
    "SegmentBaseline",
    "UnitValue",
    "ViolationPath",
]
