from safety.models.detection import Detector, DetectorChange, DetectorMode, Link, Ring, RingMember, RingThing, ThingKind
from safety.models.earn_rates import EarnRateAcceptance
from safety.models.grants import CashGrant, Contamination
from safety.models.profit import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue
from safety.models.signals import AbuseSignal

__all__ = [
    "AbuseSignal",
    "CashGrant",
    "Contamination",
    "Detector",
    "DetectorChange",
    "DetectorMode",
    "EarnRateAcceptance",
    "Link",
    "RetentionMultiplier",
    "RewardFamily",
    "Ring",
    "RingMember",
    "RingThing",
    "SegmentBaseline",
    "ThingKind",
    "UnitValue",
]
