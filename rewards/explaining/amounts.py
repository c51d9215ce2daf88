"""The amount before and after each step: formula, maximum, rounding, minimum, then what limits and safety left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from rewards.definitions import RuleDefinition
from rewards.explaining.explanation import AmountStep
from rewards.explaining.figures import field_label, shown_figure, shown_value, tidy, unit_shown
from rewards.explaining.nodes import Answers
from rewards.formulas import formula_fields
from rewards.models import RewardType

_ZERO = Decimal(0)
WOULD_HAVE_STOPPED = "would have stopped it also without the control group"
# Reason code → the step at which it stops a reward.
_STOPS = {
    "NO_AMOUNT": "Nothing to give",
    "BELOW_MINIMUM": "Minimum",
    "FREQUENCY": "Limits",
    "COOLDOWN": "Limits",
    "PAID_MEANWHILE": "Limits",
    "RESTRICTED": "Restrictions",
    "ABUSE_CONFIRMED": "Abuse",
    "ABUSE_REVIEW": "Abuse",
    "ABUSE_CUT": "Abuse",
    "COST_UNKNOWN": "Profitability",
    "MARGIN_UNKNOWN": "Profitability",
    "EXCLUSIVE_GROUP": "Exclusive group",
    "UNPROFITABLE": "Profitability",
    "RULE_GUARD": "Caps",
    "CAP": "Caps",
    "CUT_BELOW_MINIMUM": "Minimum after the caps",
    "NEEDS_APPROVAL": "Approval",
    "MAX_PLAYERS": "Budget",
    "PACING": "Budget",
    "BUDGET": "Budget",
    "POOL_CAP": "Caps of groups",
}

_BEFORE_ABUSE = ("Nothing to give", "Minimum", "Limits", "Restrictions")
_BEFORE_CAPS = ("Abuse", "Exclusive group", "Profitability")


@dataclass(frozen=True, slots=True, kw_only=True)
class AmountCourse:
    """What became of the computed amount; None where a step is not known. `stopped_by` is the deciding reason code.

    `withheld_by` names what kept everything back beside that: conditions, dates or the control group.
    """

    computed: Decimal | None
    after_abuse: Decimal | None
    after_caps: Decimal | None
    given: Decimal
    stopped_by: str
    stopped_because: str
    withheld_by: str = ""


def amount_steps(
    definition: RuleDefinition, *, config: Mapping[str, Any], answers: Answers, course: AmountCourse
) -> tuple[AmountStep, ...]:
    """Return the steps up to the one that left nothing, and the amount given."""
    stop = _STOPS.get(course.stopped_by, "Posting") if course.stopped_by else ""
    steps = _computing(definition, config=config, answers=answers, computed=course.computed)
    before = course.computed
    for name, after, sentence in _left_by(course, stop=stop):
        steps.append(_step(name, before, after, sentence))
        before = after
    if course.withheld_by and before != _ZERO:
        steps.append(_step(course.withheld_by, before, _ZERO, "keeps it back"))
        before = _ZERO
    return (*steps, _step("Given", before, course.given, definition.unit))


def _left_by(course: AmountCourse, *, stop: str) -> Iterator[tuple[str, Decimal, str]]:
    """Yield what safety left of the amount, up to what left nothing."""
    if stop not in _BEFORE_ABUSE and course.after_abuse is not None and course.after_abuse != course.computed:
        yield "Abuse", course.after_abuse, "what the abuse score leaves"
    is_past_caps = stop not in (*_BEFORE_ABUSE, *_BEFORE_CAPS)
    if is_past_caps and course.after_caps is not None and course.after_caps != course.after_abuse:
        yield "Caps", course.after_caps, "what the caps leave, rounded down to fit"
    if stop:
        yield stop, _ZERO, course.stopped_because


def _computing(
    definition: RuleDefinition, *, config: Mapping[str, Any], answers: Answers, computed: Decimal | None
) -> list[AmountStep]:
    reward, raw = definition.reward, answers.formula_value
    steps = [_step("Formula", None, raw, _formula_with_values(definition, config=config, answers=answers))]
    if raw is None:
        return steps
    limited = raw
    if reward.max_amount is not None:
        limited = min(raw, reward.max_amount)
        steps.append(_step("Maximum", raw, limited, f"at most {_amount(reward.max_amount)}"))
    rounding = "half up to whole tickets" if reward.type is RewardType.TICKETS else "half up to the cent"
    steps.append(_step("Rounding", limited, computed, rounding))
    if reward.min_amount and computed is not None and computed >= reward.min_amount:
        steps.append(_step("Minimum", computed, computed, f"at least {_amount(reward.min_amount)}, or nothing"))
    return steps


def _formula_with_values(definition: RuleDefinition, *, config: Mapping[str, Any], answers: Answers) -> str:
    if "formula" not in config:
        return "a fixed amount"
    read = {field.name: field for field in formula_fields(definition.reward.formula)}
    values = [
        f"{field_label(field)} {shown_value(answers.values[name], unit=unit_shown(field))}"
        for name, field in read.items()
    ]
    text = " ".join(str(config["formula"]).split())
    return f"{text} with {', '.join(values)}" if values else text


def _step(name: str, before: Decimal | None, after: Decimal | None, sentence: str) -> AmountStep:
    return AmountStep(name=name, before=tidy(before), after=tidy(after), sentence=sentence)


def _amount(value: Decimal) -> str:
    return shown_figure(value, unit="money")
