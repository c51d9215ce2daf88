"""The admin of players: who they are, what they did, what binds them, and the import of their totals."""

from players.admin import activity, feed, histories, importing, metrics, restrictions

__all__ = ["activity", "feed", "histories", "importing", "metrics", "restrictions"]
