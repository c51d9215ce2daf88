"""The admin of safety: abuse, caps, refusals, the assumptions behind profitability, and what play may earn."""

from safety.admin import assumptions, caps, earn_rate_acceptances, game_categories, grants, signals, violations

__all__ = ["assumptions", "caps", "earn_rate_acceptances", "game_categories", "grants", "signals", "violations"]
