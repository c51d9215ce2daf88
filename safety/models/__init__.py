from safety.models.profit import RetentionMultiplier, RewardFamily, UnitValue
from safety.models.signals import AbuseSignal

__all__ = ["AbuseSignal", "RetentionMultiplier", "RewardFamily", "UnitValue"]
