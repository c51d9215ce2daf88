"""The admin of what belongs to no app of ours, accounts, the schedule, changes; and of what crosses floors."""

from loyalty.admin import accounts, activity_files, schedule

__all__ = ["accounts", "activity_files", "schedule"]
