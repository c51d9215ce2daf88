from safety.models.profit import RetentionMultiplier, RewardFamily, SegmentBaseline, UnitValue
from safety.models.signals import AbuseSignal

__all__ = ["AbuseSignal", "RetentionMultiplier", "RewardFamily", "SegmentBaseline", "UnitValue"]
