"""The admin of reports: daily summaries, the liability, control groups, and the player's page of every floor."""

from reporting.admin import control_groups, daily, liability, player

__all__ = ["control_groups", "daily", "liability", "player"]
