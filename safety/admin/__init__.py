"""The admin of safety: signals of abuse and the assumptions behind profitability."""

from safety.admin import assumptions, signals

__all__ = ["assumptions", "signals"]
