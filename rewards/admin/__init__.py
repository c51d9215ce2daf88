"""The admin of rewards: rules, what was decided, what was given, what points buy.

The working tables of an evaluation (facts, matches, allocations) have composite primary keys, which Django's admin
cannot register; they live only as long as a run, and what matters of them is kept in the decisions.
"""

from rewards.admin import decisions, forecasts, redemption, rules

__all__ = ["decisions", "forecasts", "redemption", "rules"]
