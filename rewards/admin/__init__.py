"""The admin of rewards: rules, what was decided, what was given, what points buy, what a tier takes.

The working tables of an evaluation (facts, matches, allocations) have composite primary keys, which Django's admin
cannot register; they live only as long as a run, and what matters of them is kept in the decisions.
"""

from rewards.admin import decisions, redemption, rules, tiers

__all__ = ["decisions", "redemption", "rules", "tiers"]
