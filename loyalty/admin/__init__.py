"""The admin of what belongs to no app of ours: accounts, the schedule and the record of changes, in the house's look."""

from loyalty.admin import accounts, schedule

__all__ = ["accounts", "schedule"]
