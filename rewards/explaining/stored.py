"""Explain a stored decision by what was kept with it: the rule's version, the values, the reasons with figures."""

from __future__ import annotations

from decimal import Decimal

from rewards.definitions import RuleDefinition
from rewards.explaining.amounts import WOULD_HAVE_STOPPED, AmountCourse, amount_steps
from rewards.explaining.explanation import Basis, Explanation, Truth
from rewards.explaining.kept_checks import deciding_code, kept_limits, kept_safety, reason_figures
from rewards.explaining.nodes import Answers, ask_facts, explain_conditions
from rewards.explaining.reasons import CUT_CODES, reason_sentence
from rewards.explaining.sources import KeptFacts
from rewards.explaining.summaries import sentence_of_decision
from rewards.models import RewardDecision, RewardRuleVersion, Verdict
from rewards.models.decisions import GIVEN_VERDICTS
from rewards.rules import define_version


def explain_decision(decision: RewardDecision) -> Explanation:
    """Explain a decision; later changes of the rule and of the player do not change what it says.

    Raises RuleInvalidError where the stored version cannot be read any more.
    """
    versions = RewardRuleVersion.objects.select_related("rule")
    version = versions.get(rule__number=decision.rule_id, version=decision.rule_version)
    definition = define_version(version)
    source = KeptFacts(decision_id=decision.pk, player_id=decision.player_id, on=decision.first_on)
    answers = ask_facts(definition, source=source)
    why_unknown = _why_unknown(decision, definition)
    conditions = explain_conditions(definition.conditions, answers=answers, why_unknown=why_unknown)
    return Explanation(
        player_id=decision.player_id,
        rule_id=version.rule_id,
        rule_name=version.content["name"],
        rule_version=version.version,
        reward_type=definition.reward.type,
        on=decision.last_on,
        basis=Basis.STORED,
        decision_id=decision.pk,
        decided_at=decision.decided_at,
        verdict=decision.verdict,
        reason=decision.reason,
        summary=sentence_of_decision(
            verdict=decision.verdict,
            reasons=decision.reasons,
            computed=decision.amount_computed,
            given=decision.amount_given,
            unit=definition.unit,
            is_stored=True,
        ),
        conditions=conditions,
        limits=kept_limits(decision, definition=definition),
        safety=kept_safety(decision, definition=definition),
        amount=amount_steps(
            definition, config=version.content["reward_config"], answers=answers, course=_course(decision)
        ),
        amount_computed=decision.amount_computed,
        amount_given=decision.amount_given,
        missing=_missing(decision, definition, answers=answers, truth=conditions.truth),
    )


def _course(decision: RewardDecision) -> AmountCourse:
    """Return the amount's way as far as reasons and amounts tell it."""
    cut = next(filter(None, (reason_figures(decision, code) for code in CUT_CODES)), None)
    is_given = decision.verdict in GIVEN_VERDICTS
    given = decision.amount_given if is_given else None
    code = deciding_code(decision)
    is_held_out = decision.verdict == Verdict.HELD_OUT
    sentence = reason_sentence(decision.reason, reason_figures(decision, decision.reason))
    return AmountCourse(
        computed=decision.amount_computed,
        after_abuse=round(Decimal(str(cut["from"])), 2) if cut else given,
        after_caps=given,
        given=decision.amount_given,
        stopped_by=code,
        stopped_because=sentence if not is_held_out else WOULD_HAVE_STOPPED,
        withheld_by="Holdout" if is_held_out else "",
    )


def _absent(decision: RewardDecision, definition: RuleDefinition) -> set[str]:
    return set(definition.columns) - set(decision.facts or {})


def _why_unknown(decision: RewardDecision, definition: RuleDefinition) -> dict[str, str]:
    absent = _absent(decision, definition)
    return {
        field.name: "the decision did not keep it" for field in definition.fields if absent.intersection(field.columns)
    }


def _missing(
    decision: RewardDecision, definition: RuleDefinition, *, answers: Answers, truth: Truth
) -> tuple[str, ...]:
    """Name what the stored row cannot tell."""
    missing = []
    if absent := _absent(decision, definition):
        missing.append(f"the decision did not keep {', '.join(sorted(absent))}")
    if decision.times > 1:
        missing.append(
            f"the same refusal stood {decision.times} times from {decision.first_on} to {decision.last_on}: the values "
            "are those of the first day, the reason's figures those of the last"
        )
    if not absent and truth is not Truth.HOLDS:
        missing.append("the kept values do not satisfy the conditions: what a field means has changed since")
    if not absent and answers.amount != decision.amount_computed:
        missing.append("the kept values do not compute the stored amount: what a field means has changed since")
    return tuple(missing)
