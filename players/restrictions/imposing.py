"""Impose a restriction on a player, with who says so, why, on what evidence and until when."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from core.errors import InvalidInputError
from core.models import OutboxEvent
from core.strict_json import JSONRefusedError, check_text
from players.models import PlayerRestriction, RestrictionAct, RestrictionChange, RestrictionKind
from players.restrictions.errors import AlreadyRestrictedError, ReferenceReusedError
from players.restrictions.terms import span_of

if TYPE_CHECKING:
    from django.contrib.auth.models import User

SOURCE_LENGTH_MAX = 60
REFERENCE_LENGTH_MAX = 100
REASON_LENGTH_MAX = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """On whose word something is done to a restriction, why, on what evidence, and who does it."""

    source: str
    reason: str
    by: User | None
    evidence: dict[str, Any] = field(default_factory=dict)

    @property
    def actor(self) -> str:
        """The user's name; what runs without one is named by its source."""
        return self.by.get_username() if self.by is not None else self.source


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The restriction that is asked for; `until` None: until lifted."""

    player_id: str
    kind: str
    starts_at: datetime
    until: datetime | None = None
    external_reference: str = ""


def impose_restriction(wanted: Wanted, *, word: Word, at: datetime) -> PlayerRestriction:
    """Store a restriction of a locked player and return it; the same reference of the same source returns the first.

    Raises InvalidInputError, ReferenceReusedError and AlreadyRestrictedError.
    """
    check_word(word)
    _check_wanted(wanted)
    span = span_of(kind=wanted.kind, starts_at=wanted.starts_at, until=wanted.until)
    earlier = _earlier(wanted, word=word, at=at)
    if earlier is not None:
        return earlier
    if span.ends_at is not None and span.ends_at <= at:
        raise InvalidInputError(
            f"it would have ended on {span.ends_at.isoformat()} already and restrict nobody: a start and an end that "
            "reach beyond now are needed",
            field="until" if wanted.until else "starts_at",
        )
    restriction = PlayerRestriction.objects.create(
        player_id=wanted.player_id,
        kind=wanted.kind,
        starts_at=wanted.starts_at,
        ends_at=span.ends_at,
        minimum_until=span.minimum_until,
        source=word.source,
        external_reference=wanted.external_reference,
        reason=word.reason,
        evidence=word.evidence,
        created_by=word.by,
        created_at=at,
    )
    record_change(restriction, act=RestrictionAct.IMPOSED, before=None, word=word, at=at)
    return restriction


def _check_wanted(wanted: Wanted) -> None:
    if wanted.kind not in RestrictionKind.values:
        needed = ", ".join(RestrictionKind.values)
        raise InvalidInputError(f"kind is {wanted.kind!r}: one of {needed} is needed", field="kind")
    if len(wanted.external_reference) > REFERENCE_LENGTH_MAX:
        raise InvalidInputError(
            f"external_reference has {len(wanted.external_reference)} characters: at most {REFERENCE_LENGTH_MAX} can "
            "be stored",
            field="external_reference",
        )


def check_word(word: Word) -> None:
    """Raise InvalidInputError where source or reason is missing or too long, or the evidence cannot be stored."""
    for name, text, most in (("source", word.source, SOURCE_LENGTH_MAX), ("reason", word.reason, REASON_LENGTH_MAX)):
        if not 0 < len(text.strip()) <= most:
            raise InvalidInputError(
                f"{name} has {len(text)} characters: 1 to {most} that say something are needed", field=name
            )
    for name, value in (("source", word.source), ("reason", word.reason), ("evidence", word.evidence)):
        try:
            check_text(value)
        except JSONRefusedError as error:
            raise InvalidInputError(f"{name}: {error}", field=name) from None


def _earlier(wanted: Wanted, *, word: Word, at: datetime) -> PlayerRestriction | None:
    """Return what the same request stored before. Raises where it is not the same."""
    if wanted.external_reference:
        named = PlayerRestriction.objects.filter(source=word.source, external_reference=wanted.external_reference)
        earlier = named.first()
        if earlier is not None and (earlier.player_id, earlier.kind) != (wanted.player_id, wanted.kind):
            raise ReferenceReusedError(
                f"{word.source!r} named restriction {earlier.pk} ({earlier.kind} of {earlier.player_id}) "
                f"{wanted.external_reference!r} already; another needs a reference of its own",
                restriction_id=earlier.pk,
            )
        return earlier
    # One that was announced for later says nothing of the time before it, nor one that ends of the time after.
    since = max(at, wanted.starts_at)
    standing = PlayerRestriction.objects.filter(
        Q(ends_at=None) | Q(ends_at__gt=since),
        player_id=wanted.player_id,
        kind=wanted.kind,
        source=word.source,
        starts_at__lte=since,
    ).first()
    if standing is not None:
        raise AlreadyRestrictedError(
            f"player {wanted.player_id} is {wanted.kind} on the word of {word.source!r} already: move the end of "
            f"restriction {standing.pk}",
            restriction_id=standing.pk,
        )
    return None


def record_change(
    restriction: PlayerRestriction, *, act: RestrictionAct, before: datetime | None, word: Word, at: datetime
) -> None:
    """Add a line to a restriction's history and tell other systems."""
    change = RestrictionChange.objects.create(
        restriction=restriction,
        act=act,
        ends_at_before=before,
        ends_at_after=restriction.ends_at,
        source=word.source,
        reason=word.reason,
        evidence=word.evidence,
        actor=word.actor,
        changed_at=at,
    )
    OutboxEvent.objects.create(
        topic=f"restriction.{act.lower()}",
        key=f"restriction.{act.lower()}:{change.pk}",
        payload={
            "restriction_id": restriction.pk,
            "player_id": restriction.player_id,
            "kind": restriction.kind,
            "starts_at": restriction.starts_at.isoformat(),
            "ends_at": restriction.ends_at.isoformat() if restriction.ends_at else None,
        },
    )
