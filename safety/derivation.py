"""The steps of an expected value in words, each with its arithmetic: for the page of staff and the API."""

from __future__ import annotations

from decimal import Decimal

from safety import policies
from safety.costs import certain_turnover
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
        steps += _turnover(value)
        share = f"{times} × {kept}" if figures.turnover_max is None else _plain(value.share_kept)
        steps.append(("Cost of one unit", f"max(1 − {share}, floor {floor}) = {rate}"))
    else:
        steps.append(("Cost of one unit", f"{rate}: it need not be wagered"))
    limit = f", at most {figures.cost_max:.2f} that can become real money" if figures.cost_max is not None else ""
    steps.append(("Expected cost", f"{value.money_value} × {rate}{limit} = {value.expected_cost}"))
    if value.cost_unknown:
        steps.append(("Cost not known", f"{value.cost_unknown} is missing: refused"))
    return steps


def _turnover(value: ExpectedValue) -> Steps:
    """Say how often the bonus money itself is reckoned to be staked, where that is less than required or may be."""
    most, certain = value.figures.turnover_max, certain_turnover()
    times = _plain(value.figures.requirement)
    if most == 0:
        return [("Turnover", "none of it: real money pays first and counts, and what it brings is margin already")]
    if most is not None:
        share = f"{_plain(value.share_kept)} of the bonus is kept"
        return [
            ("Turnover", f"{_plain(most)} of the {times} times are certain, for what it wins becomes real: {share}")
        ]
    if certain is not None and value.figures.requirement > certain:
        how = f"all {times} times; what it wins becomes real at once, so that only {_plain(certain)} is certain"
        return [("Turnover", f"{how} (BONUS_COST_TURNOVER = CERTAIN would reckon with that)")]
    return []


def _margin(value: ExpectedValue) -> Steps:
    if value.margin_unknown:
        return [("Margin not known", f"{value.margin_unknown} is missing: refused")]
    factors = (value.wager_per_active_day, value.active_days, value.retention_multiplier, value.house_edge)
    product = " × ".join(_plain(factor) for factor in factors)
    name, sign = ("Profitable", "<") if value.is_profitable else ("Not profitable", "≥")
    return [
        ("Stake per active day", _stake_per_day(value)),
        ("Active days", _active_days(value)),
        ("Retention", _retention(value)),
        ("House edge", _house_edge(value)),
        ("Expected margin", f"{product} = {value.expected_margin}"),
        (name, f"{value.granted_cost:.2f} granted before + {value.expected_cost} {sign} {value.expected_margin}"),
        *_other_basis(value),
    ]


def _stake_per_day(value: ExpectedValue) -> str:
    weight, unit = _plain(policies.PRIOR_WEIGHT_DAYS.value()), "active days" if value.known_days else "sessions"
    return (
        f"({_plain(value.own_wager)} staked + {weight} × {_plain(value.segment_mean)}, the mean of {value.segment}) ÷ "
        f"({_plain(value.own_days)} {unit} + {weight}) = {_plain(value.wager_per_active_day)}"
    )


def _active_days(value: ExpectedValue) -> str:
    prior, horizon = _plain(policies.EXPECTED_ACTIVE_DAYS_PRIOR.value()), policies.PROFIT_HORIZON_DAYS.value()
    weight = policies.PRIOR_WEIGHT_DAYS.value()
    scaled = "" if horizon == 30 else f" × {horizon} ÷ 30"
    if value.known_days is None:
        return f"{prior} of 30 days are assumed where no daily rows are known{scaled}: {_plain(value.active_days)}"
    known = f"({value.known_days} of the last 30 × 30 + {prior} × {_plain(weight)}) ÷ {_plain(30 + weight)}"
    return f"{known}{scaled} = {_plain(value.active_days)} in {horizon} days"


def _retention(value: ExpectedValue) -> str:
    of = f"{value.reward.terms.family.label.lower()} to {value.segment}"
    if value.profit_basis == "INCREMENTAL":
        return f"{_plain(value.retention_multiplier)}: what {of} adds, for rewards must cost less than they add"
    return f"{_plain(value.retention_multiplier)}, of {of}"


def _house_edge(value: ExpectedValue) -> str:
    whose = "that of other: no games are known" if value.own_house_edge is None else "of the player's own mix of games"
    less = ", less the points that play earns" if policies.PROFIT_LESS_POINTS_FROM_PLAY.value() else ""
    return f"{_plain(value.house_edge)}, {whose}{less}"


def _other_basis(value: ExpectedValue) -> Steps:
    """Say under TOTAL, which lets a reward cost more than it adds, whether this one would."""
    added = value.added_margin
    if value.profit_basis == "INCREMENTAL" or added is None:
        return []
    is_below = value.granted_cost + value.expected_cost < added
    cost, verdict = ("less", "let it pass") if is_below else ("as much or more", "refuse it")
    how = f"{added:.2f} of the margin come from rewarding: it costs {cost} than that"
    return [("What it adds", f"{how} (PROFIT_BASIS = INCREMENTAL would {verdict})")]


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
