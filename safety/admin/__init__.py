"""The admin of safety: signals of abuse, detectors and rings, the assumptions behind profitability, earn rates."""

from safety.admin import assumptions, detectors, earn_rate_acceptances, game_categories, grants, rings, signals

__all__ = ["assumptions", "detectors", "earn_rate_acceptances", "game_categories", "grants", "rings", "signals"]
