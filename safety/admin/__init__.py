"""The admin of safety: abuse, caps, refusals, the assumptions behind profitability, and what play may earn."""

from safety.admin import assumptions, earn_rate_acceptances, game_categories, grants, reviews, signals

__all__ = ["assumptions", "earn_rate_acceptances", "game_categories", "grants", "reviews", "signals"]
from safety.admin import vip_approvals

__all__ = ["assumptions", "earn_rate_acceptances", "game_categories", "grants", "signals", "vip_approvals"]
from safety.admin import caps, violations

__all__ = ["assumptions", "caps", "earn_rate_acceptances", "game_categories", "grants", "signals", "violations"]
