"""What every reason code says, with its figures, as a sentence."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from rewards.explaining.figures import shown_figure

Figures = Mapping[str, Any]
# What cuts a reward to the room there is, and how a rule's budget refuses one.
CUT_CODES = ("CAP_CUT", "RULE_GUARD_CUT")
BUDGET_CODES = ("PACING", "BUDGET")


def reason_sentence(code: str, figures: Figures) -> str:
    """Return what a reason means; one that this house does not know is shown with what was stored."""
    if code in _SENTENCES:
        return _SENTENCES[code](figures)
    stored = ", ".join(f"{name} {value}" for name, value in figures.items() if name != "code")
    return f"{code} ({stored})" if stored else code


def known_reasons() -> frozenset[str]:
    """Return the codes that have a sentence."""
    return frozenset(_SENTENCES)


def money(figures: Figures, name: str) -> str:
    """Show an amount among the figures of a reason."""
    value = figures.get(name)
    if value is None:
        return "an amount that was not kept"
    try:
        return shown_figure(Decimal(str(value)), unit="money")
    except InvalidOperation:
        return str(value)


def _plain(figures: Figures, name: str) -> str:
    value = figures.get(name)
    if value is None:
        return "not kept"
    return value.isoformat() if isinstance(value, date) else str(value)


def _no_amount(figures: Figures) -> str:
    if figures.get("amount") is None:
        return "the formula has no value: a field is not known, or it divides by zero"
    return f"the formula computes {money(figures, 'amount')}, which is nothing to give"


def _frequency(figures: Figures) -> str:
    given = figures.get("given")
    if given is None:
        return "given as often as the period allows"
    times = "once" if given == 1 else f"{given} times"
    return f"given {times} in the period already, last on {_plain(figures, 'last_on')}"


def _unprofitable(figures: Figures) -> str:
    if figures.get("expected_margin") is None:
        return "the margin to expect from the player cannot be computed"
    return (
        f"the expected cost of {money(figures, 'expected_cost')}, with {money(figures, 'granted_before')} granted "
        f"before, is not below the expected margin of {money(figures, 'expected_margin')}"
    )


def _held_out(figures: Figures) -> str:
    group = "the global control group" if figures.get("group") == "GLOBAL" else "the control group"
    if figures.get("would_be_reason"):
        return f"drawn into {group}; otherwise {str(figures['would_be_reason']).replace('_', ' ').lower()}"
    return f"drawn into {group}; otherwise {money(figures, 'would_give')} would have been given"


def _max_players(figures: Figures) -> str:
    return f"all places of the rule, {_plain(figures, 'max_players')} in number, are taken"


def _below_minimum(figures: Figures) -> str:
    return f"{money(figures, 'amount')} is below the least amount of the rule"


def _jurisdiction(figures: Figures) -> str:
    clause = f" ({figures['clause']})" if figures.get("clause") else ""
    return f"in {_plain(figures, 'jurisdiction')} {_plain(figures, 'says')}{clause}"


def _jurisdiction_cut(figures: Figures) -> str:
    fallen = f"the amount falls from {money(figures, 'from')} to {money(figures, 'to')}"
    where = f"in {_plain(figures, 'jurisdiction')} ({_plain(figures, 'clause')})"
    if figures.get("limit") == "BONUS_AMOUNT_MAX":
        return f"one bonus is at most {money(figures, 'most')} {where}: {fallen}"
    return (
        f"a requirement of {_plain(figures, 'requirement')} × was to be raised {_plain(figures, 'wanted_multiplier')} "
        f"times and is held at {_plain(figures, 'held_multiplier')} times, for at most {_plain(figures, 'most')} × the "
        f"bonus may be required {where}: {fallen}"
    )


def _vip_approval_needed(figures: Figures) -> str:
    return (
        f"in {_plain(figures, 'jurisdiction')} a VIP needs a recorded approval ({_plain(figures, 'clause')}), "
        f"missing: {_plain(figures, 'missing')}"
    )


def _caps(figures: Figures) -> str:
    """Name the cap that holds; decisions of older days kept only what was left."""
    if clause := figures.get("clause"):
        return (
            f"in {_plain(figures, 'jurisdiction')} promotions of at most {_plain(figures, 'most')} may be granted in a "
            f"calendar month ({clause}), which leaves"
        )
    return f"the cap per {figures['cap']} leaves" if figures.get("cap") else "the caps leave"


def _abuse_wagering(figures: Figures) -> str:
    score, factor = _plain(figures, "abuse_score"), _plain(figures, "multiplier")
    return f"the abuse score of {score} multiplies the wagering requirement by {factor}"


_UNMET = {
    "UNDER_AGE": "the player is younger than the rules on age allow",
    "AGE_UNKNOWN": "the player's age is unknown and the rules ask for one",
    "KYC_MISSING": "the player's identity is not checked yet and the rules ask for that",
}


def _restricted(figures: Figures) -> str:
    restriction = _plain(figures, "restriction")
    return _UNMET.get(restriction, f"the player is restricted: {restriction}")


def _abuse_cut_instead(figures: Figures) -> str:
    score, left = _plain(figures, "abuse_score"), _plain(figures, "multiplier")
    return (
        f"the abuse score of {score} raises wagering requirements; this reward has none that could rise, so {left} of "
        "the amount is left"
    )


def _abuse_confirmed(figures: Figures) -> str:
    return f"review case {_plain(figures, 'case')} confirmed abuse; the score is {_plain(figures, 'abuse_score')}"


_SENTENCES: dict[str, Callable[[Figures], str]] = {
    "NO_AMOUNT": _no_amount,
    "BELOW_MINIMUM": _below_minimum,
    "FREQUENCY": _frequency,
    "COOLDOWN": lambda figures: f"the last reward, on {_plain(figures, 'last_on')}, is too recent",
    "RESTRICTED": _restricted,
    "JURISDICTION": _jurisdiction,
    "JURISDICTION_CUT": _jurisdiction_cut,
    "VIP_APPROVAL_NEEDED": _vip_approval_needed,
    "ABUSE_REVIEW": lambda figures: f"the abuse score of {_plain(figures, 'abuse_score')} needs a person to look",
    "ABUSE_CONFIRMED": _abuse_confirmed,
    "REVIEW_RELEASED": lambda figures: f"review case {_plain(figures, 'case')} let it go its ordinary way",
    "PAID_MEANWHILE": lambda figures: (
        f"the rule gave a reward on {_plain(figures, 'on')}, before an appeal took back the refusal of this one"
    ),
    "REVIEW_UNANSWERED": lambda _: "by then the player or the rule was out of use",
    "ABUSE_CUT": lambda figures: (
        f"the abuse score of {_plain(figures, 'abuse_score')} leaves {_plain(figures, 'multiplier')} of the amount"
    ),
    "ABUSE_CUT_INSTEAD": _abuse_cut_instead,
    "ABUSE_WAGERING": _abuse_wagering,
    "EXCLUSIVE_GROUP": lambda _: "a rule of the same group with a higher priority gave something",
    "UNPROFITABLE": _unprofitable,
    "COST_UNKNOWN": lambda figures: f"what it costs cannot be told without {_plain(figures, 'missing')}",
    "MARGIN_UNKNOWN": lambda figures: f"the margin to expect cannot be told without {_plain(figures, 'missing')}",
    "POOL_CAP": lambda figures: (
        f"{_plain(figures, 'pool')} together may be given {money(figures, 'limit')} per {_plain(figures, 'window')}, "
        f"of which {money(figures, 'room')} are left: too little for all up to this player"
    ),
    "CAP": lambda figures: f"{_caps(figures)} {money(figures, 'room')}, too little for this reward",
    "CAP_CUT": lambda figures: (
        f"{_caps(figures)} {money(figures, 'room')}: cut from {money(figures, 'from')} to {money(figures, 'to')}"
    ),
    "RULE_GUARD": lambda figures: (
        f"the guard over all rules leaves {money(figures, 'room')}, too little for this reward"
    ),
    "RULE_GUARD_CUT": lambda figures: (
        f"the guard over all rules leaves {money(figures, 'room')}: cut from {money(figures, 'from')} to "
        f"{money(figures, 'to')}"
    ),
    "NEEDS_APPROVAL": lambda _: "a perk is given by a person, after an approval",
    "BUDGET": lambda figures: (
        f"the budget has {money(figures, 'budget_left')} left, "
        f"{money(figures, 'needed')} would be needed up to this player"
    ),
    "PACING": lambda figures: (
        f"the budget is spread over its days: {money(figures, 'budget_left')} of the day's share are left, "
        f"{money(figures, 'needed')} would be needed up to this player"
    ),
    "MAX_PLAYERS": _max_players,
    "HELD_OUT": _held_out,
    "RULE_STOPPED": lambda _: "somebody had stopped the rule before its rewards were posted",
    "GUARDRAIL": lambda figures: (
        f"the rule was approved for {money(figures, 'forecast')} a date and reached its guardrail of "
        f"{money(figures, 'limit')}"
    ),
    "KEY_REUSED": lambda _: "the ledger holds another operation under the key of this reward",
}
