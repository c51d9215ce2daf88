"""The admin of players: profiles, measures, histories, restrictions, jurisdictions, activity and imports."""

from players.admin import activity, feed, histories, importing, jurisdictions, metrics, restrictions, sources

__all__ = ["activity", "feed", "histories", "importing", "jurisdictions", "metrics", "restrictions", "sources"]
