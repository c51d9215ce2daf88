"""How each kind of restriction may end, and how long it holds at least."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.errors import InvalidInputError
from players.models import RestrictionKind
from players.policies import COOL_OFF_DAYS_MAX, LIFT_COOLING_HOURS, SELF_EXCLUSION_ENDS, SELF_EXCLUSION_MINIMUM_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class EndTerms:
    """`is_fixed`: never ends before its minimum. `needs_two`: one person asks, another decides. `cools`: later only."""

    is_fixed: bool = False
    needs_two: bool = False
    cools: bool = False


# As operators of gambling are held to: a person who excluded themselves cannot be talked back in, nor talk us into it.
END_TERMS = {
    RestrictionKind.SELF_EXCLUDED: EndTerms(is_fixed=True, needs_two=True, cools=True),
    RestrictionKind.COOL_OFF: EndTerms(is_fixed=True, needs_two=True),
    RestrictionKind.RG_HARM: EndTerms(needs_two=True),
    RestrictionKind.BLOCKED: EndTerms(),
    RestrictionKind.MARKETING_OPT_OUT: EndTerms(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """How long a restriction holds: `ends_at` None until lifted; `minimum_until` None without a minimum."""

    ends_at: datetime | None
    minimum_until: datetime | None


def span_of(*, kind: str, starts_at: datetime, until: datetime | None) -> Span:
    """Return how long a restriction of the kind holds that is asked for until then, None for no end.

    With SELF_EXCLUSION_ENDS = ON_REQUEST a self-exclusion's `until` is its minimum, and it holds until it is lifted.
    Raises InvalidInputError.
    """
    if until is not None and until <= starts_at:
        raise _wrong(f"until is {until.isoformat()}: later than the start, {starts_at.isoformat()}, is needed")
    if kind == RestrictionKind.SELF_EXCLUDED:
        return _span_of_exclusion(starts_at=starts_at, until=until)
    if kind == RestrictionKind.COOL_OFF:
        longest = starts_at + timedelta(days=COOL_OFF_DAYS_MAX.value())
        if until is None or until > longest:
            raise _wrong(
                f"until is {'missing' if until is None else until.isoformat()}: a cool-off ends by itself, at the "
                f"latest on {longest.isoformat()}; for longer impose a self-exclusion"
            )
        return Span(ends_at=until, minimum_until=until)
    return Span(ends_at=until, minimum_until=None)


def _span_of_exclusion(*, starts_at: datetime, until: datetime | None) -> Span:
    days = SELF_EXCLUSION_MINIMUM_DAYS.value()
    shortest = starts_at + timedelta(days=days)
    if until is not None and until < shortest:
        raise _wrong(
            f"until is {until.isoformat()}: a self-exclusion lasts at least {days} days, here until "
            f"{shortest.isoformat()}; for less impose a cool-off"
        )
    return exclusion_span(until or shortest)


def exclusion_span(minimum_until: datetime) -> Span:
    """Return the span of a self-exclusion that cannot end before a time."""
    ends_by_itself = SELF_EXCLUSION_ENDS.value() == "BY_ITSELF"
    return Span(ends_at=minimum_until if ends_by_itself else None, minimum_until=minimum_until)


def cooling(kind: str) -> timedelta:
    """Return how long a wish to lift is thought over before it may be granted."""
    return timedelta(hours=LIFT_COOLING_HOURS.value() if END_TERMS[RestrictionKind(kind)].cools else 0)


def _wrong(message: str) -> InvalidInputError:
    return InvalidInputError(message, field="until")
