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
from safety.models.signals import AbuseSignal

__all__ = [
    "AbuseSignal",
    "CashGrant",
    "Contamination",
    "EarnRateAcceptance",
    "JurisdictionProfile",
    "ProfileStatus",
    "RetentionMultiplier",
    "RewardFamily",
    "SegmentBaseline",
    "UnitValue",
    "VipApproval",
    "VipCheck",
    "VipCheckKind",
    "VipCheckResult",
    "VipStatus",
]
