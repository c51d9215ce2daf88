"""Move the end of a restriction, or lift it: what one person may do alone, and what takes time and a second one."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from core.errors import InvalidInputError, NotFoundError
from players.models import LiftRequest, PlayerRestriction, RestrictionAct, RestrictionKind
from players.restrictions.errors import (
    LiftRequestError,
    RestrictionEndedError,
    RestrictionNotLiftableError,
    SecondPersonNeededError,
)
from players.restrictions.imposing import Word, check_word, record_change
from players.restrictions.terms import END_TERMS, Span, cooling, span_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def restriction_of(restriction_id: int) -> PlayerRestriction:
    """Return a restriction. Raises NotFoundError."""
    found = PlayerRestriction.objects.filter(pk=restriction_id).first()
    if found is None:
        raise NotFoundError(f"there is no restriction {restriction_id}", restriction_id=restriction_id)
    return found


def move_end(restriction_id: int, *, until: datetime | None, word: Word, at: datetime) -> PlayerRestriction:
    """Let a restriction of a locked player hold until another time, None for until lifted; return it.

    Anything may hold for longer. To shorten is refused where the kind is fixed or takes two people. Raises
    NotFoundError, InvalidInputError, RestrictionEndedError, RestrictionNotLiftableError and SecondPersonNeededError.
    """
    check_word(word)
    restriction = _open_restriction(restriction_id, at=at)
    before = restriction.minimum_until or restriction.ends_at
    is_sooner = until is not None and (before is None or until < before)
    terms = END_TERMS[RestrictionKind(restriction.kind)]
    if is_sooner and terms.is_fixed:
        raise _too_early(restriction, verb="shortened")
    if is_sooner and terms.needs_two:
        raise SecondPersonNeededError(
            f"restriction {restriction.pk} ({restriction.kind}) is ended by two people: ask to lift it",
            restriction_id=restriction.pk,
        )
    if until is not None and until <= at:
        raise InvalidInputError(f"until is {until.isoformat()}, which is past: lift it instead", field="until")
    was = restriction.ends_at
    span = _moved_span(restriction, until=until)
    restriction.ends_at, restriction.minimum_until = span.ends_at, span.minimum_until
    restriction.save(update_fields=["ends_at", "minimum_until"])
    record_change(restriction, act=RestrictionAct.END_MOVED, before=was, word=word, at=at)
    return restriction


def _moved_span(restriction: PlayerRestriction, *, until: datetime | None) -> Span:
    if restriction.kind != RestrictionKind.SELF_EXCLUDED:
        return span_of(kind=restriction.kind, starts_at=restriction.starts_at, until=until)
    # Whatever the policies are by now: its minimum never falls, and one that holds until it is lifted goes on to.
    minimums = [time for time in (restriction.minimum_until, until) if time is not None]
    return Span(
        ends_at=None if restriction.ends_at is None else until, minimum_until=max(minimums) if minimums else None
    )


def lift_restriction(restriction_id: int, *, word: Word, at: datetime) -> PlayerRestriction:
    """End now what one person may end alone, of a locked player; return it.

    Raises NotFoundError, InvalidInputError, RestrictionEndedError, RestrictionNotLiftableError and
    SecondPersonNeededError.
    """
    check_word(word)
    restriction = _open_restriction(restriction_id, at=at)
    _check_minimum(restriction, at=at)
    if END_TERMS[RestrictionKind(restriction.kind)].needs_two:
        raise SecondPersonNeededError(
            f"restriction {restriction.pk} ({restriction.kind}) is lifted by two people: ask for it, another decides",
            restriction_id=restriction.pk,
        )
    return _end(restriction, act=RestrictionAct.LIFTED, word=word, at=at)


def ask_to_lift(restriction_id: int, *, word: Word, at: datetime) -> LiftRequest:
    """Note that a restriction is to be lifted which takes two people; another one decides, not before `earliest_at`.

    Only once the minimum is over: before, nobody may ask. Raises what `lift_restriction` raises, and LiftRequestError
    beside an open wish.
    """
    check_word(word)
    if word.by is None:
        raise InvalidInputError("who asks is missing: a user is needed", field="by")
    restriction = _open_restriction(restriction_id, at=at)
    _check_minimum(restriction, at=at)
    if not END_TERMS[RestrictionKind(restriction.kind)].needs_two:
        raise LiftRequestError(
            f"restriction {restriction.pk} ({restriction.kind}) is lifted by one person: lift it",
            restriction_id=restriction.pk,
        )
    _check_none_open(restriction)
    asked = LiftRequest.objects.create(
        restriction=restriction,
        source=word.source,
        reason=word.reason,
        evidence=word.evidence,
        asked_by=word.by,
        asked_at=at,
        earliest_at=at + cooling(restriction.kind),
    )
    record_change(restriction, act=RestrictionAct.LIFT_ASKED, before=restriction.ends_at, word=word, at=at)
    return asked


def ask_to_correct(restriction_id: int, *, right_restriction_id: int | None, word: Word, at: datetime) -> LiftRequest:
    """Note that a fixed restriction was entered for the wrong player; another person decides, minimum or not.

    `right_restriction_id` is the same one of the player it was meant for, imposed before, which holds no shorter; None
    where that person is no player here. Evidence is needed. Raises what `lift_restriction` raises, and LiftRequestError
    for a kind that can simply be lifted, or beside an open wish.
    """
    check_word(word)
    if word.by is None:
        raise InvalidInputError("who asks is missing: a user is needed", field="by")
    if not word.evidence:
        raise InvalidInputError("evidence is missing: what shows that another person was meant", field="evidence")
    restriction = _open_restriction(restriction_id, at=at)
    if not END_TERMS[RestrictionKind(restriction.kind)].is_fixed:
        raise LiftRequestError(
            f"restriction {restriction.pk} ({restriction.kind}) needs no correction: lift it",
            restriction_id=restriction.pk,
        )
    _check_none_open(restriction)
    asked = LiftRequest.objects.create(
        restriction=restriction,
        is_correction=True,
        right_restriction=_right_restriction(restriction, right_restriction_id, at=at),
        source=word.source,
        reason=word.reason,
        evidence=word.evidence,
        asked_by=word.by,
        asked_at=at,
        earliest_at=at,
    )
    record_change(restriction, act=RestrictionAct.CORRECTION_ASKED, before=restriction.ends_at, word=word, at=at)
    return asked


def _right_restriction(
    wrong: PlayerRestriction, right_restriction_id: int | None, *, at: datetime
) -> PlayerRestriction | None:
    """Return the restriction of the player who was meant. Raises InvalidInputError where it is not that."""
    if right_restriction_id is None:
        return None
    right = PlayerRestriction.objects.filter(pk=right_restriction_id).first()
    if right is None or right.player_id == wrong.player_id or right.kind != wrong.kind or _has_ended(right, at=at):
        raise InvalidInputError(
            f"right_restriction_id is {right_restriction_id}: a {wrong.kind} of another player that holds is needed",
            field="right_restriction_id",
        )
    right_end, wrong_end = _fixed_until(right), _fixed_until(wrong)
    if wrong_end is not None and right_end is not None and right_end < wrong_end:
        raise InvalidInputError(
            f"restriction {right.pk} ends before the one in its place, on {right_end.isoformat()}: let it hold until "
            f"{wrong_end.isoformat()} first",
            field="right_restriction_id",
        )
    return right


def decide_lift(restriction_id: int, *, is_granted: bool, note: str, by: User, at: datetime) -> PlayerRestriction:
    """Grant or refuse the open wish to lift a restriction of a locked player, as the second person; return it.

    Raises NotFoundError, InvalidInputError, LiftRequestError, SecondPersonNeededError for who asked, and
    RestrictionNotLiftableError for a grant before its time.
    """
    restriction = restriction_of(restriction_id)
    asked = LiftRequest.objects.filter(restriction=restriction, decided_at=None).first()
    if asked is None:
        raise LiftRequestError(f"nobody asked to lift restriction {restriction_id}", restriction_id=restriction_id)
    word = Word(source=asked.source, reason=note, evidence={"lift_request": asked.pk}, by=by)
    check_word(word)
    if asked.asked_by_id == by.pk:
        raise SecondPersonNeededError(
            f"{by.get_username()} asked to lift restriction {restriction_id}: somebody else decides",
            restriction_id=restriction_id,
        )
    if is_granted:
        _check_grant(restriction, asked, at=at)
    asked.decided_by, asked.decided_at, asked.is_granted, asked.note = by, at, is_granted, note
    asked.save(update_fields=["decided_by", "decided_at", "is_granted", "note"])
    granted, refused = _ACTS_OF_DECISION[asked.is_correction]
    if is_granted:
        return _end(restriction, act=granted, word=word, at=at)
    record_change(restriction, act=refused, before=restriction.ends_at, word=word, at=at)
    return restriction


# By whether it is a correction: what granting and refusing it are called.
_ACTS_OF_DECISION = {
    False: (RestrictionAct.LIFTED, RestrictionAct.LIFT_REFUSED),
    True: (RestrictionAct.CORRECTED, RestrictionAct.CORRECTION_REFUSED),
}


def _check_grant(restriction: PlayerRestriction, asked: LiftRequest, *, at: datetime) -> None:
    """Look again at what may have changed since it was asked for: either end may have been moved."""
    if asked.is_correction:
        _right_restriction(restriction, asked.right_restriction_id, at=at)
        return
    _check_minimum(restriction, at=at)
    if at < asked.earliest_at:
        raise _not_before(restriction, asked.earliest_at, verb="lifted")


def _check_none_open(restriction: PlayerRestriction) -> None:
    if LiftRequest.objects.filter(restriction=restriction, decided_at=None).exists():
        raise LiftRequestError(
            f"restriction {restriction.pk} waits for a decision already", restriction_id=restriction.pk
        )


def _open_restriction(restriction_id: int, *, at: datetime) -> PlayerRestriction:
    restriction = restriction_of(restriction_id)
    if restriction.ends_at is not None and _has_ended(restriction, at=at):
        raise RestrictionEndedError(
            f"restriction {restriction.pk} ended on {restriction.ends_at.isoformat()}", restriction_id=restriction.pk
        )
    return restriction


def _has_ended(restriction: PlayerRestriction, *, at: datetime) -> bool:
    return restriction.ends_at is not None and restriction.ends_at <= at


def _fixed_until(restriction: PlayerRestriction) -> datetime | None:
    """Return before when nobody ends it, None where that can be any time."""
    if restriction.minimum_until is None and END_TERMS[RestrictionKind(restriction.kind)].is_fixed:
        return restriction.ends_at
    return restriction.minimum_until


def _check_minimum(restriction: PlayerRestriction, *, at: datetime) -> None:
    fixed_until = _fixed_until(restriction)
    if fixed_until is not None and at < fixed_until:
        raise _not_before(restriction, fixed_until, verb="lifted")


def _too_early(restriction: PlayerRestriction, *, verb: str) -> RestrictionNotLiftableError:
    earliest = restriction.minimum_until or restriction.ends_at
    if earliest is None:
        return RestrictionNotLiftableError(
            f"restriction {restriction.pk} ({restriction.kind}) cannot be {verb}: it holds until it is lifted",
            restriction_id=restriction.pk,
        )
    return _not_before(restriction, earliest, verb=verb)


def _not_before(restriction: PlayerRestriction, earliest: datetime, *, verb: str) -> RestrictionNotLiftableError:
    return RestrictionNotLiftableError(
        f"restriction {restriction.pk} ({restriction.kind}) cannot be {verb} before {earliest.isoformat()}",
        restriction_id=restriction.pk,
        earliest_at=earliest.isoformat(),
    )


def _end(restriction: PlayerRestriction, *, act: RestrictionAct, word: Word, at: datetime) -> PlayerRestriction:
    was = restriction.ends_at
    # One that has not begun never holds.
    restriction.ends_at = max(at, restriction.starts_at)
    restriction.save(update_fields=["ends_at"])
    record_change(restriction, act=act, before=was, word=word, at=at)
    return restriction
