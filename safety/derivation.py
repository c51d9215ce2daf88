"""The steps of an expected value in words, each with its arithmetic: for the page of staff and the API."""

from __future__ import annotations

from decimal import Decimal

from safety import policies
from safety.expected_value import ExpectedValue

Steps = list[tuple[str, str]]


def derivation(value: ExpectedValue) -> Steps:
    """Return the steps from the amount to the verdict, each with a name."""
    return [*_cost(value), *_margin(value), *_caps(value)]


def _cost(value: ExpectedValue) -> Steps:
    figures = value.figures
    steps = [("Money value", f"{value.reward.amount:.2f} × {_plain(figures.unit_value)} = {value.money_value}")]
    rate = _plain(value.cost_rate)
    if figures.requirement:
        whose = "the player's own mix of the eligible games" if value.own_edge is not None else "the cheapest game"
        kept, times, floor = _plain(value.edge_kept), _plain(figures.requirement), _plain(figures.floor)
        steps.append(("Kept while it is wagered", f"{kept} per unit that counts, by {whose}"))
        steps.append(("Cost of one unit", f"max(1 − {times} × {kept}, floor {floor}) = {rate}"))
    else:
        steps.append(("Cost of one unit", f"{rate}: it need not be wagered"))
    limit = f", at most {figures.cost_max:.2f} that can become real money" if figures.cost_max is not None else ""
    steps.append(("Expected cost", f"{value.money_value} × {rate}{limit} = {value.expected_cost}"))
    if value.cost_unknown:
        steps.append(("Cost not known", f"{value.cost_unknown} is missing: refused"))
    return steps


def _margin(value: ExpectedValue) -> Steps:
    if value.margin_unknown:
        return [("Margin not known", f"{value.margin_unknown} is missing: refused")]
    family, days = value.reward.terms.family.label.lower(), policies.PROFIT_HORIZON_DAYS.value()
    factors = (value.wager_per_active_day, value.active_days, value.retention_multiplier, value.house_edge)
    product = " × ".join(_plain(factor) for factor in factors)
    meaning = f"stake per active day × active days in {days} days × retention multiplier of {family} × house edge"
    name, sign = ("Profitable", "<") if value.is_profitable else ("Not profitable", "≥")
    return [
        ("Expected margin", f"{product} = {value.expected_margin} ({meaning})"),
        (name, f"{value.granted_cost:.2f} granted before + {value.expected_cost} {sign} {value.expected_margin}"),
    ]


def _caps(value: ExpectedValue) -> Steps:
    steps = [("Cap", f"the cap per {value.cap_name} leaves {max(value.cap_room, Decimal(0)):.2f}")]
    if value.pool is not None:
        room = value.pool
        steps.append(
            ("Cap of a group", f"{room.pool.name} together: {room.left:.2f} of {room.limit:.2f} per {room.window}")
        )
    return steps


def _plain(value: Decimal | None) -> str:
    if value is None:
        return "unknown"
    text = f"{round(value, 6):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
