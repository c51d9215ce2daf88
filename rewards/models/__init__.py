from rewards.models.decisions import RewardDecision, RewardHistory, RewardStatus, Verdict
from rewards.models.evaluation import AllocationCandidate, PlayerFacts, RuleAllocation, RuleCandidate, RuleMatch
from rewards.models.life import ApprovalStatus, RuleAct, RuleApproval, RuleEvent
from rewards.models.redemption import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.models.rules import (
    FrequencyPeriod,
    RewardRule,
    RewardRuleVersion,
    RewardType,
    RuleBudgetDay,
    RuleStatus,
)

__all__ = [
    "AllocationCandidate",
    "ApprovalStatus",
    "FrequencyPeriod",
    "PlayerFacts",
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
    "RuleAct",
    "RuleAllocation",
    "RuleApproval",
    "RuleBudgetDay",
    "RuleCandidate",
    "RuleEvent",
    "RuleMatch",
    "RuleStatus",
    "Verdict",
]
