"""The admin of rewards: rules, what was decided and given, perks to hand over, what points buy, what a tier takes,
and the review of players whose rewards wait.

The working tables of an evaluation (facts, matches, allocations) and the places of rules have composite primary keys,
which Django's admin cannot register. The working tables live only as long as a run, and what matters of them is kept in
the decisions.
"""

from rewards.admin import decisions, forecasts, perks, redemption, reviewing, rule_life, rules, tiers

__all__ = ["decisions", "forecasts", "perks", "redemption", "reviewing", "rule_life", "rules", "tiers"]
from rewards.admin import jurisdictions

__all__ = ["decisions", "forecasts", "jurisdictions", "perks", "redemption", "rule_life", "rules", "tiers"]
