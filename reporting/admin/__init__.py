"""The admin of reports: daily summaries, the liability, and the player's page, which reads every floor."""

from reporting.admin import daily, liability, player

__all__ = ["daily", "liability", "player"]
