"""The admin of what belongs to no app of ours: accounts, the schedule, the record of changes."""

from loyalty.admin import accounts, schedule

__all__ = ["accounts", "schedule"]
