from rewards.models.decisions import RewardCurrency, RewardDecision, RewardHistory, RewardStatus, Verdict
from rewards.models.evaluation import AllocationCandidate, PlayerFacts, RuleAllocation, RuleCandidate, RuleMatch
from rewards.models.forecasts import ForecastKind, RuleForecast
from rewards.models.life import ApprovalStatus, RuleAct, RuleApproval, RuleEvent
from rewards.models.perks import PerkStatus, PerkTask
from rewards.models.redemption import RedemptionGives, RedemptionOption, RedemptionOrder, RedemptionStatus
from rewards.models.rules import (
    BudgetPacing,
    FrequencyPeriod,
    RewardRule,
    RewardRuleVersion,
    RewardType,
    RuleBudgetDay,
    RulePlace,
    RuleStatus,
)
from rewards.models.tiers import PointsEarnedDay

__all__ = [
    "AllocationCandidate",
    "ApprovalStatus",
    "BudgetPacing",
    "ForecastKind",
    "FrequencyPeriod",
    "PerkStatus",
    "PerkTask",
    "PlayerFacts",
    "PointsEarnedDay",
    "RedemptionGives",
    "RedemptionOption",
    "RedemptionOrder",
    "RedemptionStatus",
    "RewardCurrency",
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
    "RuleForecast",
    "RuleMatch",
    "RulePlace",
    "RuleStatus",
    "Verdict",
]
