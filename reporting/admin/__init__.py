"""The admin of reports: daily summaries and the player's page, which reads every floor."""

from reporting.admin import daily, player

__all__ = ["daily", "player"]
