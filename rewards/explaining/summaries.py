"""An explanation in one sentence."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from rewards.explaining.explanation import ExplainedComparison, ExplainedCondition, Group, Truth, walk
from rewards.explaining.figures import shown_figure
from rewards.explaining.reasons import reason_sentence
from rewards.models import Verdict

_NAMED_MAX = 3


def sentence_of_no_match(conditions: ExplainedCondition) -> str:
    """Say which conditions keep the player out, the first three of them."""
    found = list(_in_the_way(conditions))
    more = len(found) - _NAMED_MAX
    named = "; ".join(found[:_NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")
    return (
        f"Conditions {'do not hold' if conditions.truth is Truth.DOES_NOT_HOLD else 'are not known to hold'}: {named}."
    )


def _in_the_way(condition: ExplainedCondition) -> Iterator[str]:
    """Yield what would have to change for a condition to hold."""
    if condition.truth is Truth.HOLDS:
        return
    if isinstance(condition, ExplainedComparison):
        yield phrase_of(condition)
    elif condition.group is Group.NOT:
        yield f"must not hold: {', '.join(_told(condition.members[0]))}"
    elif condition.group is Group.ANY and len(condition.members) > 1:
        yield "one is needed of: " + ", or ".join(" and ".join(_in_the_way(member)) for member in condition.members)
    else:
        for member in condition.members:
            yield from _in_the_way(member)


def _told(condition: ExplainedCondition) -> list[str]:
    comparisons = (node for node in walk(condition) if isinstance(node, ExplainedComparison))
    return [phrase_of(node) for node in comparisons]


def phrase_of(comparison: ExplainedComparison) -> str:
    """Return a comparison's distance as it reads without its row: with the field it is about."""
    label, distance = comparison.label, comparison.distance
    if distance.startswith(("is ", "has ")):
        return f"{label} {distance}"
    if distance.startswith("not known"):
        return f"{label} is {distance}"
    return distance if label in distance else f"{label}: {distance}"


def sentence_of_decision(
    *,
    verdict: str,
    reasons: Sequence[Mapping[str, Any]],
    computed: Decimal | None,
    given: Decimal,
    unit: str,
    is_stored: bool,
) -> str:
    """Say what was given, or would be, and what decided it; `unit` is what is given, for example bonus money."""
    because = "; ".join(reason_sentence(str(reason.get("code", "")), reason) for reason in reasons)
    is_given = "was given" if is_stored else "would be given"
    match verdict:
        case Verdict.APPROVED:
            return f"{_amount(given)} ({unit}) {is_given}{f': {because}' if because else ''}."
        case Verdict.REDUCED:
            return f"{_amount(given)} ({unit}) {is_given} and not {_amount(computed)}: {because}."
        case Verdict.PENDING_REVIEW:
            return f"A person must look before anything {'is' if is_stored else 'would be'} given: {because}."
        case _:
            return f"Nothing {is_given}: {because}."


def _amount(amount: Decimal | None) -> str:
    return shown_figure(amount or Decimal(0), unit="money")
