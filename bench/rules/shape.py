"""What a rule of the bench consists of, before it is saved the way staff save theirs."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

HOLDOUT_PERCENT = Decimal(5)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchRule:
    """A rule in the documented grammar; the same object is translated for every peer.

    Budgets are per thousand players, so that they bind alike in a small population and a large one.
    """

    rule_id: str
    priority: int
    conditions: dict[str, Any]
    reward: dict[str, Any]
    period: str = "ONCE"
    cooldown_days: int = 0
    daily_budget: Decimal | None = None
    total_budget: Decimal | None = None
    group: str = ""
    holdout_percent: Decimal = field(default=HOLDOUT_PERCENT)

    def columns(self, *, players: int) -> dict[str, Any]:
        """Return the columns of `reward_rules` as staff of a programme of that size would fill them in."""
        return {
            "name": self.rule_id.replace("_", " ").capitalize(),
            "priority": self.priority,
            "conditions": self.conditions,
            "reward_config": self.reward,
            "frequency_period": self.period,
            "cooldown_days": self.cooldown_days,
            "daily_budget": _scaled(self.daily_budget, players),
            "total_budget": _scaled(self.total_budget, players),
            "exclusive_group": self.group,
            "holdout_percent": self.holdout_percent,
        }


def _scaled(budget: Decimal | None, players: int) -> Decimal | None:
    return None if budget is None else (budget * players / 1000).quantize(Decimal("0.01"))


def cashback(formula: str, *, max_amount: int, wagering: int = 1) -> dict[str, Any]:
    return {
        "type": "CASHBACK",
        "formula": formula,
        "max_amount": max_amount,
        "min_amount": "0.50",
        "wagering_requirement": wagering,
        "expiry_hours": 168,
    }


def bonus(formula: str, *, max_amount: int, wagering: int = 20) -> dict[str, Any]:
    return {
        "type": "BONUS_BALANCE",
        "formula": formula,
        "max_amount": max_amount,
        "wagering_requirement": wagering,
        "expiry_hours": 72,
        "eligible_games": ["slots", "roulette"],
        "max_bet": 5,
    }


def free_play(amount: str) -> dict[str, Any]:
    return {"type": "FREE_PLAY", "amount": amount, "wagering_requirement": 10, "expiry_hours": 48}


def points(formula: str, *, max_amount: int, kind: str = "LOYALTY_POINTS") -> dict[str, Any]:
    return {"type": kind, "formula": formula, "max_amount": max_amount, "expiry_hours": 4320}


def tickets(amount: int) -> dict[str, Any]:
    return {"type": "TICKETS", "amount": amount, "expiry_hours": 720}
