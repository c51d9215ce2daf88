"""The limits and the checks of safety of a judgement just made: each with its own verdict and its figures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from rewards.definitions import RuleDefinition
from rewards.explaining.explanation import Check, Outcome
from rewards.explaining.figures import shown_figure
from rewards.explaining.judgement import Judgement
from rewards.explaining.reasons import BUDGET_CODES, reason_sentence
from rewards.models import FrequencyPeriod, RewardRule, RuleStatus
from safety.caps import CAPS
from safety.control_groups import GLOBAL

Figures = tuple[tuple[str, str], ...]
_PERIODS = {
    FrequencyPeriod.ONCE: "ever",
    FrequencyPeriod.DAY: "per business day",
    FrequencyPeriod.WEEK: "per ISO week",
    FrequencyPeriod.MONTH: "per calendar month",
}


def check_in_force(rule: RewardRule, *, on: date) -> Check:
    """Say whether the rule runs on a business date: its status, which is today's, and its dates."""
    dates = {"starts_on": rule.starts_on, "ends_on": rule.ends_on}
    figures = (("status", str(rule.status)), *((name, str(on)) for name, on in dates.items() if on))
    problem = ""
    if rule.status != RuleStatus.ACTIVE:
        problem = f"the rule is {rule.get_status_display().lower()}, not active"
    elif rule.starts_on and on < rule.starts_on:
        problem = f"the rule starts on {rule.starts_on}, {(rule.starts_on - on).days} days later"
    elif rule.ends_on and on > rule.ends_on:
        problem = f"the rule ended on {rule.ends_on}, {(on - rule.ends_on).days} days before"
    elif rule.is_live:
        problem = f"the rule waits for {rule.trigger}, not for the night, and decided about none on {on}"
    outcome = Outcome.STOPPED if problem else Outcome.PASSED
    return Check(name="In force", outcome=outcome, sentence=problem or _dates_hold(rule), figures=figures)


def _dates_hold(rule: RewardRule) -> str:
    start = f" from {rule.starts_on}" if rule.starts_on else ""
    end = f" until {rule.ends_on}" if rule.ends_on else ""
    return f"the rule is active{start}{end}"


def judged_limits(judged: Judgement, *, definition: RuleDefinition, on: date) -> tuple[Check, ...]:
    """Return the limits after the dates: frequency, cooldown, budget, places, exclusive group, holdout."""
    return (
        _frequency(judged, definition, on),
        _cooldown(judged, definition, on),
        budget_set(definition, left=judged.budget.left if judged.budget else None),
        *_places(judged, definition),
        _group(judged, definition),
        _holdout(judged, definition),
    )


def judged_safety(judged: Judgement) -> tuple[Check, ...]:
    """Return the checks of safety in the order they are made."""
    checks = [_restrictions(judged), _jurisdiction(judged), _abuse(judged), _profitability(judged), _caps(judged)]
    if "NEEDS_APPROVAL" in judged.obstacles:
        checks.append(Check(name="Approval", outcome=Outcome.STOPPED, sentence=reason_sentence("NEEDS_APPROVAL", {})))
    pools = [] if judged.pool is None else [_pool(judged)]
    return (*checks, _budget(judged), *pools)


def frequency_allowed(definition: RuleDefinition) -> str:
    """Say how often a player may get the rule."""
    return f"{definition.limits.frequency_max} {_PERIODS[definition.limits.frequency_period]}"


def _frequency(judged: Judgement, definition: RuleDefinition, on: date) -> Check:
    given, last_on = judged.figures["given_in_period"], judged.figures["last_given_on"]
    start = definition.period_start(on)
    since = "" if start == date.min else f" since {start}"
    is_stopped = "FREQUENCY" in judged.obstacles
    allowed = frequency_allowed(definition)
    sentence = f"given {given} of {allowed}{since}" + (f", last on {last_on}" if given else "")
    return _check(
        "Frequency",
        sentence,
        is_stopped=is_stopped,
        figures={"given": given, "allowed": definition.limits.frequency_max},
    )


def _cooldown(judged: Judgement, definition: RuleDefinition, on: date) -> Check:
    days, last_on = definition.cooldown_days, judged.figures["last_given_on"]
    if not days:
        return Check(name="Cooldown", outcome=Outcome.PASSED, sentence="the rule has none")
    if last_on is None:
        return Check(name="Cooldown", outcome=Outcome.PASSED, sentence=f"{days} days, and nothing was given before")
    passed = abs((on - last_on).days)
    is_stopped = "COOLDOWN" in judged.obstacles
    waiting = f", {days - passed} more needed" if is_stopped and passed < days else ""
    sentence = f"{passed} of {days} days have passed since {last_on}{waiting}"
    if last_on > on:
        sentence = f"given on the later date {last_on}, {passed} days after this one, where {days} must lie between"
    return _check("Cooldown", sentence, is_stopped=is_stopped, figures={"days_passed": passed, "days_needed": days})


def budget_set(definition: RuleDefinition, *, left: Decimal | None) -> Check:
    """Say what the rule may give in all and what of it is left."""
    limits = definition.limits
    budgets = {"a day": limits.daily_budget, "in all": limits.total_budget}
    named = " and ".join(f"{_money(value)} {name}" for name, value in budgets.items() if value is not None)
    if not named:
        return Check(name="Budgets", outcome=Outcome.PASSED, sentence="the rule has none")
    if left is None:
        sentence = f"{named}; what was left then was not kept"
        return Check(name="Budgets", outcome=Outcome.NOT_KNOWN, sentence=sentence)
    return _check("Budgets", f"{named}; {_money(left)} left", is_stopped=left <= 0, figures={"left": _money(left)})


def _places(judged: Judgement, definition: RuleDefinition) -> tuple[Check, ...]:
    """Say how many players the rule pays, where there is such a number."""
    places, left = definition.limits.max_players, judged.places_left
    if places is None:
        return ()
    if left == 0:
        return (_check("Places", reason_sentence("MAX_PLAYERS", {"max_players": places}), is_stopped=True),)
    free = f"the player has one of {places} already" if left is None else f"{left} of {places} are left"
    return (_check("Places", free, figures={"max_players": places}),)


def _group(judged: Judgement, definition: RuleDefinition) -> Check:
    group = definition.limits.exclusive_group
    if not group:
        return Check(name="Exclusive group", outcome=Outcome.PASSED, sentence="the rule is in none")
    is_stopped = "EXCLUSIVE_GROUP" in judged.obstacles
    sentence = (
        reason_sentence("EXCLUSIVE_GROUP", {}) if is_stopped else f"no other rule of {group} gave anything before"
    )
    return _check("Exclusive group", sentence, is_stopped=is_stopped, figures={"group": group})


def _holdout(judged: Judgement, definition: RuleDefinition) -> Check:
    percent, is_held_out = definition.limits.holdout_percent, bool(judged.figures["is_held_out"])
    if is_held_out and judged.reasons[0].get("group") == GLOBAL:
        sentence = "the player is in the global control group, which no rule gives anything"
        return Check(name="Holdout", outcome=Outcome.STOPPED, sentence=sentence, figures=(("group", GLOBAL),))
    if not percent:
        return Check(name="Holdout", outcome=Outcome.PASSED, sentence="the rule holds nobody out")
    drawn = "is" if is_held_out else "is not"
    sentence = f"the player {drawn} among the {shown_figure(percent)} % who are held out"
    return _check("Holdout", sentence, is_stopped=is_held_out, figures={"percent": shown_figure(percent)})


def _restrictions(judged: Judgement) -> Check:
    restriction = judged.figures["restriction"]
    is_stopped = "RESTRICTED" in judged.obstacles
    sentence = reason_sentence("RESTRICTED", {"restriction": restriction}) if is_stopped else "none is in force"
    figures = {"restriction": restriction} if restriction else {}
    return _check("Restrictions", sentence, is_stopped=is_stopped, figures=figures)


def _jurisdiction(judged: Judgement) -> Check:
    code = judged.figures["jurisdiction"]
    refused = next((one for one in ("JURISDICTION", "VIP_APPROVAL_NEEDED") if one in judged.obstacles), "")
    if refused:
        figures = _refusal(judged, refused)
        sentence = reason_sentence(refused, figures)
        return _check("Jurisdiction", sentence, is_stopped=True, figures=figures)
    cut: Mapping[str, object] = next((one for one in judged.reasons if one["code"] == "JURISDICTION_CUT"), {})
    if cut:
        shown = tuple((name, str(value)) for name, value in cut.items() if name != "code")
        sentence = reason_sentence("JURISDICTION_CUT", cut)
        return Check(name="Jurisdiction", outcome=Outcome.CHANGED, sentence=sentence, figures=shown)
    if code is None:
        sentence = "what the player's jurisdiction was is not known"
        return Check(name="Jurisdiction", outcome=Outcome.NOT_KNOWN, sentence=sentence)
    return _check("Jurisdiction", f"the profile {code} allows it", figures={"jurisdiction": code})


def _refusal(judged: Judgement, code: str) -> Mapping[str, Any]:
    """Return what the profile says against it; JSON comes as text from the database."""
    if code == "VIP_APPROVAL_NEEDED":
        return _json(judged.figures["vip_refusal"])
    refusal = _json(judged.figures["jurisdiction_refusal"])
    month: Mapping[str, Any] = _json(judged.figures["jurisdiction_terms"]).get("month", {})
    return refusal or month


def _json(value: Any) -> Mapping[str, Any]:
    found: Mapping[str, Any] = (json.loads(value) if isinstance(value, str) else value) or {}
    return found


def _abuse(judged: Judgement) -> Check:
    score = judged.figures["bonus_abuse_score"]
    amount, wagering = judged.figures["abuse_amount_multiplier"], judged.figures["abuse_wagering_multiplier"]
    shown: Figures = (("abuse_score", str(score)), ("amount_multiplier", shown_figure(amount)))
    shown += (("wagering_multiplier", shown_figure(wagering)),)
    figures = {"abuse_score": score, "multiplier": shown_figure(amount)}
    if "ABUSE_CONFIRMED" in judged.obstacles:
        sentence = reason_sentence("ABUSE_CONFIRMED", {**figures, "case": judged.figures["confirmed_case"]})
        return Check(name="Abuse", outcome=Outcome.STOPPED, sentence=sentence, figures=shown)
    if "ABUSE_REVIEW" in judged.obstacles:
        sentence = reason_sentence("ABUSE_REVIEW", figures)
        return Check(name="Abuse", outcome=Outcome.STOPPED, sentence=sentence, figures=shown)
    if amount < 1:
        outcome = Outcome.STOPPED if "ABUSE_CUT" in judged.obstacles else Outcome.CHANGED
        code = "ABUSE_CUT_INSTEAD" if wagering > 1 else "ABUSE_CUT"
        return Check(name="Abuse", outcome=outcome, sentence=reason_sentence(code, figures), figures=shown)
    if wagering > 1:
        sentence = reason_sentence("ABUSE_WAGERING", {**figures, "multiplier": shown_figure(wagering)})
        return Check(name="Abuse", outcome=Outcome.CHANGED, sentence=sentence, figures=shown)
    sentence = f"the abuse score of {score} changes nothing"
    return Check(name="Abuse", outcome=Outcome.PASSED, sentence=sentence, figures=shown)


def _profitability(judged: Judgement) -> Check:
    cost, margin = judged.figures["expected_cost"], judged.figures["expected_margin"]
    before = judged.figures["granted_cost"] + judged.figures["given_cost_run"]
    unknown = next((code for code in ("COST_UNKNOWN", "MARGIN_UNKNOWN") if code in judged.obstacles), None)
    is_stopped = unknown is not None or "UNPROFITABLE" in judged.obstacles
    figures = {"expected_cost": cost, "granted_before": before, "expected_margin": margin}
    if unknown is not None:
        missing = judged.figures["cost_unknown" if unknown == "COST_UNKNOWN" else "margin_unknown"]
        sentence = reason_sentence(unknown, {"missing": missing})
    else:
        sentence = reason_sentence("UNPROFITABLE", figures) if is_stopped else profitable(cost, before, margin)
    inputs = {name: shown_figure(round(value, 4)) if value is not None else "" for name, value in judged.margin.items()}
    amounts = {name: _money(value) for name, value in figures.items()}
    rate = {"cost_rate": shown_figure(judged.figures["cost_rate"])}
    return _check("Profitability", sentence, is_stopped=is_stopped, figures={**amounts, **inputs, **rate})


def profitable(cost: Decimal, before: Decimal | None, margin: Decimal) -> str:
    """Say that a reward costs less than what is expected from the player."""
    granted = "" if before is None else f", with {_money(before)} granted before,"
    return f"the expected cost of {_money(cost)}{granted} is below the expected margin of {_money(margin)}"


_ROOMS = ("cap_room_left", "rule_room_left", "amount", "amount_after_caps")


def _caps(judged: Judgement) -> Check:
    caps, guard, before, after = (judged.figures[name] for name in _ROOMS)
    is_guard = guard is not None and guard < caps
    room = guard if is_guard else caps
    figures = {f"granted_in_{window}": _money(judged.figures[f"granted_value_{window}"]) for window in CAPS}
    figures |= {f"cap_per_{window}": _money(cap.value()) for window, cap in CAPS.items()}
    figures["tightest"] = judged.figures["cap_name"]
    figures["room"] = _money(room)
    if after < before:
        is_stopped = not judged.obstacles.isdisjoint({"CAP", "RULE_GUARD", "BELOW_MINIMUM"})
        cut = {"room": room, "from": before, "to": after}
        cut |= {} if is_guard else {"cap": judged.figures["cap_name"], **_source(judged)}
        code = "RULE_GUARD" if is_guard else "CAP"
        sentence = reason_sentence(code if is_stopped else f"{code}_CUT", cut)
        outcome = Outcome.STOPPED if is_stopped else Outcome.CHANGED
        return Check(name="Caps", outcome=outcome, sentence=sentence, figures=tuple(figures.items()))
    return _check("Caps", f"they leave {_money(room)}", figures=figures)


def _source(judged: Judgement) -> Mapping[str, object]:
    """Return whose limit of a month the tightest cap is, where it is a jurisdiction's."""
    # The driver hands JSON over unread.
    source = judged.figures["cap_source"]
    return json.loads(source, parse_float=Decimal) if isinstance(source, str) else source or {}


def _budget(judged: Judgement) -> Check:
    if judged.budget is None:
        return Check(name="Budget", outcome=Outcome.PASSED, sentence="the rule has none")
    if judged.reason in BUDGET_CODES:
        return _check("Budget", reason_sentence(judged.reason, judged.reasons[0]), is_stopped=True)
    left = _money(judged.budget.left)
    sentence = f"{left} are left; who gets the last of it is drawn among all players of the night"
    return _check("Budget", sentence)


def _pool(judged: Judgement) -> Check:
    """Say what the caps that whole groups share leave; who gets the last of them is drawn among all."""
    room = judged.pool
    if room is None:
        return Check(name="Caps of groups", outcome=Outcome.PASSED, sentence="there are none")
    figures = {"pool": room.pool.name, "window": room.window, "limit": _money(room.limit), "room": _money(room.left)}
    if judged.reason == "POOL_CAP":
        return _check(
            "Caps of groups", reason_sentence("POOL_CAP", judged.reasons[0]), is_stopped=True, figures=figures
        )
    sentence = f"{room.pool.name} together: {_money(room.left)} of {_money(room.limit)} per {room.window} are left"
    return _check("Caps of groups", sentence, figures=figures)


def _check(name: str, sentence: str, *, is_stopped: bool = False, figures: Mapping[str, object] | None = None) -> Check:
    outcome = Outcome.STOPPED if is_stopped else Outcome.PASSED
    shown = tuple((figure, str(value)) for figure, value in (figures or {}).items())
    return Check(name=name, outcome=outcome, sentence=sentence, figures=shown)


def _money(value: Decimal | None) -> str:
    return shown_figure(value or Decimal(0), unit="money")
