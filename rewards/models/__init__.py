from rewards.models.decisions import RewardDecision, RewardHistory, RewardStatus, Verdict
from rewards.models.evaluation import AllocationCandidate, PlayerFacts, RuleAllocation, RuleCandidate, RuleMatch
from rewards.models.forecasts import ForecastKind, RuleForecast
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
    "ForecastKind",
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
    "RuleAllocation",
    "RuleBudgetDay",
    "RuleCandidate",
    "RuleForecast",
    "RuleMatch",
    "RuleStatus",
    "Verdict",
]
