from safety.models.earn_rates import EarnRateAcceptance
from safety.models.profit import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue
from safety.models.signals import AbuseSignal

__all__ = [
    "AbuseSignal",
    "EarnRateAcceptance",
    "RetentionMultiplier",
    "RewardFamily",
    "SegmentBaseline",
    "UnitValue",
]
