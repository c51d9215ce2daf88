from rewards.models.decisions import RewardDecision, RewardHistory, RewardStatus, Verdict
from rewards.models.evaluation import AllocationCandidate, PlayerFacts, RuleAllocation, RuleCandidate, RuleMatch
from rewards.models.redemption import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.models.rules import (
    FrequencyPeriod,
    RewardRule,
    RewardRuleVersion,
    RewardType,
    RuleBudgetDay,
    RuleStatus,
)
from rewards.models.tiers import PointsEarnedDay

__all__ = [
    "AllocationCandidate",
    "FrequencyPeriod",
    "PlayerFacts",
    "PointsEarnedDay",
    "RedemptionGives",
    "RedemptionOption",
    "RedemptionOrder",
    "RedemptionStatus",
    "RewardDecision",
    "RewardHistory",
    "RewardRule",
    "RewardRuleVersion",
    "RewardStatus",
    "RewardType",
    "RuleAllocation",
    "RuleBudgetDay",
    "RuleCandidate",
    "RuleMatch",
    "RuleStatus",
    "Verdict",
]
