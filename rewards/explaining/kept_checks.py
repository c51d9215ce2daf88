"""The limits and the checks of safety of a stored decision: what its reasons, amounts and earlier decisions tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from django.db.models import Count, Max, Q

from rewards.definitions import RuleDefinition
from rewards.explaining.checks import budget_set, frequency_allowed, profitable
from rewards.explaining.explanation import Check, Outcome
from rewards.explaining.figures import shown_figure
from rewards.explaining.reasons import BUDGET_CODES, CUT_CODES, reason_sentence
from rewards.models import RewardDecision, Verdict
from rewards.models.decisions import COUNTING_VERDICTS

# The order in which reasons decide; what stands behind the one that did was not looked at.
_DECIDED_BY = {
    "NO_AMOUNT": "the amount",
    "BELOW_MINIMUM": "the least amount",
    "FREQUENCY": "the frequency",
    "COOLDOWN": "the cooldown",
    "PAID_MEANWHILE": "a reward given meanwhile",
    "RESTRICTED": "a restriction",
    "ABUSE_CONFIRMED": "a review",
    "JURISDICTION": "the jurisdiction",
    "VIP_APPROVAL_NEEDED": "an approval of VIPs",
    "ABUSE_REVIEW": "the abuse score",
    "ABUSE_CUT": "the abuse score",
    "COST_UNKNOWN": "profitability",
    "MARGIN_UNKNOWN": "profitability",
    "EXCLUSIVE_GROUP": "the exclusive group",
    "UNPROFITABLE": "profitability",
    "RULE_GUARD": "the guard over all rules",
    "CAP": "a cap",
    "CUT_BELOW_MINIMUM": "the least amount",
    "NEEDS_APPROVAL": "the approval",
    "MAX_PLAYERS": "the number of players",
    "PACING": "the pacing of the budget",
    "BUDGET": "the budget",
    "GUARDRAIL": "the guardrail",
    "RULE_STOPPED": "the stop of the rule",
    "POOL_CAP": "a cap of the whole group",
}
# What may stop a reward once all else is settled.
_LAST = {"GUARDRAIL": "Guardrail", "RULE_STOPPED": "Stopped"}
_ORDER = tuple(_DECIDED_BY)
_NOT_KEPT = "passed; its figures were not kept"


def kept_limits(decision: RewardDecision, *, definition: RuleDefinition) -> tuple[Check, ...]:
    """Return the limits: frequency, cooldown, budgets, places, exclusive group, holdout."""
    group = definition.limits.exclusive_group
    return (
        Check(name="In force", outcome=Outcome.PASSED, sentence="the rule ran: it was decided"),
        _frequency(decision, definition),
        _kept(decision, "Cooldown", "COOLDOWN", passed=_cooldown_passed(definition)),
        budget_set(definition, left=None),
        *_places(decision, definition),
        _kept(
            decision,
            "Exclusive group",
            "EXCLUSIVE_GROUP",
            passed=f"no other rule of {group} gave anything before" if group else "the rule is in none",
        ),
        _holdout(decision, definition),
    )


def kept_safety(decision: RewardDecision, *, definition: RuleDefinition) -> tuple[Check, ...]:
    """Return the checks of safety in the order they were made."""
    checks = [
        _kept(decision, "Restrictions", "RESTRICTED", passed="none was in force"),
        _jurisdiction(decision),
        _abuse(decision),
        _profitability(decision),
        _caps(decision),
    ]
    if deciding_code(decision) == "NEEDS_APPROVAL":
        checks.append(_kept(decision, "Approval", "NEEDS_APPROVAL", passed=_NOT_KEPT))
    decided = deciding_code(decision)
    if decided == "POOL_CAP":
        checks.append(_kept(decision, "Caps of groups", "POOL_CAP", passed=_NOT_KEPT))
    has_money = definition.limits.daily_budget is not None or definition.limits.total_budget is not None
    passed = "there was enough left" if has_money else "the rule has none"
    checks.append(_kept(decision, "Budget", decided if decided in BUDGET_CODES else "BUDGET", passed=passed))
    if decided in _LAST:
        checks.append(_kept(decision, _LAST[decided], decided, passed=_NOT_KEPT))
    return tuple(checks)


def _places(decision: RewardDecision, definition: RuleDefinition) -> tuple[Check, ...]:
    """Return the check of the rule's places, where it has a number of them."""
    places = definition.limits.max_players
    if places is None:
        return ()
    return (_kept(decision, "Places", "MAX_PLAYERS", passed=f"there was one of {places} for the player"),)


def _jurisdiction(decision: RewardDecision) -> Check:
    cut = reason_figures(decision, "JURISDICTION_CUT")
    if cut:
        sentence = reason_sentence("JURISDICTION_CUT", cut)
        shown = _shown(decision, "JURISDICTION_CUT")
        return Check(name="Jurisdiction", outcome=Outcome.CHANGED, sentence=sentence, figures=shown)
    needs_vip = deciding_code(decision) == "VIP_APPROVAL_NEEDED"
    code = "VIP_APPROVAL_NEEDED" if needs_vip else "JURISDICTION"
    return _kept(decision, "Jurisdiction", code, passed="the profile of then allowed it")


def deciding_code(decision: RewardDecision) -> str:
    """Return the code that decided; of who was held out, what would have."""
    code = decision.reason
    if decision.verdict == Verdict.HELD_OUT:
        code = str(reason_figures(decision, "HELD_OUT").get("would_be_reason", ""))
    if code == "BELOW_MINIMUM" and _was_cut(decision):
        return "CUT_BELOW_MINIMUM"
    return code


def _was_cut(decision: RewardDecision) -> bool:
    """Tell whether the amount fell below the minimum by the caps or the abuse score, not by the formula."""
    amount = reason_figures(decision, "BELOW_MINIMUM").get("amount")
    return amount is None or decision.amount_computed is None or Decimal(str(amount)) != decision.amount_computed


def reason_figures(decision: RewardDecision, code: str) -> Mapping[str, Any]:
    """Return the stored figures of a reason, empty where it is not among the reasons."""
    found: Mapping[str, Any] = next((reason for reason in decision.reasons if reason.get("code") == code), {})
    return found


def _kept(decision: RewardDecision, name: str, code: str, *, passed: str) -> Check:
    decided = deciding_code(decision)
    if decided == code:
        sentence = reason_sentence(code, reason_figures(decision, code))
        return Check(name=name, outcome=Outcome.STOPPED, sentence=sentence, figures=_shown(decision, code))
    if decided in _ORDER and _ORDER.index(decided) < _ORDER.index(code):
        sentence = f"not looked at: {_DECIDED_BY[decided]} had decided"
        return Check(name=name, outcome=Outcome.NOT_REACHED, sentence=sentence)
    return Check(name=name, outcome=Outcome.PASSED, sentence=passed)


def _shown(decision: RewardDecision, code: str) -> tuple[tuple[str, str], ...]:
    figures = reason_figures(decision, code)
    return tuple((name, _figure(value)) for name, value in figures.items() if name != "code")


def _figure(value: Any) -> str:
    """Show a stored figure; JSON keeps no cents of a whole amount."""
    return shown_figure(Decimal(str(value)), unit="money") if isinstance(value, float) else str(value)


def _frequency(decision: RewardDecision, definition: RuleDefinition) -> Check:
    """Count the rewards before the decision: decisions are never deleted."""
    period = definition.period_start(decision.first_on), definition.period_end(decision.first_on)
    earlier = RewardDecision.objects.filter(
        player=decision.player_id,
        rule=decision.rule_id,  # type: ignore[misc]  # its key here is the number
        pk__lt=decision.pk,
    )
    counted = earlier.filter(verdict__in=COUNTING_VERDICTS).aggregate(
        given=Count("pk", filter=Q(first_on__range=period)), last_on=Max("first_on")
    )
    last = f", last on {counted['last_on']}" if counted["last_on"] else ""
    passed = f"given {counted['given']} of {frequency_allowed(definition)}{last}"
    return _kept(decision, "Frequency", "FREQUENCY", passed=passed)


def _cooldown_passed(definition: RuleDefinition) -> str:
    days = definition.cooldown_days
    return f"{days} days had passed since the last reward, or there was none" if days else "the rule has none"


def _holdout(decision: RewardDecision, definition: RuleDefinition) -> Check:
    if decision.verdict == Verdict.HELD_OUT:
        sentence = reason_sentence("HELD_OUT", reason_figures(decision, "HELD_OUT"))
        return Check(name="Holdout", outcome=Outcome.STOPPED, sentence=sentence, figures=_shown(decision, "HELD_OUT"))
    is_drawn = bool(definition.limits.holdout_percent)
    sentence = "the player was not among those held out" if is_drawn else "the rule holds nobody out"
    return Check(name="Holdout", outcome=Outcome.PASSED, sentence=sentence)


def _abuse(decision: RewardDecision) -> Check:
    for code in ("ABUSE_CUT", "ABUSE_CUT_INSTEAD", "ABUSE_WAGERING"):
        figures = reason_figures(decision, code)
        if figures and deciding_code(decision) != code:
            sentence = reason_sentence(code, figures)
            return Check(name="Abuse", outcome=Outcome.CHANGED, sentence=sentence, figures=_shown(decision, code))
    code = deciding_code(decision)
    code = code if code in ("ABUSE_CUT", "ABUSE_CONFIRMED") else "ABUSE_REVIEW"
    # Reasons of a refusal do not keep what the score did before it.
    is_known = decision.verdict in (Verdict.APPROVED, Verdict.REDUCED)
    return _kept(decision, "Abuse", code, passed="the score changed nothing" if is_known else _NOT_KEPT)


def _profitability(decision: RewardDecision) -> Check:
    """Say whether it was profitable, with everything cost and margin followed from."""
    decided = deciding_code(decision)
    code = decided if decided in ("COST_UNKNOWN", "MARGIN_UNKNOWN") else "UNPROFITABLE"
    check = _kept(decision, "Profitability", code, passed=_profitable(decision))
    kept = {name: getattr(decision, name) for name in _PROFIT_FIGURES}
    shown = tuple((name, shown_figure(value)) for name, value in kept.items() if value is not None)
    shown += (("profit_basis", decision.profit_basis),) if decision.profit_basis else ()
    if decision.assumptions_version is not None:
        shown += (("assumptions_version", str(decision.assumptions_version)),)
    return replace(check, figures=(*check.figures, *shown)) if check.outcome is not Outcome.NOT_REACHED else check


_PROFIT_FIGURES = (
    "wager_per_active_day",
    "active_days",
    "retention_multiplier",
    "house_edge",
    "cost_rate",
    "granted_cost",
)


def _profitable(decision: RewardDecision) -> str:
    if decision.expected_cost is None or decision.expected_margin is None:
        return _NOT_KEPT
    return profitable(decision.expected_cost, decision.granted_cost, decision.expected_margin)


def _caps(decision: RewardDecision) -> Check:
    for code in CUT_CODES:
        figures = reason_figures(decision, code)
        if figures:
            sentence = reason_sentence(code, figures)
            return Check(name="Caps", outcome=Outcome.CHANGED, sentence=sentence, figures=_shown(decision, code))
    stopped = "RULE_GUARD" if deciding_code(decision) == "RULE_GUARD" else "CAP"
    return _kept(decision, "Caps", stopped, passed="they left enough")
