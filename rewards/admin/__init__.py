"""The admin of rewards: rules, what was decided, what was given, perks to hand over, what points buy.

The working tables of an evaluation (facts, matches, allocations) and the places of rules have composite primary keys,
which Django's admin cannot register. The working tables live only as long as a run, and what matters of them is kept in
the decisions.
"""

from rewards.admin import decisions, forecasts, perks, redemption, rule_life, rules

__all__ = ["decisions", "forecasts", "perks", "redemption", "rule_life", "rules"]
