"""Explain what was not decided, by computing it again: marked as such, with what could not be reconstructed."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from rewards.explaining.amounts import WOULD_HAVE_STOPPED, AmountCourse, amount_steps
from rewards.explaining.checks import check_in_force, judged_limits, judged_safety
from rewards.explaining.explanation import Basis, Check, ExplainedCondition, Explanation, Outcome, Truth
from rewards.explaining.figures import tidy
from rewards.explaining.judgement import Judgement
from rewards.explaining.nodes import explain_conditions
from rewards.explaining.reasons import reason_sentence
from rewards.explaining.recomputing import Recomputed, recompute
from rewards.explaining.summaries import sentence_of_decision, sentence_of_no_match
from rewards.models import RewardRule, Verdict


def explain_again(rule: RewardRule, *, player_id: str, on: date) -> Explanation:
    """Explain a rule for a player on a business date for which nothing was decided.

    Where the conditions do not hold, limits, safety and amount are what they would have been. Raises RuleInvalidError.
    """
    found = recompute(player_id=player_id, rule_id=rule.pk, on=on)
    definition, judged = found.definition, found.judgement
    why_unknown = _why_unknown(found, on=on)
    conditions = explain_conditions(definition.conditions, answers=found.answers, why_unknown=why_unknown)
    in_force = check_in_force(rule, on=on)
    withheld_by = _withheld_by(conditions, in_force)
    given = Decimal(0) if withheld_by else judged.amount_given
    return Explanation(
        player_id=player_id,
        rule_id=rule.pk,
        rule_name=found.version.content["name"],
        rule_version=found.version.version,
        reward_type=definition.reward.type,
        on=on,
        basis=Basis.RECOMPUTED,
        decision_id=None,
        decided_at=None,
        verdict="" if withheld_by else judged.verdict,
        reason="" if withheld_by else judged.reason,
        summary=_summary(conditions, in_force=in_force, judged=judged, given=given, unit=definition.unit),
        conditions=conditions,
        limits=(in_force, *judged_limits(judged, definition=definition, on=on)),
        safety=judged_safety(judged),
        amount=amount_steps(
            definition,
            config=found.version.content["reward_config"],
            answers=found.answers,
            course=_course(judged, given=given, withheld_by=withheld_by),
        ),
        amount_computed=tidy(judged.figures["amount_computed"]),
        amount_given=round(given, 2),
        missing=found.missing,
    )


def _withheld_by(conditions: ExplainedCondition, in_force: Check) -> str:
    """Return what keeps the rule from deciding about the player at all, empty where nothing does."""
    if conditions.truth is not Truth.HOLDS:
        return "Conditions"
    return "In force" if in_force.outcome is Outcome.STOPPED else ""


def _summary(conditions: ExplainedCondition, *, in_force: Check, judged: Judgement, given: Decimal, unit: str) -> str:
    if conditions.truth is not Truth.HOLDS:
        return sentence_of_no_match(conditions)
    if in_force.outcome is Outcome.STOPPED:
        return f"Conditions hold, but {in_force.sentence}."
    return sentence_of_decision(
        verdict=judged.verdict,
        reasons=judged.reasons,
        computed=judged.figures["amount_computed"],
        given=given,
        unit=unit,
        is_stored=False,
    )


def _course(judged: Judgement, *, given: Decimal, withheld_by: str) -> AmountCourse:
    figures = judged.figures
    reason = judged.reasons[0] if judged.reasons else {}
    is_held_out = judged.verdict == Verdict.HELD_OUT
    code = str(reason.get("would_be_reason", "")) if is_held_out else judged.reason
    is_cut = code == "BELOW_MINIMUM" and figures["amount_after_caps"] < figures["amount_computed"]
    return AmountCourse(
        computed=figures["amount_computed"],
        after_abuse=figures["amount"],
        after_caps=figures["amount_after_caps"],
        given=given,
        stopped_by="CUT_BELOW_MINIMUM" if is_cut else code,
        stopped_because=WOULD_HAVE_STOPPED if is_held_out else reason_sentence(judged.reason, reason),
        withheld_by=withheld_by or ("Holdout" if is_held_out else ""),
    )


def _why_unknown(found: Recomputed, *, on: date) -> dict[str, str]:
    """Say of windows since when there are daily rows, and since when there would have to be."""
    reasons = {}
    for field in found.definition.fields:
        first = on - timedelta(days=(field.window_days or 1) - 1)
        if field.window_days is None or (found.days_from is not None and found.days_from <= first):
            continue
        known = f"they begin on {found.days_from}" if found.days_from else "there are none"
        reasons[field.name] = f"no daily rows reach back {field.window_days} days, to {first}: {known}"
    return reasons
