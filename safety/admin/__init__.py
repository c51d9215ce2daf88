"""The admin of safety: abuse and its review, caps, refusals, approvals, and what profitability assumes."""

from safety.admin import (
    assumptions,
    caps,
    detectors,
    earn_rate_acceptances,
    game_categories,
    grants,
    reviews,
    rings,
    signals,
    violations,
    vip_approvals,
)

__all__ = [
    "assumptions",
    "caps",
    "detectors",
    "earn_rate_acceptances",
    "game_categories",
    "grants",
    "reviews",
    "rings",
    "signals",
    "violations",
    "vip_approvals",
]
