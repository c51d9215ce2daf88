"""The admin of rewards: rules, what was decided, what was given, perks, what points buy.

The working tables of an evaluation (facts, matches, allocations) and the places of a rule have composite primary keys, which Django's admin
cannot register; they live only as long as a run, and what matters of them is kept in the decisions.
"""

from rewards.admin import decisions, perks, redemption, rules

__all__ = ["decisions", "perks", "redemption", "rules"]
